"""Reading what a run has staged in its spool.

SQLite is asked for many records in one row, joined by line breaks, which no staged record holds. Python lets go of the interpreter
lock for each row that SQLite gives, and where several threads read, taking it back can cost more than the row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from wrikebackup_core.format.official import Item
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Kind, Record

__all__ = ["CHILD_KINDS", "Staged", "batches", "table"]

CHILD_KINDS = (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS)
_CHUNK = 500  # records read at a time; also what one SQL statement takes as variables
_CHUNK_BYTES = 4 << 20
_JOINED = "CAST(group_concat(line, char(10)) AS BLOB)"
_T = TypeVar("_T")


class _Children(msgspec.Struct, gc=False):
    childIds: list[str] | None = None  # noqa: N815 - Wrike's name


_children = RecordDecoder(Kind.FOLDERS, _Children)


def batches(items: Iterable[_T], size: int = _CHUNK) -> Iterator[list[_T]]:
    """The items in lists of `size`, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def table(kind: Kind) -> str:
    """The table that holds a kind."""
    return f"records_{kind.value}"


class Staged:
    """What sources, transforms and the derivation read. Safe from any thread."""

    @property
    def reading(self) -> sqlite3.Connection:
        """This thread's connection for reading."""
        raise NotImplementedError

    # Crawled: what sources and transforms may ask

    def counts(self) -> dict[str, int]:
        """Records by kind; kinds without any are left out."""
        found = {
            kind.value: int(self.reading.execute(f"SELECT count(*) FROM {table(kind)}").fetchone()[0]) for kind in Kind
        }
        return {kind: count for kind, count in found.items() if count}

    def volume(self, kind: Kind) -> tuple[int, int]:
        """At most how many records of a kind there are, and bytes of them: what came twice counts twice."""
        row = self.reading.execute("SELECT records, bytes FROM volumes WHERE kind=?", (kind,)).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def ids(self, kind: Kind) -> Iterator[str]:
        last = 0
        while rows := self.reading.execute(
            f"SELECT seq, id FROM {table(kind)} WHERE seq > ? ORDER BY seq LIMIT {_CHUNK}", (last,)
        ).fetchall():
            last = rows[-1][0]
            for _, id_ in rows:
                yield id_

    def records(self, kind: Kind) -> Iterator[Record]:
        for some in self.lines(kind):
            yield from map(Record, some.split(b"\n"))

    def lines(self, kind: Kind) -> Iterator[bytes]:
        """All records in the order in which they came, a line each, some hundred at a time, without a line break at the end."""
        for _, some in self._stretches(kind, "body"):
            yield some

    def missing(self, kind: Kind, ids: Iterable[str]) -> Sequence[str]:
        lacking: dict[str, None] = {}
        for batch in batches(ids):
            marks = ",".join("?" * len(batch))
            found = {
                row[0] for row in self.reading.execute(f"SELECT id FROM {table(kind)} WHERE id IN ({marks})", batch)
            }
            lacking.update((id_, None) for id_ in batch if id_ not in found)
        return list(lacking)

    def parents(self, kind: Kind) -> Iterator[str]:
        cursor = self.reading.execute(f"SELECT DISTINCT parent FROM {table(kind)} WHERE parent IS NOT NULL")
        for (parent,) in cursor:
            yield parent

    def reached(self, kind: Kind, wave: int) -> str | None:
        query = "SELECT cursor FROM cursors WHERE kind=? AND wave=? AND cursor != ''"
        row = self.reading.execute(query, (kind, wave)).fetchone()
        return str(row[0]) if row else None

    # Derivation

    def attachments_in_use(self) -> Iterator[Record]:
        """Attachments, but for those of tasks and folders known to be in the recycle bin."""
        gone = "id FROM recycled WHERE id = r.parent"
        for kind in (Kind.TASKS, Kind.FOLDERS):
            gone += f" UNION ALL SELECT id FROM {table(kind)} t WHERE t.id = r.parent AND t.binned"
        for _, some in self._stretches(Kind.ATTACHMENTS, f"CASE WHEN NOT EXISTS (SELECT {gone}) THEN body END"):
            if some:
                yield from map(Record, some.split(b"\n"))

    def items(self, kind: Kind) -> Iterator[Item]:
        """Folders or tasks with what belongs to them. Memory is bounded by `_CHUNK` items and their children."""
        none: list[Record] = []
        for stretch, some in self._stretches(kind, "seq || char(9) || ifnull(number, '') || char(9) || body"):
            comments, attachments, timelogs = (self._belonging(child, kind, stretch) for child in CHILD_KINDS)
            children = self._child_numbers(stretch) if kind is Kind.FOLDERS else {}
            for line in some.split(b"\n"):
                seq, number, body = line.split(b"\t", 2)
                yield Item(
                    number=int(number) if number else None,
                    body=Record(body),
                    comments=comments.get(seq, none),
                    attachments=attachments.get(seq, none),
                    timelogs=timelogs.get(seq, none),
                    children=children.get(seq, ()),
                )

    def _belonging(self, kind: Kind, owners: Kind, stretch: tuple[int, int]) -> dict[bytes, list[Record]]:
        """Records of `kind` by the place (`seq`) of the folder or task that they belong to."""
        rows = (
            f"SELECT o.seq || char(9) || c.body AS line FROM {table(owners)} o CROSS JOIN {table(kind)} c ON c.parent = o.id"
            " WHERE o.seq > ? AND o.seq <= ? ORDER BY o.seq, c.seq"
        )
        try:
            lines = self.reading.execute(f"SELECT {_JOINED} FROM ({rows})", stretch).fetchall()
        except sqlite3.DataError:  # more than SQLite puts into one value
            lines = self.reading.execute(f"SELECT CAST(line AS BLOB) FROM ({rows})", stretch).fetchall()
        found: dict[bytes, list[Record]] = {}
        for (some,) in lines:
            for line in some.split(b"\n") if some else ():
                seq, _, body = line.partition(b"\t")
                found.setdefault(seq, []).append(Record(body))
        return found

    def _child_numbers(self, stretch: tuple[int, int]) -> dict[bytes, list[int]]:
        """Of each folder, the numbers of its children that are folders of the account, in the API's order."""
        query = f"SELECT seq, body FROM {table(Kind.FOLDERS)} WHERE seq > ? AND seq <= ?"
        named = {
            b"%d" % seq: _children(Record(body)).childIds or [] for seq, body in self.reading.execute(query, stretch)
        }
        numbers: dict[str, int] = {}
        for batch in batches({child for children in named.values() for child in children}):
            marks = ",".join("?" * len(batch))
            numbers.update(
                self.reading.execute(
                    f"SELECT id, number FROM {table(Kind.FOLDERS)} WHERE number IS NOT NULL AND id IN ({marks})", batch
                ).fetchall()
            )
        return {seq: [numbers[child] for child in children if child in numbers] for seq, children in named.items()}

    def _stretches(self, kind: Kind, line: str) -> Iterator[tuple[tuple[int, int], bytes]]:
        """`line` of all records, some at a time, a line break between them, and the places (`seq`) behind the first of which and up
        to the second of which these are. Short reads, so that no snapshot keeps the write-ahead log from shrinking."""
        records, size = self.volume(kind)
        count = max(1, min(_CHUNK, _CHUNK_BYTES * records // (size or 1)))
        rows = f"SELECT seq, {line} AS line FROM {table(kind)} r WHERE seq > ? ORDER BY seq LIMIT ?"
        last = 0
        while True:
            try:
                until, some = self.reading.execute(
                    f"SELECT max(seq), {_JOINED} FROM ({rows})", (last, count)
                ).fetchone()
            except sqlite3.DataError:  # more than SQLite puts into one value
                if count == 1:
                    raise
                count = count // 2
                continue
            if until is None:
                return
            yield (last, until), some or b""
            last = until
