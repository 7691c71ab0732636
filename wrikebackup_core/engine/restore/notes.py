"""What was restored to a place before, and how it read: so that a restore that was killed need not fetch it again to compare."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.homes import private_folder

__all__ = ["Notes"]

_HEX = 64


class Notes:
    """A file of lines, one for each object just before it appears: the hash of its key, that of what was stored, and its own. A line
    that was cut short is worth nothing, and one whose object never appeared does no harm. Names are not told: they may be hidden on
    purpose. A context manager; safe from any thread.
    """

    def __init__(self, state: Path, place: str, index: Index) -> None:
        name = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:24]
        self._path = state / "restored" / f"{name}.notes"
        self._index, self._lock = index, threading.Lock()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._index.run("CREATE TABLE noted (key TEXT PRIMARY KEY, stored TEXT, sha256 TEXT) WITHOUT ROWID")
        self._index.insert("INSERT OR REPLACE INTO noted VALUES (?, ?, ?)", self._lines())
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()

    def _lines(self) -> Iterator[list[str]]:
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            for line in file:
                words = line.decode("ascii", "replace").split()
                if line.endswith(b"\n") and len(words) == 3 and all(len(word) == _HEX for word in words):
                    yield words

    def begin(self) -> bool:
        """Before anything is written. Whether there was a restore to this place that has not ended with everything there."""
        before = self._path.exists()
        private_folder(self._path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(self._path, flags, 0o600), "ab", buffering=0)
        self._file.write(b"\n")  # after a line that a kill has cut short
        return before

    def add(self, key: str, stored: str, sha256: str) -> None:
        """Before the object appears. `stored` is what it was made of."""
        line = f"{_hash(key)} {_hash(stored)} {sha256}\n".encode()
        assert self._file is not None  # begun
        with self._lock:
            self._file.write(line)
        self._index.run("INSERT OR REPLACE INTO noted VALUES (?, ?, ?)", *line.decode().split())

    def sha256(self, key: str, stored: str) -> str | None:
        """How the object read that was restored there from the same stored bytes; None where nobody noted it."""
        row = self._index.one("SELECT sha256 FROM noted WHERE key=? AND stored=?", _hash(key), _hash(stored))
        return str(row[0]) if row else None

    def knows(self, key: str, sha256: str) -> bool:
        """Whether it was a restore that put this content there."""
        return self._index.one("SELECT 1 FROM noted WHERE key=? AND sha256=?", _hash(key), sha256) is not None

    def forget(self) -> None:
        """All is there: nothing is left to go on with."""
        if self._file is not None:
            self._file.close()
            self._file = None
        with contextlib.suppress(OSError):
            self._path.unlink()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
