"""The four files against the records that they are derived from: does each hold what it should, and nothing else?

Both are read once, a record at a time; what is kept are the numbers and ids alone, in a temporary SQLite file, since there may be
millions. This program writes both in the same order, so that comparing them costs next to nothing; they are sorted only where that
does not hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import count, zip_longest
from typing import Any, Self

import msgspec

from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.format import ids, schema
from wrikebackup_core.format.records import named_id
from wrikebackup_core.model import Gap, Kind, Record

__all__ = ["Head", "Reconciliation"]

_PIECE = 5000  # keys that are stored together
_RECYCLED = "Rb"
_GROUP = "Group"
_SOURCES = {
    "users.json": Kind.CONTACTS,
    "folders.json": Kind.FOLDERS,
    "tasks.json": Kind.TASKS,
    "teams.json": Kind.GROUPS,
}
_CONTACTS_THAT_ARE_GROUPS = "groups of contacts"
_Row = schema.User | schema.Folder | schema.Task | schema.Team
_Key = int | str | None
Note = Callable[["Head", Record], None]


class Head(msgspec.Struct, gc=False):
    """What of a record decides whether and under which number or id it is in the four files."""

    id: Any = None
    permalink: Any = None
    scope: Any = None
    type: Any = None


class Reconciliation:
    """Takes what is in the four files and in the records, one of them after the other. A context manager; one thread at a time.

    `gaps` are the manifest's: a record that could not be used is in the records alone.
    """

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self._db = scratch()
        self._db.execute("CREATE TABLE pieces (list INTEGER, keys BLOB, ids BLOB)")
        self._db.execute("CREATE INDEX pieces_list ON pieces (list)")
        self._numbers = count()
        self._lists: dict[str, _Keys] = {}
        self._whole: set[str] = set()
        self._unusable: dict[str, set[str]] = {}
        for gap in gaps:
            if gap.id is not None:
                self._unusable.setdefault(gap.kind, set()).add(gap.id)
        self._excused: dict[Kind, set[str | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def rows(self, file: str) -> Callable[[_Row], None]:
        """What to call with each row of one of the four files; forgets those of an attempt before."""
        keys = self._begin(file)

        def note(row: _Row) -> None:
            key = row.uid if isinstance(row, schema.User | schema.Team) else row.id
            keys.add(key)

        return note

    def records(self, kind: str) -> Note | None:
        """What to call with each record of a kind; None for kinds that have no part in the four files."""
        if kind in (Kind.FOLDERS, Kind.TASKS):
            return self._items(Kind(kind))
        if kind == Kind.CONTACTS:
            return self._contacts()
        return self._groups(Kind.GROUPS) if kind == Kind.GROUPS else None

    def _items(self, kind: Kind) -> Note:
        keys = self._begin(kind)

        def note(head: Head, record: Record) -> None:
            if not isinstance(head.id, str) or (isinstance(head.scope, str) and head.scope.startswith(_RECYCLED)):
                return
            number = ids.permalink_number(head.permalink) if isinstance(head.permalink, str) else None
            if number is None:
                number = ids.number(head.id)
            keys.add(number, head.id)
            self._excuse(kind, number, head, record)

        return note

    def _contacts(self) -> Note:
        people, as_group = self._begin(Kind.CONTACTS), self._groups(_CONTACTS_THAT_ARE_GROUPS)

        def note(head: Head, record: Record) -> None:
            if head.type != _GROUP and isinstance(head.id, str):
                people.add(head.id)
                self._excuse(Kind.CONTACTS, head.id, head, record)
            as_group(head, record)

        return note

    def _groups(self, name: str) -> Note:
        keys = self._begin(name)

        def note(head: Head, record: Record) -> None:
            if head.type in (None, _GROUP) and isinstance(head.id, str):
                keys.add(head.id)
                self._excuse(Kind.GROUPS, head.id, head, record)

        return note

    def _excuse(self, kind: Kind, key: _Key, head: Head, record: Record) -> None:
        unusable = self._unusable.get(kind)
        if unusable and (head.id in unusable or named_id(record) in unusable):
            self._excused.setdefault(kind, set()).add(None if key is None else str(key))

    def _begin(self, name: str) -> _Keys:
        keys = self._lists[name] = _Keys(self._db, next(self._numbers))
        return keys

    def whole(self, name: str) -> None:
        """The file or kind `name` was read to its end, and nothing was found to be wrong with it: only such are compared."""
        for keys in self._lists.values():
            keys.store()
        self._whole.add(name)

    def differences(self) -> Iterator[tuple[str, str]]:
        """(file, what of it does not fit the records)."""
        for file, kind in _SOURCES.items():
            source, records = kind, str(kind)
            if kind is Kind.GROUPS and kind not in self._lists:  # so it is derived where the list of groups is refused
                source, records = Kind.CONTACTS, _CONTACTS_THAT_ARE_GROUPS
            if file in self._whole and source in self._whole:
                held, named = (self._lists.get(name) or self._begin(name) for name in (file, records))
                excused = self._excused.get(kind, frozenset[str | None]())
                for difference in _differences(self._db, held, named, excused, f"{source}.jsonl"):
                    yield file, difference


class _Keys:
    """The keys of one file or kind, in their order; of records whose key is a number, the ids too."""

    def __init__(self, db: sqlite3.Connection, number: int) -> None:
        self._db, self._number = db, number
        self._keys: list[_Key] = []
        self._ids: list[str] = []

    def add(self, key: _Key, id: str | None = None) -> None:  # noqa: A002 - the field's name
        """Raises ValueError, OverflowError for what is no key."""
        self._keys.append(key)
        if id is not None:
            self._ids.append(id)
        if len(self._keys) == _PIECE:
            self.store()

    def store(self) -> None:
        """Puts away what has come since the last piece."""
        if self._keys:
            keys, ids_, self._keys, self._ids = self._keys, self._ids, [], []
            piece = (self._number, msgspec.msgpack.encode(keys), msgspec.msgpack.encode(ids_))
            self._db.execute("INSERT INTO pieces VALUES (?, ?, ?)", piece)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Pieces of as many keys each, all but the last one."""
        yield from self._db.execute("SELECT keys, ids FROM pieces WHERE list=? ORDER BY rowid", (self._number,))

    def each(self) -> Iterator[tuple[str | None, str | None]]:
        """(key, id) one by one; a number as text, which SQLite takes of any size."""
        for keys, ids_ in self:
            for key, id_ in zip_longest(msgspec.msgpack.decode(keys), msgspec.msgpack.decode(ids_)):
                yield None if key is None else str(key), id_


def _same(rows: _Keys, records: _Keys) -> bool:
    return all(
        one is not None and other is not None and one[0] == other[0] for one, other in zip_longest(rows, records)
    )


def _differences(
    db: sqlite3.Connection, rows: _Keys, records: _Keys, excused: Container[str | None], source: str
) -> Iterator[str]:
    """What is oftener in the rows than in the records, or the other way round."""
    if _same(rows, records):
        return
    db.execute("CREATE TEMP TABLE keys (key TEXT, id TEXT, here INTEGER, there INTEGER)")
    db.executemany("INSERT INTO keys VALUES (?, ?, 1, 0)", rows.each())
    db.executemany("INSERT INTO keys VALUES (?, ?, 0, 1)", records.each())
    query = "SELECT key, max(id), sum(here) AS h, sum(there) AS t FROM keys GROUP BY key HAVING h != t ORDER BY key"
    for key, id_, here, there in db.execute(query):
        if key not in excused:
            yield _told(key, id_, here, there, source)
    db.execute("DROP TABLE keys")


def _told(key: str | None, id_: str | None, here: int, there: int, source: str) -> str:
    if key is None:
        return f"{here:,} without a number, {there:,} of {source}"
    named = f"{key} ({id_})" if id_ is not None else key
    if not here:
        return f"{named} is missing, which is in {source}"
    if not there:
        return f"{named} is not in {source}"
    return f"{named} is there {here:,} times, in {source} {there:,} times"
