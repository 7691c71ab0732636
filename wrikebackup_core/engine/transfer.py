"""Transfer: each missing file copied from a sink that holds it, else downloaded once, and written to every sink that lacks it.

Many at a time, small ones first.
"""

from __future__ import annotations

import contextlib
import functools
import threading

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.fanout import NobodyWants
from wrikebackup_core.engine.holders import Copied, Holders
from wrikebackup_core.engine.threads import Room, each
from wrikebackup_core.errors import Forbidden, Interrupted, NotFound, SourceError
from wrikebackup_core.ledger import Wanted
from wrikebackup_core.model import (
    FileFinished,
    FileProgress,
    FileStarted,
    Gap,
    Kind,
    StageFinished,
    StageStarted,
)
from wrikebackup_core.resuming import ResumingReader, SignsOfLife

__all__ = ["transfer"]

STAGE = "transfer"
_CHUNK = 1 << 20
_LARGE = 8 << 20  # bytes; few of these at a time fill any line
_LARGE_THREADS = 6
# Of files that are under way: many a sink keeps one in memory until it is whole, or a piece of it.
_ROOM = 64 << 20
_STORING = 3  # small files at a time, where nobody has to be waited for
# What the next run reads again if this one is killed, and what the last barrier of a run may still have to flush.
_BARRIER_BYTES = 4 << 30
_BARRIER_FILES = 2_000
_HOPELESS = 25  # failures in a row, without any success, that say it is not the files


def transfer(attempt: Attempt) -> None:
    """Brings every sink the files it lacks. A file that cannot be had is a gap.

    Raises SourceError when the account itself is out of reach, SinkError when no sink is left.
    """
    ledger, transfers = attempt.ledger, attempt.job.transfers
    planned = ledger.plan(list(attempt.fan.live))
    count = planned.downloads + planned.copies
    # What an earlier attempt could not get has another chance.
    attempt.spool.drop_gaps(Kind.ATTACHMENTS, (wanted.attachment.id for wanted in ledger.todo(0, None)))
    attempt.notify(StageStarted(STAGE, count, planned.download_bytes + planned.copy_bytes))
    work = _Transfer(attempt)
    for least, below, threads in ((0, _LARGE, transfers), (_LARGE, None, min(transfers, _LARGE_THREADS))):
        each(ledger.todo(least, below), work.store, threads=threads, name=STAGE)
    attempt.notify(StageFinished(STAGE, f"{work.stored:,} of {count:,} new files stored{work.copies()}"))


class _Transfer:
    def __init__(self, attempt: Attempt) -> None:
        self._attempt, self._source = attempt, attempt.job.source
        self._fan, self._notify = attempt.fan, attempt.notify
        self._signs = SignsOfLife()
        self._lock = threading.Lock()
        self._barrier = threading.Lock()
        self._desk = threading.Semaphore(_STORING)
        self._holders = Holders(attempt, self._storing)
        self._room = Room(_ROOM)
        self._in_vain = 0
        self.stored = 0

    def copies(self) -> str:
        """How many files no source was asked for, as the end of a sentence."""
        given = sorted((self._fan.name(number), count) for number, count in self._holders.given.items())
        return "".join(f", {count:,} of them copied from {name}" for name, count in given)

    def store(self, wanted: Wanted) -> None:
        """One file, or a gap in its place."""
        attachment = wanted.attachment
        if self._fan.live.keys().isdisjoint(wanted.sinks):
            return  # nothing to download for: the other sinks have it
        with self._room.taken(_LARGE if attachment.size is None else min(attachment.size, _LARGE)):
            self._store(wanted)

    def _store(self, wanted: Wanted) -> None:
        self._notify(FileStarted(wanted.file, wanted.attachment.size))
        try:
            size = self._bring(wanted)
        except (Forbidden, NotFound, Interrupted) as error:
            self._miss(wanted, error)
            return
        except NobodyWants:
            self._notify(FileFinished(wanted.file, 0))
            return
        with self._lock:
            self._in_vain = 0
            self.stored += 1
        self._notify(FileFinished(wanted.file, size))
        due = self._fan.unsettled_bytes > _BARRIER_BYTES or self._fan.unsettled_count > _BARRIER_FILES
        if due and self._barrier.acquire(blocking=False):
            try:
                self._fan.barrier()
            finally:
                self._barrier.release()

    def _bring(self, wanted: Wanted) -> int:
        copied = self._holders.copy(wanted) if wanted.holders else Copied(None)
        try:
            size = self._download(wanted) if copied.size is None else copied.size
        except NobodyWants:
            self._holders.give_up(copied.bad)
            raise
        if copied.bad:
            self._holders.mend(wanted, copied.bad)
        return size

    def _storing(self, here: bool) -> contextlib.AbstractContextManager[object]:
        """A file that is here waits for nobody else, and threads that all compute at once cost each other more than they gain."""
        return self._desk if here and not self._fan.waits else contextlib.nullcontext()

    def _download(self, wanted: Wanted) -> int:
        attachment, size = wanted.attachment, wanted.attachment.size
        opened = functools.partial(self._source.open_attachment, attachment)
        with ResumingReader(opened, f"attachment {attachment.id}", size=size, signs=self._signs) as reader:
            chunk = reader.read(_CHUNK)  # before anything is created: most of what fails, fails here
            with self._storing(len(chunk) == size):
                return self._write(wanted, reader, chunk)

    def _write(self, wanted: Wanted, reader: ResumingReader, chunk: bytes) -> int:
        size, copied = wanted.attachment.size, 0
        writer = self._fan.writer(wanted.key, wanted.sinks)
        try:
            while chunk:
                writer.write(chunk)
                copied += len(chunk)
                if copied != size:
                    self._notify(FileProgress(wanted.file, copied))
                chunk = reader.read(_CHUNK)
            _compare(size, copied)
        except BaseException:
            writer.discard()
            raise
        writer.commit()
        return copied

    def _miss(self, wanted: Wanted, error: SourceError) -> None:
        gap = Gap(Kind.ATTACHMENTS.value, wanted.attachment.id, error.message, error.hint)
        self._notify(FileFinished(wanted.file, 0, error.message))
        with self._lock:
            # One lost file is a gap. Many in a row, and none in between, is a server that is gone: the next run goes on.
            self._in_vain += isinstance(error, Interrupted)
            if self._in_vain >= _HOPELESS:
                raise error
        self._attempt.miss(gap)


def _compare(recorded: int | None, copied: int) -> None:
    if recorded is not None and copied != recorded:
        raise Interrupted(f"the record says {recorded:,} bytes, the server sent {copied:,}")
