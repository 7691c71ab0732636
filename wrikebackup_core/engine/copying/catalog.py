"""What the source lists, what each target lists and vouches for, and what one backup wants: in a temporary SQLite file, since there
may be millions of objects."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError
from wrikebackup_core.ports import Entry
from wrikebackup_core.staged import batches

__all__ = ["Catalog", "Wanted"]

_PAGE = 1000
# A CROSS JOIN is one whose first table comes first: SQLite, which knows no sizes here, would go through all that is held.
# `fresh` is 1 for what this run has brought, and 2 for what it took over from one that was killed.
# A target has an object when it lists it with the source's size and a backup that it has committed says that hash of it.
_SCHEMA = """
CREATE TABLE listed (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE hashes (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE held (target INTEGER, key TEXT, size INTEGER NOT NULL, fresh INTEGER NOT NULL, PRIMARY KEY (target, key)) WITHOUT ROWID;
CREATE TABLE known (target INTEGER, key TEXT, sha256 TEXT, PRIMARY KEY (target, key, sha256)) WITHOUT ROWID;
CREATE TABLE lacking (target INTEGER PRIMARY KEY);
CREATE TABLE wanted (key TEXT PRIMARY KEY, origin TEXT NOT NULL, sha256 TEXT, size INTEGER, own INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW absent AS SELECT l.target, w.key, w.size,
    (SELECT h.size FROM held h WHERE h.target = l.target AND h.key = w.key) IS w.size AS found
    FROM wanted w JOIN lacking l WHERE NOT EXISTS (SELECT 1 FROM held h JOIN known k ON k.target = h.target AND k.key = h.key
        WHERE h.target = l.target AND h.key = w.key AND (w.size IS NULL OR h.size = w.size) AND k.sha256 = coalesce(w.sha256, ''));
CREATE VIEW todo AS SELECT * FROM wanted w WHERE EXISTS (SELECT 1 FROM absent a WHERE a.key = w.key);
CREATE VIEW met AS SELECT t.*, EXISTS (SELECT 1 FROM lacking CROSS JOIN held USING (target) WHERE key = t.key) AS lying,
    EXISTS (SELECT 1 FROM lacking CROSS JOIN known USING (target) WHERE key = t.key) AS named FROM todo t;
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that a backup consists of: its key in the targets, and in the source. `sha256` is None where nobody has said it
    yet, `size` where the source does not list it. `met`: some of the targets hold or name something under the key."""

    key: str
    origin: str
    sha256: str | None
    size: int | None
    met: bool = True


class Catalog:
    """Of one account. Targets are numbers. A context manager; safe from any thread."""

    def __init__(self) -> None:
        self._db = scratch(_SCHEMA, any_thread=True)
        self._lock = threading.Lock()
        self._come: list[tuple[int, str, str, int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._db.close()

    # What there is

    def list_source(self, entries: Iterable[Entry]) -> None:
        self._insert("INSERT OR REPLACE INTO listed VALUES (?, ?)", ((one.key, one.size) for one in entries))

    def list_target(self, target: int, entries: Iterable[Entry]) -> None:
        rows = ((target, one.key, one.size) for one in entries)
        self._insert("INSERT OR REPLACE INTO held VALUES (?, ?, ?, 0)", rows)

    def know(self, target: int, sums: Iterable[tuple[str, str]]) -> bool:
        """Takes the (SHA-256, key) of a backup that the target has committed. False where it does not list one of the keys."""
        whole = True
        for batch in batches(sums, _PAGE):
            rows = [(target, key, sha256) for sha256, key in batch]
            self._insert("INSERT OR IGNORE INTO known VALUES (?, ?, ?)", rows)
            whole = whole and all(self.held(target, key) is not None for _, key in batch)
        return whole

    def listed(self, start: str) -> list[Entry]:
        """What the source lists under keys that start with `start`, which ends in ASCII."""
        end = start[:-1] + chr(ord(start[-1]) + 1)
        rows = self._all("SELECT key, size FROM listed WHERE key >= ? AND key < ?", (start, end))
        return [Entry(key, size) for key, size in rows]

    def size(self, origin: str) -> int | None:
        """As the source lists it."""
        rows = self._all("SELECT size FROM listed WHERE key=?", (origin,))
        return int(rows[0][0]) if rows else None

    def held(self, target: int, key: str) -> int | None:
        """Bytes of an object in a target, None where it is not there."""
        rows = self._all("SELECT size FROM held WHERE target=? AND key=?", (target, key))
        return int(rows[0][0]) if rows else None

    def known(self, target: int, key: str) -> set[str]:
        """The hashes that backups of the target say of an object: one, unless something is wrong."""
        return {row[0] for row in self._all("SELECT sha256 FROM known WHERE target=? AND key=?", (target, key))}

    def mentions(self, target: int, key: str) -> bool:
        """Whether a target holds an object, or a backup of it names it."""
        return self.held(target, key) is not None or bool(self.known(target, key))

    def below(self, target: int, folder: str) -> list[str]:
        """Keys in a folder of a target."""
        query = "SELECT key FROM held WHERE target=? AND key > ? AND key < ?"
        return [row[0] for row in self._all(query, (target, f"{folder}/", f"{folder}0"))]

    # What is wanted

    def want(self, objects: Iterable[tuple[str, str, str | None]], own: str, lacking: Iterable[int]) -> None:
        """The (key, origin, SHA-256) of one backup, whose folder is `own`, for the targets that lack something of it.

        Raises FormatError where two lines contradict each other, and what `objects` raises.
        """
        with self._using() as db:
            db.execute("DELETE FROM wanted")
            db.execute("DELETE FROM lacking")
            db.executemany("INSERT INTO lacking VALUES (?)", [(target,) for target in lacking])
        rows = ((key, origin, sha256, key.startswith(f"{own}/")) for key, origin, sha256 in objects)
        self._insert(
            "INSERT INTO wanted SELECT ?1, ?2, coalesce(?3, (SELECT sha256 FROM hashes WHERE key = ?2)),"
            " (SELECT size FROM listed WHERE key = ?2), ?4 WHERE true"
            " ON CONFLICT DO UPDATE SET sha256 = CASE WHEN sha256 IS excluded.sha256 THEN sha256 ELSE 'contradicted' END",
            rows,
        )
        if found := self._all("SELECT key FROM wanted WHERE sha256 = 'contradicted'"):
            raise FormatError(f"{own}/SHA256SUMS: says two different things of {found[0][0]}")

    def to_do(self, *, own: bool, least: int, below: int | None) -> Iterator[Wanted]:
        """What some of the targets lack: of the backup's own files or of attachments, of a size from `least` up to `below`."""
        query = (
            "SELECT key, origin, sha256, size, lying OR named FROM met WHERE key > ?1 AND own = ?2 AND coalesce(size, 0) >= ?3"
            " AND (?4 IS NULL OR coalesce(size, 0) < ?4) ORDER BY key LIMIT ?5"
        )
        return (Wanted(*row) for row in self._pages(query, own, least, below))

    def doubtful(self) -> Iterator[Wanted]:
        """What some of the targets lack, and the source does not list or one of their backups names."""
        query = "SELECT key, origin, sha256, size, named FROM met WHERE key > ?1 AND (size IS NULL OR named) ORDER BY key LIMIT ?2"
        return (Wanted(*row) for row in self._pages(query))

    def total(self) -> tuple[int, int]:
        """Number and bytes of what some of the targets lack."""
        [(count, size)] = self._all("SELECT count(*), coalesce(sum(size), 0) FROM todo")
        return int(count), int(size)

    def planned(self, target: int) -> tuple[int, int, int]:
        """Number and bytes of what a target does not list or lists in another size, and the number of what would be read back."""
        query = "SELECT found, count(*), coalesce(sum(size), 0) FROM absent WHERE target = ? GROUP BY found"
        sums = {found: (int(count), int(size)) for found, count, size in self._all(query, (target,))}
        return *sums.get(0, (0, 0)), sums.get(1, (0, 0))[0]

    def objects(self) -> Iterator[Wanted]:
        """All that the backup consists of, by key."""
        query = "SELECT key, origin, sha256, size FROM wanted WHERE key > ? ORDER BY key LIMIT ?"
        return (Wanted(*row) for row in self._pages(query))

    def attachments(self) -> tuple[int, int]:
        """Number and bytes of the attachments that are wanted."""
        [(count, size)] = self._all("SELECT count(*), coalesce(sum(size), 0) FROM wanted WHERE NOT own")
        return int(count), int(size)

    def unnamed(self, folder: str) -> int:
        """How many files of a folder of the source no backup names, of those in this run and those that the targets have."""
        query = (
            "SELECT count(*) FROM listed s WHERE s.key > ? AND s.key < ? AND NOT EXISTS (SELECT 1 FROM hashes h WHERE h.key = s.key)"
            " AND s.key NOT IN (SELECT key FROM known)"
        )
        return int(self._all(query, (f"{folder}/", f"{folder}0"))[0][0])

    def held_before(self, target: int) -> Iterator[str]:
        """Keys of the wanted objects that the target had before this run."""
        query = (
            "SELECT h.key FROM held h JOIN wanted w ON w.key = h.key WHERE h.key > ?1 AND h.target = ?2 AND h.fresh != 1"
            " ORDER BY h.key LIMIT ?3"
        )
        return (row[0] for row in self._pages(query, target))

    def taken_over(self, target: int) -> Iterator[str]:
        """Keys of what was read back, and may not be durable: nobody knows whether a barrier followed it."""
        query = "SELECT key FROM held WHERE key > ?1 AND target = ?2 AND fresh = 2 ORDER BY key LIMIT ?3"
        return (row[0] for row in self._pages(query, target))

    def settle(self, target: int) -> None:
        """All that was taken over is durable."""
        with self._using() as db:
            db.execute("UPDATE held SET fresh = 0 WHERE target = ? AND fresh = 2", (target,))

    def wants(self, key: str) -> bool:
        return bool(self._all("SELECT 1 FROM wanted WHERE key=?", (key,)))

    # What has come

    def hashed(self, wanted: Wanted, sha256: str) -> None:
        """The source's object has this hash."""
        with self._using() as db:
            db.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?)", (wanted.origin, sha256))
            db.execute("UPDATE wanted SET sha256=? WHERE key=?", (sha256, wanted.key))

    def has(self, target: int, key: str, sha256: str, size: int, *, fresh: bool) -> None:
        """The target has the object, and it has been compared: one that this run has brought, or an older one is taken over."""
        with self._lock:
            self._come.append((target, key, sha256, size, 1 if fresh else 2))
            if len(self._come) == _PAGE:
                self._settle_in()

    def _settle_in(self) -> None:
        """Many at a time: by itself, each would cost as much as sending a small object."""
        come, self._come = self._come, []
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO held VALUES (?1, ?2, ?4, ?5)", come)
        self._db.executemany("INSERT OR IGNORE INTO known VALUES (?, ?, ?)", [row[:3] for row in come])
        self._db.execute("COMMIT")

    def gone(self, target: int, keys: Iterable[str]) -> None:
        self._insert("DELETE FROM held WHERE target=? AND key=?", ((target, key) for key in keys))

    def suppose(self, target: int) -> None:
        """As if the target had all that is wanted: for a dry run."""
        with self._using() as db:
            db.execute("INSERT OR REPLACE INTO held SELECT ?, key, coalesce(size, 0), 1 FROM wanted", (target,))
            db.execute("INSERT OR IGNORE INTO known SELECT ?, key, coalesce(sha256, '') FROM wanted", (target,))

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._come:
                self._settle_in()
            yield self._db

    def _insert(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """The rows may take long to come: nobody waits for them."""
        for batch in batches(rows, _PAGE):
            with self._using() as db:
                db.execute("BEGIN")
                db.executemany(statement, batch)
                db.execute("COMMIT")

    def _pages(self, query: str, *values: object) -> Iterator[Any]:
        """The rows of a query whose first value is the key after which they begin, and the last one how many they are at most."""
        last = ""
        while rows := self._all(query, (last, *values, _PAGE)):
            last = rows[-1][0]
            yield from rows

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._using() as db:
            return db.execute(query, values).fetchall()
