"""Where folders, tasks and files lie in the tree for people: each once, under a name that is safe and its own.

Places and names hang on the whole backup, whatever is selected of it: restored one after the other, two selections fit together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.format.names import safe_name

__all__ = ["FOLDER_PAGE", "TASK_PAGE", "TOP", "Places", "place"]

FOLDER_PAGE, TASK_PAGE = "folder.md", "task.md"
TOP = 0
_LOOSE_TASKS, _LOOSE_FILES = -1, -2
_SYNTHETIC = ((_LOOSE_TASKS, "Tasks without a folder"), (_LOOSE_FILES, "Files without a task or folder"))
_DEEPEST = 16  # folders within folders; those in the deepest ones begin anew at the top
_FOLDER_ROOM, _FILE_ROOM = (
    80,
    150,
)  # bytes of a name: sixteen of the longest and a file are no longer than a path may be
_FIRST = -1 << 62
_SHOWN = 5
_REMEMBERED = 4096  # paths


def place(index: Index, where: str) -> Iterator[Finding]:
    """Gives all of them their places. Yields what is wrong with the folders of the backup, whose records are `where`."""
    index.insert("INSERT INTO placed VALUES (?, 0, 1, 0, ?)", _SYNTHETIC)
    index.insert("INSERT INTO taken VALUES (0, ?)", [(_folded(name),) for _, name in _SYNTHETIC])
    top = "INSERT INTO placed SELECT n, CASE WHEN task THEN -1 ELSE 0 END, 1 + task, 1, NULL FROM nodes"
    index.run(f"{top} WHERE n NOT IN (SELECT child FROM links WHERE child != parent)")
    last = _below(index, 1)
    circles: list[str] = []
    count, n = 0, _FIRST
    unplaced = "SELECT n, ref, task FROM nodes WHERE n > ? AND n NOT IN (SELECT n FROM placed) ORDER BY n LIMIT 1"
    while found := index.one(unplaced, n):
        n, ref, task = found
        count += 1
        circles += [ref] if len(circles) < _SHOWN else []
        index.run("INSERT INTO placed VALUES (?, ?, ?, ?, NULL)", n, _LOOSE_TASKS if task else TOP, 1 + task, last + 1)
        last = _below(index, last + 1)
    index.run(f"UPDATE placed SET parent = 0 WHERE depth % {_DEEPEST} = 0")
    _name_nodes(index)
    _name_files(index)
    if count:
        named = ", ".join(circles) + (f" and {count - len(circles):,} more" if count > len(circles) else "")
        yield Finding(where, "damaged", f"folders or tasks that contain themselves, put at the top: {named}")


def _below(index: Index, number: int) -> int:
    """Puts what is in those that came in a round into the next one, and so on. Gives the last round."""
    step = (
        "INSERT OR IGNORE INTO placed SELECT l.child, l.parent, p.depth + 1, ?1 + 1, NULL"
        " FROM placed p JOIN links l ON l.parent = p.n WHERE p.round = ?1 ORDER BY l.place, l.parent"
    )
    while index.run(step, number) > 0:
        number += 1
    return number


def _name_nodes(index: Index) -> None:
    query = "SELECT n.n, n.ref, n.number, n.title, p.parent FROM nodes n JOIN placed p ON p.n = n.n WHERE n.n > ?1"
    for n, ref, number, title, parent in index.rows(query, after=_FIRST):
        mark = safe_name(ref if number is None else str(number), 24)
        index.run(
            "UPDATE placed SET name = ? WHERE n = ?", _free(index, parent, title, mark, _FOLDER_ROOM, file=False), n
        )


def _name_files(index: Index) -> None:
    query = "SELECT f.id, f.name, coalesce(n.n, -2) FROM files f LEFT JOIN nodes n ON n.ref = f.ref WHERE f.id > ?1 AND f.origin IS NOT NULL"
    for id_, name, parent in index.rows(query):
        index.run(
            "UPDATE files SET shown = ? WHERE id = ?",
            _free(index, parent, name, safe_name(id_, 24), _FILE_ROOM, file=True),
            id_,
        )


def _free(index: Index, parent: int, name: str, mark: str, room: int, *, file: bool) -> str:
    """A name that nothing else in the folder has."""
    number, shown = 1, safe_name(name, room)
    while _folded(shown) in (FOLDER_PAGE, TASK_PAGE) or not index.run(
        "INSERT OR IGNORE INTO taken VALUES (?, ?)", parent, _folded(shown)
    ):
        tail = f" ({mark})" if number == 1 else f" ({mark} {number})"
        stem, dot, extension = safe_name(name, room - len(tail.encode())).rpartition(".") if file else ("", "", "")
        shown = f"{stem}{tail}{dot}{extension}" if stem else safe_name(name, room - len(tail.encode())) + tail
        number += 1
    return shown


def _folded(name: str) -> str:
    """The same for names that some file system takes for one."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())


class Places:
    """Paths in the tree, of what was placed."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.folder = lru_cache(_REMEMBERED)(self._folder)
        """Of a task or folder, with a slash at its end; `""` for the top."""

    def _folder(self, n: int) -> str:
        if n == TOP:
            return ""
        parent, name = self._index.one("SELECT parent, name FROM placed WHERE n=?", n)
        return f"{self.folder(parent)}{name}/"

    def page(self, n: int, *, task: bool) -> str:
        """Of the page that describes it."""
        return self.folder(n) + (TASK_PAGE if task else FOLDER_PAGE)

    def file(self, n: int | None, shown: str) -> str:
        """Of an attachment of node `n`, None where that is unknown."""
        return self.folder(_LOOSE_FILES if n is None else n) + shown
