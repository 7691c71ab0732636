"""What two backups differ in, record by record: in memory that does not grow with them.

Of each record an id and a hash go into a temporary SQLite file; the records themselves are read again where the hashes differ.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Self

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.lookup.members import LINES, rows
from wrikebackup_core.engine.lookup.patterns import plain
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import schema
from wrikebackup_core.format.records import RecordDecoder, repaired
from wrikebackup_core.model import Kind, Record

__all__ = ["BY_THEMSELVES", "Change", "Changes", "Comparison", "Count"]

BY_THEMSELVES = frozenset({"updatedDate"})
"""Fields that change with others, and say nothing of their own."""

_BATCH = 2000
_CACHE = 8 << 10  # KiB that SQLite keeps in memory
_NO_ID = "?"  # begins what a record without an id is known by
_Values = Mapping[str, Any]
_LINES = (
    "SELECT old FROM differing WHERE old IS NOT NULL ORDER BY old",
    "SELECT new FROM differing WHERE new IS NOT NULL ORDER BY new",
)
_PAIRS = (
    "SELECT id, (SELECT body FROM bodies WHERE side = 0 AND line = old), (SELECT body FROM bodies WHERE side = 1 AND line = new)"
    " FROM differing ORDER BY new IS NULL, new, old"
)


class _Id(msgspec.Struct, gc=False):
    id: str | int | None = None
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A record that only one of the backups has, or that differs. `what` is added, removed, changed or, where
    nothing differs but fields that change by themselves, touched. `fields` has what differs and counts, before and after."""

    kind: str
    what: str
    id: str
    title: str
    size: int | None
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Count:
    """Records of one kind. `touched` differ in nothing but fields that change by themselves, or in the order of a list."""

    kind: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    touched: int = 0
    by_field: dict[str, int] = field(default_factory=dict)
    """Changed records by the fields that differ."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two, with an open zip."""

    backup: OpenBackup
    zip: zipfile.ZipFile
    members: Collection[str]

    def rows(self, member: str) -> Iterator[bytes]:
        return rows(self.zip, member, self.backup) if member in self.members else iter(())


class Comparison:
    """Of an older backup with a newer one. A context manager; one thread at a time.

    With records on both sides the kinds are those of API v4; else those of the four files that every backup has.
    """

    def __init__(self, old: OpenBackup, new: OpenBackup, *, all_fields: bool = False) -> None:
        """`all_fields`: fields that change by themselves count as well."""
        self._old, self._new, self._all = old, new, all_fields
        self.whole_records = old.manifest.files.records is not None and new.manifest.files.records is not None
        self._stack = contextlib.ExitStack()
        self._sides: list[_Side] = []

    def __enter__(self) -> Self:
        """Raises KeyNotFound, SinkError, KeyRefused, FormatError."""
        with contextlib.ExitStack() as stack:
            for backup in (self._old, self._new):
                opened = stack.enter_context(backup.records() if self.whole_records else backup.archive())
                assert opened is not None
                self._sides.append(_Side(backup, opened, frozenset(opened.namelist())))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def kinds(self) -> list[str]:
        """What can be compared, in the order of the zip."""
        known = [str(kind) for kind in Kind] if self.whole_records else [name[:-5] for name in schema.FILES]
        there = {name.rpartition(".")[0] for side in self._sides for name in side.members}
        return [kind for kind in known if kind in there]

    def lacking(self) -> dict[str, str]:
        """Kinds that cannot be compared, and why: one of the backups was taken without them, and the other was not."""
        old, new = _without(self._old), _without(self._new)
        if not self.whole_records:
            return {}
        why = {kind: f"{reason} {self._old.uid}" for kind, reason in old.items() if kind not in new}
        return why | {kind: f"{reason} {self._new.uid}" for kind, reason in new.items() if kind not in old}

    def changes(self, kind: str, count: Count) -> Iterator[Change]:
        """The differences in one kind; `count` is filled on the way. Raises FormatError, SinkError."""
        member = f"{kind}{LINES}" if self.whole_records else f"{kind}.json"
        with contextlib.closing(_database()) as db:
            for number, side in enumerate(self._sides):
                _note(db, number, kind, side.rows(member))
            _match(db)
            for number, side in enumerate(self._sides):
                _fetch(db, number, side.rows(member))
            for id_, *bodies in db.execute(_PAIRS):
                old, new = (None if body is None else _value(body, kind) for body in bodies)
                change = self._change(kind, "" if id_.startswith(_NO_ID) else id_, old, new)
                if change is not None:
                    _tally(count, change)
                    yield change

    def _change(self, kind: str, id_: str, old: _Values | None, new: _Values | None) -> Change | None:
        """None where nothing differs but the bytes."""
        if old is None or new is None:
            one = new or old or {}
            return Change(kind, "removed" if new is None else "added", id_, _title(one), _size(one))
        names = [name for name in dict.fromkeys([*new, *old]) if _text(old.get(name)) != _text(new.get(name))]
        telling = [name for name in names if self._all or not _by_itself(name, old.get(name), new.get(name))]
        if not names:
            return None
        fields = {name: (old.get(name), new.get(name)) for name in telling}
        return Change(kind, "changed" if telling else "touched", id_, _title(new), _size(new), fields)


def _without(backup: OpenBackup) -> dict[str, str]:
    """The kinds that a backup lacks as a whole, and how that came."""
    manifest = backup.manifest
    return dict.fromkeys(manifest.skipped, "left out of") | {
        gap.kind: "could not be read for" for gap in manifest.gaps if gap.id is None
    }


def _database() -> sqlite3.Connection:
    db = scratch()
    db.execute(f"PRAGMA cache_size=-{_CACHE}")
    db.execute(
        "CREATE TABLE ids (side INTEGER, id TEXT, hash BLOB, line INTEGER, PRIMARY KEY (side, id)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE bodies (side INTEGER, line INTEGER, body BLOB, PRIMARY KEY (side, line))")
    return db


def _note(db: sqlite3.Connection, side: int, kind: str, records: Iterable[bytes]) -> None:
    """Of two records with one id the later counts. One without an id is known by what it is."""
    decode = RecordDecoder(kind, _Id)
    numbered = enumerate(records)
    while some := list(islice(numbered, _BATCH)):
        noted = []
        for number, record in some:
            digest = hashlib.blake2b(record, digest_size=16).digest()
            head = decode(Record(record))
            id_ = head.uid if head.id is None else head.id
            name = _NO_ID + digest.hex() if id_ is None else str(id_)
            noted.append((side, name, digest, number))
        db.executemany("INSERT OR REPLACE INTO ids VALUES (?, ?, ?, ?)", noted)


def _match(db: sqlite3.Connection) -> None:
    """Makes the list of what differs: the id, and the number of the line on either side."""
    db.execute(
        "CREATE TABLE differing AS SELECT n.id AS id, o.line AS old, n.line AS new"
        " FROM ids n LEFT JOIN ids o ON o.side = 0 AND o.id = n.id WHERE n.side = 1 AND o.hash IS NOT n.hash"
        " UNION ALL SELECT o.id, o.line, NULL FROM ids o"
        " WHERE o.side = 0 AND NOT EXISTS (SELECT 1 FROM ids n WHERE n.side = 1 AND n.id = o.id)"
    )


def _fetch(db: sqlite3.Connection, side: int, records: Iterable[bytes]) -> None:
    """Reads again what differs, up to the last of it."""
    wanted = iter(db.execute(_LINES[side]))
    line = next(wanted, None)
    if line is None:
        return
    for number, record in enumerate(records):
        if number == line[0]:
            db.execute("INSERT INTO bodies VALUES (?, ?, ?)", (side, number, record))
            line = next(wanted, None)
            if line is None:
                return


def _value(body: bytes, kind: str) -> _Values:
    try:
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError):
            value = msgspec.json.decode(repaired(body))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{kind}: a record that is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{kind}: a record that is no JSON object")
    return value


def _text(value: object) -> str:
    """The same for the same JSON, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True)


def _by_itself(name: str, before: object, after: object) -> bool:
    """Whether a field that differs says nothing: one that changes with others, or a list in another order."""
    if name in BY_THEMSELVES:
        return True
    if not (isinstance(before, list) and isinstance(after, list)):
        return False
    return sorted(map(_text, before)) == sorted(map(_text, after))


def _title(record: Mapping[str, Any]) -> str:
    for name in ("title", "name"):
        if isinstance(record.get(name), str):
            return str(record[name])
    if "firstName" in record or "lastName" in record:
        return f"{record.get('firstName') or ''} {record.get('lastName') or ''}".strip()
    return next((plain(record[name]) for name in ("text", "comment") if isinstance(record.get(name), str)), "")


def _size(record: Mapping[str, Any]) -> int | None:
    size = record.get("size")
    return size if isinstance(size, int) and size >= 0 else None


def _tally(count: Count, change: Change) -> None:
    setattr(count, change.what, getattr(count, change.what) + 1)
    for name in change.fields:
        count.by_field[name] = count.by_field.get(name, 0) + 1


class Changes:
    """Changes put away in a temporary SQLite file until they are shown. A context manager."""

    def __init__(self) -> None:
        self._db = scratch()
        self._db.execute("CREATE TABLE changes (kind TEXT, change BLOB)")
        self._db.execute("CREATE INDEX by_kind ON changes (kind)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def add(self, change: Change) -> None:
        self._db.execute("INSERT INTO changes VALUES (?, ?)", (change.kind, msgspec.json.encode(change)))

    def of(self, kind: str) -> Iterator[Change]:
        """As they came."""
        for (change,) in self._db.execute("SELECT change FROM changes WHERE kind = ? ORDER BY rowid", (kind,)):
            yield json_decoder(Change)(change)
