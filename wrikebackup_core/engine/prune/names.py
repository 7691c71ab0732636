"""Which attachments backups name: for a thousand backups of a million attachments, of which each names nearly what the one before did.

What each backup names is remembered on this host, by the hash of its SHA256SUMS that its manifest tells, and need not be read again:
all names that were met, with a number for each (`numbering.py`), and for each backup the numbers of those that it names.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from wrikebackup_core.engine.prune.blocks import SCHEMA, Blocks, CorruptError, names_in_blocks
from wrikebackup_core.engine.prune.flags import Flags
from wrikebackup_core.engine.prune.numbering import Numbering
from wrikebackup_core.engine.prune.reading import Contents, Listed, Reading
from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError
from wrikebackup_core.homes import private_folder

__all__ = ["Names"]

_VERSION = 1  # of the tables
_SCHEMA = f"""
{SCHEMA}
CREATE TABLE IF NOT EXISTS named (sums TEXT PRIMARY KEY, numbers BLOB NOT NULL, lines INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""
_PAGE = 8 << 10  # bytes: in larger ones it takes less time to write a million names, and 30 MB more
_PATIENCE = 2.0  # seconds; another plan may be at it
_MOMENT = 0.5  # seconds


class _Forgotten(Exception):
    """By another plan, meanwhile."""


_UNUSABLE = CorruptError, _Forgotten, sqlite3.Error, UnicodeDecodeError  # the last: of what is wrong with a table


def _prepare(db: sqlite3.Connection) -> None:
    """A new file, or one of this version. Raises CorruptError for another."""
    if db.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        db.execute(f"PRAGMA page_size={_PAGE}")
        db.executescript(_SCHEMA)
    elif db.execute("PRAGMA user_version").fetchone() != (_VERSION,):
        raise CorruptError


class Names:
    """What is remembered of one account in one sink, in a file. A context manager; one thread at a time."""

    def __init__(self, path: Path) -> None:
        """A file that cannot be used is done without."""
        self._path = path
        self._db = self._opened() or scratch(_SCHEMA)
        self._reading: Reading | None = None
        self._blocks: Blocks  # in which the names that it meets are put down
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
            _prepare(db)
        except _UNUSABLE as error:
            db.close()
            self._discard(error)
            return None
        return db

    def _discard(self, error: Exception) -> None:
        """Away with a file that is damaged, or of another version; one that somebody else is writing to is not."""
        if not isinstance(error, sqlite3.OperationalError | _Forgotten):
            for tail in ("", "-journal", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + tail).unlink(missing_ok=True)

    def needed(self, backups: Sequence[Listed]) -> tuple[Numbering, dict[str, FormatError]]:
        """All that the backups name, `comparable`, and by uid what is wrong with a SHA256SUMS that is not as it should be. It takes
        least where each backup is given behind those that are older.

        Raises SinkError.
        """
        try:
            return self._needed(backups)
        except _UNUSABLE as error:
            self._db.close()
            self._discard(error)
            self._db = scratch(_SCHEMA)
            return self._needed(backups)

    def _needed(self, backups: Sequence[Listed]) -> tuple[Numbering, dict[str, FormatError]]:
        found, damaged = self._learn(backups)
        numbering = self._end_reading()
        self._db.execute("BEGIN")
        try:
            needed = self._numbers(found)
            if numbering is not None and len(needed) == len(numbering) and not self._changed():
                return numbering, damaged
            del numbering  # which is as large as the answer
            return Numbering(self._named(needed)), damaged
        finally:
            self._db.execute("ROLLBACK")

    def _knows(self, sums: str | None) -> bool:
        return self._db.execute("SELECT 1 FROM named WHERE sums = ?", (sums,)).fetchone() is not None

    def _numbers(self, backups: Iterable[str]) -> Flags:
        """Of what any of them names."""
        numbers = Flags()
        for sums in backups:
            numbers.update(self._found(sums).numbers)
        return numbers

    def _found(self, sums: str) -> Contents:
        row = self._db.execute("SELECT numbers, lines FROM named WHERE sums = ?", (sums,)).fetchone()
        if row is None:
            raise _Forgotten
        try:
            return Contents(sums, Flags.unpack(row[0]), int(row[1]))
        except ValueError as error:
            raise CorruptError from error

    def _named(self, numbers: Flags) -> Iterator[list[bytes]]:
        """The names that have these numbers, many together."""
        at = 0
        for names in names_in_blocks(self._db):
            yield list(numbers.of(names, at))
            at += len(names)
        if at < numbers.end:
            raise CorruptError

    # Reading them

    def _learn(self, backups: Sequence[Listed]) -> tuple[set[str], dict[str, FormatError]]:
        """Takes down what each SHA256SUMS names, and gives their hashes, and what is wrong with others. Raises SinkError."""
        found = {one.sha256 for one in backups if one.sha256 is not None and self._knows(one.sha256)}
        left = deque(
            (older, one) for older, one in zip([None, *backups], backups, strict=False) if one.sha256 not in found
        )
        damaged = dict[str, FormatError]()
        try:
            while left:
                with self._writing():
                    self._learn_some(left, found, damaged)
        except BaseException:
            self._end_reading()
            raise
        return found, damaged

    def _learn_some(
        self, left: deque[tuple[Listed | None, Listed]], found: set[str], damaged: dict[str, FormatError]
    ) -> None:
        """As many as can be read in a moment: to end with each takes longer than to read a small one."""
        reading, end = self._read_on(), time.monotonic() + _MOMENT
        while left:
            older, one = left.popleft()
            if older is not None and older.sha256 in found and reading.last != older.sha256:
                reading.begin_with(older, self._found(older.sha256))
            try:
                new = reading.read(one)
            except FormatError as error:
                # The names that were met are nobody's. A traceback would keep the file open.
                damaged[one.uid] = error.with_traceback(None)
                continue
            row = new.sha256, new.numbers.pack(), new.lines
            self._db.execute("INSERT OR REPLACE INTO named (sums, numbers, lines) VALUES (?, ?, ?)", row)
            found.add(new.sha256)
            if time.monotonic() > end:
                break
        self._blocks.write()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def _read_on(self) -> Reading:
        """With the numbers of all names that are stored: another plan may have written to the file since."""
        if self._reading is None or self._changed():
            self._end_reading()
            self._version = self._data_version()
            numbering = Numbering(names_in_blocks(self._db))
            self._blocks = Blocks(self._db, len(numbering))
            numbering.note = self._blocks.add
            self._reading = Reading(numbering)
        return self._reading

    def _end_reading(self) -> Numbering | None:
        reading, self._reading = self._reading, None
        if reading is None:
            return None
        reading.close()
        reading.numbering.note = None  # what comes now is not of a backup
        return reading.numbering

    def _changed(self) -> bool:
        """By another plan, since the names were numbered."""
        return self._version != self._data_version()

    def _data_version(self) -> int:
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(version)

    # Forgetting

    def forget_all_but(self, sums: Iterable[str]) -> None:
        """What no backup has any more. Never raises: it is remembered for longer then."""
        with contextlib.suppress(*_UNUSABLE), self._writing():
            every = {sums for (sums,) in self._db.execute("SELECT sums FROM named")}
            if gone := every.difference(sums):
                self._db.executemany("DELETE FROM named WHERE sums = ?", [(one,) for one in gone])
                self._number_anew(every - gone)

    def _number_anew(self, backups: Collection[str]) -> None:
        """Where a quarter of the names is needed no more."""
        needed, every = self._numbers(backups), sum(map(len, names_in_blocks(self._db)))
        if len(needed) * 4 > every * 3:
            return
        self._end_reading()
        for sums in backups:
            numbers = self._found(sums).numbers.among(needed)
            self._db.execute("UPDATE named SET numbers = ? WHERE sums = ?", (numbers.pack(), sums))
        kept = [b"\0".join(names) for names in self._named(needed) if names]
        self._db.execute("DELETE FROM blocks")
        blocks = Blocks(self._db, 0)
        for names in kept:
            blocks.add(names)
        blocks.write()
