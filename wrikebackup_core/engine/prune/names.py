"""Which attachments backups name: for a thousand backups of a million attachments, of which each names nearly what the one before did.

What each backup names is remembered on this host, by the hash of its SHA256SUMS that its manifest tells, and need not be read again:
all names that were met, with a number for each (`numbering.py`), and for each backup the numbers of those that it names.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import zlib
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, compress
from pathlib import Path
from typing import Self

from wrikebackup_core.engine.prune.numbering import Numbering, flag
from wrikebackup_core.engine.prune.reading import Listed, Reading
from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError
from wrikebackup_core.homes import private_folder
from wrikebackup_core.staged import batches

__all__ = ["Names"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, names BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS backups (sums TEXT PRIMARY KEY, runs BLOB NOT NULL) WITHOUT ROWID;
"""
_TOGETHER = 10_000  # names in a block
_PATIENCE = 2.0  # seconds; another plan may be at it
_MOMENT = 0.5  # seconds


class _Corrupt(Exception):
    """What is remembered cannot be relied on."""


class Names:
    """What is remembered of one account in one sink, in a file. A context manager; one thread at a time."""

    def __init__(self, path: Path) -> None:
        """A file that cannot be used is done without."""
        self._path = path
        self._db = self._opened() or scratch(_SCHEMA)
        self._reading: Reading | None = None
        self._version: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._end_reading()
        self._db.close()

    def _opened(self) -> sqlite3.Connection | None:
        try:
            private_folder(self._path.parent)
            self._path.touch(mode=0o600)
            db = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error):
            return None
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes is read again
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            db.close()
            self._discard(error)
            return None
        return db

    def _discard(self, error: Exception) -> None:
        """Away with a file that is damaged; one that somebody else is writing to is not."""
        if not isinstance(error, sqlite3.OperationalError):
            for tail in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + tail).unlink(missing_ok=True)

    def needed(self, backups: Sequence[Listed]) -> tuple[set[bytes], dict[str, FormatError]]:
        """All that the backups name, `comparable`, and by uid what is wrong with a SHA256SUMS that is not as it should be.

        Raises SinkError.
        """
        try:
            return self._needed(backups)
        except (_Corrupt, sqlite3.Error) as error:
            self._db.close()
            self._discard(error)
            self._end_reading()
            self._db = scratch(_SCHEMA)
            return self._needed(backups)

    def _needed(self, backups: Sequence[Listed]) -> tuple[set[bytes], dict[str, FormatError]]:
        found, damaged = self._learn([one for one in backups if not self._knows(one.sha256)])
        found += [one.sha256 for one in backups if one.sha256 is not None and one.uid not in damaged]
        reading = self._end_reading()
        numbering = reading.numbering if reading else None
        if reading is not None and reading.done == len(backups) and reading.numbering.stored == 0:
            return reading.numbering.end(), damaged  # they named all that was met
        self._db.execute("BEGIN")
        try:
            flags = self._flags(found)
            if numbering is not None and len(flags) == len(numbering) and 0 not in flags and not self._changed():
                return numbering.end(), damaged
            del numbering, reading  # which are as large as the answer
            return self._named(flags), damaged
        finally:
            self._db.execute("ROLLBACK")

    def _knows(self, sums: str | None) -> bool:
        return self._db.execute("SELECT 1 FROM backups WHERE sums = ?", (sums,)).fetchone() is not None

    def _flags(self, backups: Iterable[str]) -> bytearray:
        """A byte for each number: 1 for a name that one of them names."""
        flags = bytearray()
        for sums in backups:
            flag(flags, self._runs(sums))
        return flags

    def _runs(self, sums: str) -> array[int]:
        row, runs = self._db.execute("SELECT runs FROM backups WHERE sums = ?", (sums,)).fetchone(), array("I")
        if row is None:
            raise _Corrupt
        try:
            runs.frombytes(zlib.decompress(row[0]))
        except (zlib.error, ValueError, TypeError) as error:
            raise _Corrupt from error
        if len(runs) % 2:
            raise _Corrupt
        return runs

    def _named(self, flags: bytearray) -> set[bytes]:
        needed, at = set[bytes](), 0
        for names in self._blocks():
            needed.update(compress(names, flags[at : at + len(names)]))
            at += len(names)
        if at < len(flags):
            raise _Corrupt
        return needed

    def _blocks(self) -> Iterator[list[bytes]]:
        at = 0
        for first, stored, crc in self._db.execute("SELECT first, names, crc FROM blocks ORDER BY first"):
            if first != at or not isinstance(stored, bytes) or zlib.crc32(stored) != crc:
                raise _Corrupt
            names = stored.split(b"\0")
            yield names
            at += len(names)

    # Reading them

    def _learn(self, backups: Sequence[Listed]) -> tuple[list[str], dict[str, FormatError]]:
        """Takes down what each SHA256SUMS names, and gives their hashes, and what is wrong with others. Raises SinkError."""
        found, damaged, left = list[str](), dict[str, FormatError](), deque(backups)
        try:
            while left:
                with self._writing():
                    self._learn_some(left, found, damaged)
        except BaseException:
            self._end_reading()
            raise
        return found, damaged

    def _learn_some(self, left: deque[Listed], found: list[str], damaged: dict[str, FormatError]) -> None:
        """As many as can be read in a moment: to end with each takes longer than to read a small one, and another plan may wait."""
        reading, end = self._read_on(), time.monotonic() + _MOMENT
        before = len(reading.numbering)
        while left and time.monotonic() < end:
            one = left.popleft()
            try:
                sums, runs = reading.read(one)
            except FormatError as error:
                # The names that were met are nobody's. A traceback would keep the file open.
                damaged[one.uid] = error.with_traceback(None)
                continue
            self._db.execute("INSERT OR REPLACE INTO backups VALUES (?, ?)", (sums, zlib.compress(runs, 1)))
            found.append(sums)
        self._add(before, reading.numbering.since(before))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _read_on(self) -> Reading:
        """With the numbers of all names that are stored: another plan may have written to the file since."""
        if self._reading is None or self._changed():
            self._end_reading()
            self._version = self._data_version()
            self._reading = Reading(Numbering(chain.from_iterable(self._blocks())))
        return self._reading

    def _end_reading(self) -> Reading | None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()
        return reading

    def _changed(self) -> bool:
        """By another plan, since the names were numbered."""
        return self._version != self._data_version()

    def _data_version(self) -> int:
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _add(self, first: int, names: Iterable[bytes]) -> None:
        for at, some in enumerate(batches(names, _TOGETHER)):
            block = b"\0".join(some)
            self._db.execute("INSERT INTO blocks VALUES (?, ?, ?)", (first + at * _TOGETHER, block, zlib.crc32(block)))

    # Forgetting

    def forget_all_but(self, sums: Iterable[str]) -> None:
        """What no backup has any more. Never raises: it is remembered for longer then."""
        with contextlib.suppress(sqlite3.Error, _Corrupt), self._writing():
            every = {sums for (sums,) in self._db.execute("SELECT sums FROM backups")}
            if gone := every.difference(sums):
                self._db.executemany("DELETE FROM backups WHERE sums = ?", [(one,) for one in gone])
                self._number_anew(every - gone)

    def _number_anew(self, backups: Iterable[str]) -> None:
        """Where a quarter of the names is needed no more."""
        flags = self._flags(backups)
        used, every = sum(flags), sum(map(len, self._blocks()))
        if used * 4 > every * 3:
            return
        self._end_reading()
        new = array("I", accumulate(flags, initial=0))
        for sums in backups:
            runs = self._runs(sums)
            for at in range(0, len(runs), 2):
                runs[at : at + 2] = array("I", (new[runs[at]], new[runs[at + 1] - 1] + 1))
            self._db.execute("UPDATE backups SET runs = ? WHERE sums = ?", (zlib.compress(runs, 1), sums))
        kept = b"\0".join(compress(chain.from_iterable(self._blocks()), flags))
        self._db.execute("DELETE FROM blocks")
        self._add(0, kept.split(b"\0") if kept else ())
