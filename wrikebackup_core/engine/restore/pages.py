"""The page of a task or folder, in Markdown, in pieces: a task may have a hundred thousand comments."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.restore.facts import Facts
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.markdown import from_html, line
from wrikebackup_core.engine.restore.placing import Places

__all__ = ["Pages"]

_LONGEST = 1 << 20  # characters of one text that are made into Markdown; longer ones are no texts of people
_FIRST = -1 << 62
_REMEMBERED = 1024  # names
_PIECE = 64 << 10  # characters


class Pages:
    """Of what was placed. The same backup gives the same pages."""

    def __init__(self, index: Index) -> None:
        self._index, self._places = index, Places(index)
        self._person, self._word = lru_cache(_REMEMBERED)(self._name), lru_cache(_REMEMBERED)(self._title)

    def page(self, n: int) -> Iterator[bytes]:
        """Of a task or folder, in pieces that are worth a write."""
        some: list[str] = []
        size = 0
        for text in self._page(n):
            some.append(text)
            size += len(text)
            if size >= _PIECE:
                yield "".join(some).encode(errors="replace")
                some, size = [], 0
        yield "".join(some).encode(errors="replace")

    def _page(self, n: int) -> Iterator[str]:
        body, ref = self._index.one("SELECT body, ref FROM nodes WHERE n=?", n)
        facts = json_decoder(Facts)(body)
        yield f"# {line(facts.title) or '(without a title)'}\n\n"
        yield from (f"- {name}: {value}\n" for name, value in self._facts(facts) if value)
        if description := _shown(facts.description):
            yield f"\n## Description\n\n{description}\n"
        yield from self._section("Files", self._files(n, ref))
        yield from self._section("Also here", self._elsewhere(n))
        yield from self._section("Comments", self._comments(ref), gap="")
        yield from self._section("Time", self._hours(ref))

    def _section(self, title: str, lines: Iterator[str], gap: str = "\n") -> Iterator[str]:
        first = next(lines, None)
        if first is not None:
            yield f"\n## {title}\n{gap}{first}"
            yield from lines

    def _facts(self, facts: Facts) -> Iterator[tuple[str, str]]:
        status = self._word(facts.status_id)
        if status and facts.status and status != facts.status:
            status = f"{status} ({line(facts.status)})"
        yield "What", facts.what if facts.what != "task" else ""
        yield "Status", status or line(facts.status)
        yield "Importance", line(facts.importance) if facts.importance != "Normal" else ""
        yield "Start", _time(facts.start)
        yield "Due", _time(facts.due)
        yield "Assigned to", ", ".join(map(self._person, facts.responsible))
        yield "Author", ", ".join(map(self._person, facts.authors))
        yield "Created", _time(facts.created)
        yield "Changed", _time(facts.updated)
        yield "Completed", _time(facts.completed)
        for field, value in facts.fields:
            yield self._word(field) or line(field), line(value)
        yield "Id", line(facts.id)
        yield "In Wrike", f"<{facts.permalink}>" if _is_address(facts.permalink) else ""

    def _files(self, n: int, ref: str) -> Iterator[str]:
        here = self._places.folder(n)
        query = "SELECT id, name, shown, size, author, created, stored, url FROM files WHERE id > ?1 AND ref = ?2"
        for id_, name, shown, size, author, created, stored, url in self._index.rows(query, ref):
            told = ", ".join(filter(None, (_bytes(size), self._person(author) if author else "", _time(created))))
            if shown is not None:
                link = f"[{line(name) or '(without a name)'}](<{_relative(self._places.file(n, shown), here)}>)"
            elif stored:
                link = f"{line(name)}, not in the backup (id {line(id_)})"
            else:
                link = f"{line(name)}, stored outside of Wrike" + (f": <{url}>" if _is_address(url) else "")
            yield f"- {link}{', ' + told if told else ''}\n"

    def _elsewhere(self, n: int) -> Iterator[str]:
        """What is in this folder, too, and has its place in another one."""
        here = self._places.folder(n)
        query = (
            "SELECT l.child, c.title, c.task FROM links l JOIN placed p ON p.n = l.child JOIN nodes c ON c.n = l.child"
            " WHERE l.child > ?1 AND l.parent = ?2 AND p.parent != ?2"
        )
        for child, title, task in self._index.rows(query, n, after=_FIRST):
            if child != n:
                yield f"- [{line(title) or '(without a title)'}](<{_relative(self._places.page(child, task=task), here)}>)\n"

    def _comments(self, ref: str) -> Iterator[str]:
        query = "SELECT created || printf(' %012d', rowid) AS at, created, author, text FROM comments WHERE at > ?1 AND ref = ?2"
        for _, created, author, text in self._index.rows(query, ref):
            yield f"\n### {self._person(author) or 'Somebody'}, {_time(created) or 'at some time'}\n\n{_shown(text)}\n"

    def _hours(self, ref: str) -> Iterator[str]:
        query = "SELECT day || printf(' %012d', rowid) AS at, day, person, hours, category, comment FROM hours WHERE at > ?1 AND ref = ?2"
        begun = False
        for _, day, person, hours, category, comment in self._index.rows(query, ref):
            if not begun:
                yield "| Day | Who | Hours | Category | Comment |\n| --- | --- | ---: | --- | --- |\n"
            begun = True
            cells = (line(day), self._person(person), f"{hours:g}", self._word(category), _in_a_row(from_html(comment)))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    def _name(self, id_: str) -> str:
        row = self._index.one("SELECT name, mail FROM people WHERE id=?", id_)
        return line((row and (row[0] or row[1])) or id_)

    def _title(self, id_: str) -> str:
        row = self._index.one("SELECT word FROM words WHERE id=?", id_) if id_ else None
        return line(row[0]) if row else ""


def _shown(text: str) -> str:
    return from_html(text[:_LONGEST]) + (f"\n\n({len(text):,} characters in all)" if len(text) > _LONGEST else "")


def _in_a_row(markdown: str) -> str:
    return " ".join(markdown.split())


def _time(text: str) -> str:
    """`2026-10-07T01:48:56Z` and `2026-10-07 01:48:56` as `2026-10-07 01:48 UTC`; days as they are."""
    if len(text) in (19, 20) and text[4] == text[7] == "-" and text[10] in "T ":
        return line(f"{text[:10]} {text[11:16]}") + (" UTC" if text[10] == " " or text.endswith("Z") else "")
    return line(text)


def _bytes(size: int | None) -> str:
    return "" if size is None else f"{size:,} bytes"


def _relative(path: str, folder: str) -> str:
    return quote(posixpath.relpath(path, folder or "."))


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and not any(
        char in "<>\\" or char.isspace() or char < " " for char in text
    )
