"""Which folders, tasks and files of the index a selection means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.selection import Selection, fits, number_of
from wrikebackup_core.errors import UsageError

__all__ = ["choose"]

_FIRST = -1 << 62
_OF_AUTHOR = "EXISTS (SELECT 1 FROM authors a JOIN meant m ON m.id = a.person WHERE a.ref = {0}.ref)"


def choose(index: Index, selection: Selection) -> None:
    """Marks them as chosen. Raises UsageError for a task, folder, project or person that the backup does not have."""
    index.run("CREATE TABLE meant (id TEXT PRIMARY KEY) WITHOUT ROWID")
    for word in selection.authors:
        _person(index, word)
    _locate(index, selection)
    whose = " AND " + _OF_AUTHOR.format("nodes") if selection.authors else ""
    since, until = selection.since or "", selection.until or "~"
    dated = (
        "1"
        if selection.since is None and selection.until is None
        else "created != '' AND created >= ?1 AND created < ?2"
    )
    if not selection.only_files:
        index.run(f"UPDATE nodes SET chosen = 1 WHERE located AND ({dated}){whose}", *_used(dated, since, until))
    index.function("fits", 2, lambda name, type_: fits(name, selection.names) and fits(type_, selection.types))
    whose = ""
    if selection.authors:
        own = "files.author IN (SELECT id FROM meant)"
        whose = f" AND CASE WHEN files.author = '' THEN {_OF_AUTHOR.format('files')} ELSE {own} END"
    where = "1"
    if selection.places:
        where = "EXISTS (SELECT 1 FROM nodes n WHERE n.ref = files.ref AND n.located)"
    condition = f"{where} AND ({dated}){whose} AND fits(name, type)"
    index.run(f"UPDATE files SET chosen = 1 WHERE {condition}", *_used(dated, since, until))


def _used(dated: str, *values: str) -> Sequence[str]:
    return () if dated == "1" else values


def _person(index: Index, word: str) -> None:
    found = 0
    folded = word.casefold()
    for id_, name, mail in index.rows("SELECT id, name, mail FROM people WHERE id > ?1"):
        if word == id_ or folded in (name.casefold(), mail.casefold(), *name.casefold().split(" ")):
            index.run("INSERT OR IGNORE INTO meant VALUES (?)", id_)
            found += 1
    if not found:
        if index.one("SELECT 1 FROM authors WHERE person=? UNION ALL SELECT 1 FROM files WHERE author=?", word, word):
            index.run("INSERT OR IGNORE INTO meant VALUES (?)", word)
        else:
            raise UsageError(f"the backup knows nobody called {word}", hint="give a name, an e-mail address or an id")


def _locate(index: Index, selection: Selection) -> None:
    if not selection.places:
        index.run("UPDATE nodes SET located = 1")
        return
    for word in selection.tasks:
        _mark(index, "task", word, "task = 1", 1)
    for word in selection.folders:
        _mark(index, "folder", word, "task = 0", 2)
    for word in selection.projects:
        _mark(index, "project", word, "task = 0 AND project", 2)
    index.run(
        "WITH RECURSIVE below (n) AS (SELECT n FROM nodes WHERE located = 2 UNION"
        " SELECT l.child FROM links l JOIN below b ON b.n = l.parent) UPDATE nodes SET located = 2 WHERE n IN below"
    )


def _mark(index: Index, what: str, word: str, condition: str, how: int) -> None:
    """1 for a thing by itself, 2 with all that is below it."""
    found = list(_named(index, word, condition))
    if not found:
        hint = "give its id, its number or its permalink" + (
            "" if what == "task" else ", or titles: Marketing/Campaigns"
        )
        if what == "project" and not index.one("SELECT 1 FROM nodes WHERE project"):
            hint = "this backup does not say which folders are projects; give --folder"
        raise UsageError(f"the backup has no {what} {word}", hint=hint)
    for n in found:
        index.run("UPDATE nodes SET located = max(located, ?) WHERE n = ?", how, n)


def _named(index: Index, word: str, condition: str) -> Iterator[int]:
    number = number_of(word)
    exact = f"SELECT n FROM nodes WHERE n > ?1 AND {condition} AND (ref = ?2 OR number = ?3)"
    found = [n for (n,) in index.rows(exact, word, number, after=_FIRST)]
    if found or condition == "task = 1":
        yield from found
        return
    titles = f"SELECT n, title FROM nodes WHERE n > ?1 AND {condition}"
    wanted = word.casefold().strip("/")
    for n, title in index.rows(titles, after=_FIRST):
        folded = title.casefold().strip("/")
        if folded and wanted.endswith(folded) and _leads(index, n, wanted, folded):
            yield n


def _leads(index: Index, n: int, wanted: str, title: str, deep: int = 0) -> bool:
    """Whether `wanted` ends with the title of the folder `n`, and what stands before it leads there."""
    if wanted == title:
        return True
    before = wanted.removesuffix(title)
    if not before.endswith("/") or deep > 100:
        return False
    above = before.rstrip("/")
    parents = "SELECT p.n, p.title FROM links l JOIN nodes p ON p.n = l.parent WHERE p.n > ?1 AND l.child = ?2"
    return any(
        bool(folded) and above.endswith(folded) and _leads(index, parent, above, folded, deep + 1)
        for parent, folded in (
            (parent, found.casefold().strip("/")) for parent, found in index.rows(parents, n, after=_FIRST)
        )
    )
