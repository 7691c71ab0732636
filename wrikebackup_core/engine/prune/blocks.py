"""The table of all names that were met, in the order of their numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from isal.isal_zlib import crc32

__all__ = ["SCHEMA", "Blocks", "CorruptError", "names_in_blocks"]

SCHEMA = "CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, names BLOB NOT NULL, crc INTEGER NOT NULL);"
_BLOCK = 256 << 10  # bytes of names, at the least


class CorruptError(Exception):
    """What is remembered cannot be relied on."""


def names_in_blocks(db: sqlite3.Connection) -> Iterator[list[bytes]]:
    """All of them, many together. Raises CorruptError."""
    at = 0
    for first, stored, crc in db.execute("SELECT first, names, crc FROM blocks ORDER BY first"):
        if first != at or not isinstance(stored, bytes) or crc32(stored) != crc:
            raise CorruptError
        names = stored.split(b"\0")
        yield names
        at += len(names)


class Blocks:
    """Those that are put down behind all that are there, of which the next one has the number `first`."""

    def __init__(self, db: sqlite3.Connection, first: int) -> None:
        self._db, self._first = db, first
        self._waiting, self._size = list[bytes](), 0

    def add(self, names: bytes) -> None:
        """One or more, with zero bytes between them. They may wait until `write`."""
        self._waiting.append(names)
        self._size += len(names)
        if self._size >= _BLOCK:
            self.write()

    def write(self) -> None:
        """All that wait."""
        if self._waiting:
            block, self._waiting, self._size = b"\0".join(self._waiting), [], 0
            self._db.execute("INSERT INTO blocks VALUES (?, ?, ?)", (self._first, block, crc32(block)))
            self._first += block.count(b"\0") + 1
