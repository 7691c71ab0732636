"""The table of all names that were met, in the order of their numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from isal.isal_zlib import crc32

__all__ = ["Blocks", "CorruptError"]

_BLOCK = 256 << 10  # bytes of names, at the least


class CorruptError(Exception):
    """What is remembered cannot be relied on."""


class Blocks:
    """To go through it before names are added tells the number of the first of these."""

    SCHEMA = "CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, names BLOB NOT NULL, crc INTEGER NOT NULL);"

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._next = 0  # number
        self._waiting, self._size = list[bytes](), 0

    def __iter__(self) -> Iterator[list[bytes]]:
        """All names, many together. Raises CorruptError."""
        self._next, self._waiting, self._size = 0, [], 0
        for first, stored, crc in self._db.execute("SELECT first, names, crc FROM blocks ORDER BY first"):
            if first != self._next or not isinstance(stored, bytes) or crc32(stored) != crc:
                raise CorruptError
            names = stored.split(b"\0")
            self._next += len(names)
            yield names

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
            self._db.execute("INSERT INTO blocks VALUES (?, ?, ?)", (self._next, block, crc32(block)))
            self._next += block.count(b"\0") + 1

    def clear(self) -> None:
        self._db.execute("DELETE FROM blocks")
        self._next, self._waiting, self._size = 0, [], 0
