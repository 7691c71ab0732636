"""What a backup should consist of and what is there, side by side: in a temporary SQLite file, since there may be millions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Self

from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.ports import Entry

__all__ = ["Inventory"]

_BATCH = 1000


class Inventory:
    """Keys that the sink lists, that SHA256SUMS names, and that the JSON names. A context manager; one thread at a time."""

    def __init__(self) -> None:
        self._db = scratch(any_thread=True)
        self._db.execute("CREATE TABLE listed (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID")
        self._db.execute("CREATE TABLE sums (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID")
        self._db.execute(
            "CREATE TABLE named (key TEXT PRIMARY KEY, id TEXT NOT NULL, place TEXT NOT NULL) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE decoded (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID")
        self._chosen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def list(self, entries: Iterable[Entry]) -> None:
        """Takes what the sink lists."""
        rows = ((entry.key, entry.size) for entry in entries)
        self._db.executemany("INSERT OR REPLACE INTO listed VALUES (?, ?)", rows)

    def sum(self, key: str, sha256: str) -> bool:
        """Takes a line of SHA256SUMS; False where it contradicts an earlier one."""
        self._db.execute("INSERT OR IGNORE INTO sums VALUES (?, ?)", (key, sha256))
        return self.sha256(key) == sha256

    def name(self, key: str, id: str, place: str) -> None:  # noqa: A002 - the field's name
        """Takes a file that the JSON at `place` names as stored."""
        self._db.execute("INSERT OR IGNORE INTO named VALUES (?, ?, ?)", (key, id, place))

    def size(self, key: str) -> int | None:
        """Bytes of a key as listed; None where it is not."""
        row = self._db.execute("SELECT size FROM listed WHERE key=?", (key,)).fetchone()
        return int(row[0]) if row else None

    def decoded(self, key: str, size: int) -> None:
        """Takes the length of what a stored file was before it was encoded."""
        self._db.execute("INSERT OR REPLACE INTO decoded VALUES (?, ?)", (key, size))

    def decoded_size(self, key: str) -> int | None:
        """None where the file was not decoded."""
        row = self._db.execute("SELECT size FROM decoded WHERE key=?", (key,)).fetchone()
        return int(row[0]) if row else None

    def sha256(self, key: str) -> str | None:
        row = self._db.execute("SELECT sha256 FROM sums WHERE key=?", (key,)).fetchone()
        return str(row[0]) if row else None

    def knows(self, start: str) -> bool:
        """Whether any key, listed or summed, starts with `start`."""
        query = "SELECT 1 FROM listed WHERE substr(key, 1, ?2) = ?1 UNION ALL SELECT 1 FROM sums WHERE substr(key, 1, ?2) = ?1"
        return self._db.execute(query, (start, len(start))).fetchone() is not None

    def sums(self, start: str) -> bool:
        """Whether SHA256SUMS names any key that starts with `start`."""
        row = self._db.execute("SELECT key FROM sums WHERE key >= ? ORDER BY key LIMIT 1", (start,)).fetchone()
        return row is not None and str(row[0]).startswith(start)

    def draw(self, folder: str, count: int, seed: str) -> None:
        """Makes `present` leave out all keys below `folder` but `count` of them, drawn at random: the same ones for the same seed."""

        def lot(key: str) -> int:
            digest = hashlib.blake2b(key.encode(errors="surrogateescape"), digest_size=8, salt=salt)
            return int.from_bytes(digest.digest(), "big", signed=True)

        salt = hashlib.blake2b(seed.encode(), digest_size=16).digest()
        self._db.create_function("lot", 1, lot, deterministic=True)
        self._db.execute("CREATE TEMP TABLE chosen (key TEXT PRIMARY KEY) WITHOUT ROWID")
        below, above = f"{folder}/", f"{folder}0"  # the character after the slash
        self._db.execute("INSERT INTO chosen SELECT key FROM sums WHERE key < ? OR key > ?", (below, above))
        self._db.execute(
            "INSERT INTO chosen SELECT s.key FROM sums s JOIN listed l ON l.key=s.key WHERE s.key > ? AND s.key < ?"
            " ORDER BY lot(s.key), s.key LIMIT ?",
            (below, above, count),
        )
        self._chosen = " AND s.key IN (SELECT key FROM chosen)"

    def present(self) -> Iterator[tuple[str, str, int]]:
        """(key, SHA-256, size) of what is named in SHA256SUMS and listed, by key."""
        query = "SELECT s.key, s.sha256, l.size FROM sums s JOIN listed l ON l.key=s.key WHERE s.key > ?"
        return self._rows(query + self._chosen)

    def total(self, folder: str = "") -> tuple[int, int]:
        """Number and bytes of `present`, or of the part of it below `folder`."""
        query = "SELECT count(*), coalesce(sum(l.size), 0) FROM sums s JOIN listed l ON l.key=s.key WHERE s.key > ?1"
        if folder:
            query += " AND s.key < ?2"
        limits = (f"{folder}/", f"{folder}0") if folder else ("",)
        count, size = self._db.execute(query + self._chosen, limits).fetchone()
        return int(count), int(size)

    def missing(self) -> Iterator[str]:
        """Keys that SHA256SUMS names and the sink does not list."""
        for (key,) in self._rows(
            "SELECT s.key FROM sums s LEFT JOIN listed l ON l.key=s.key WHERE l.key IS NULL AND s.key > ?"
        ):
            yield key

    def unexplained(self, folder: str) -> Iterator[str]:
        """Keys below `folder` that SHA256SUMS does not name."""
        query = "SELECT l.key FROM listed l LEFT JOIN sums s ON s.key=l.key WHERE s.key IS NULL AND l.key > ?"
        for (key,) in self._rows(query):
            if key.startswith(f"{folder}/"):
                yield key

    def unsummed(self) -> Iterator[tuple[str, str, str]]:
        """(key, id, place) of files that the JSON names and SHA256SUMS does not."""
        return self._rows(
            "SELECT n.key, n.id, n.place FROM named n LEFT JOIN sums s ON s.key=n.key WHERE s.key IS NULL AND n.key > ?"
        )

    def _rows(self, query: str) -> Iterator[Any]:
        last = ""
        while rows := self._db.execute(f"{query} ORDER BY 1 LIMIT {_BATCH}", (last,)).fetchall():
            last = rows[-1][0]
            yield from rows
