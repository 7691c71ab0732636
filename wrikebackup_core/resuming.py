"""A file's bytes out of a source, through broken connections."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Self

from wrikebackup_core.errors import Interrupted
from wrikebackup_core.ports import Reader

if TYPE_CHECKING:
    import tenacity

__all__ = ["ResumingReader", "SignsOfLife", "read_whole"]

_log = logging.getLogger(__name__)
_ATTEMPTS = 8
_WAIT_SECONDS = 0.2
_WAIT_MAX_SECONDS = 15.0
_WAIT_BUDGET_SECONDS = 600.0
_OUTAGE_SECONDS = 180.0
_TELL_AFTER_SECONDS, _TELL_EVERY_SECONDS = 3.0, 30.0
_SKIP = 1 << 20


def read_whole(open_at: Callable[[int], Reader], what: str) -> Iterator[bytes]:
    """All the bytes that `open_at` reads from an offset on, in pieces of up to 1 MiB, through broken connections.

    `what` it is, is said in errors. Raises what `open_at` raises; Interrupted after several attempts, or where a server that begins
    anew sends something else than before.
    """
    with ResumingReader(open_at, what) as reader:
        yield from iter(lambda: reader.read(_SKIP), b"")


class SignsOfLife:
    """When the source last gave anything, to any download of a run: tells a lost file from a server that is away for a while."""

    def __init__(self) -> None:
        self._last = self._told = -math.inf

    def seen(self) -> None:
        self._last = time.monotonic()

    def between(self, start: float, end: float) -> bool:
        return start < self._last < end

    def tell(self, error: BaseException | None, since: float) -> None:
        """Says that a server is being waited for: once for all downloads, and now and then again."""
        now = time.monotonic()
        if now - since >= _TELL_AFTER_SECONDS and now - self._told >= _TELL_EVERY_SECONDS and self._last < since:
            self._told = now
            _log.warning("%s; no file has come for %.0f s, still trying", error, now - since)


class ResumingReader:
    """Reads a file whole: after a broken connection it goes on at the byte it had reached.

    A server that cannot go on and sends the file from its start is read up to that byte, and what it sends must be what came
    before; else the read fails, for nobody could tell which of the two is the file.
    """

    def __init__(
        self, open_at: Callable[[int], Reader], what: str, *, size: int | None = None, signs: SignsOfLife | None = None
    ) -> None:
        """Opens nothing yet. `open_at` reads from a byte on, and `what` it reads is said in errors; `size` in bytes where it is known
        beforehand. `signs` are shared by all downloads of a run.
        """
        from isal import isal_zlib

        self._open_at, self._what, self._size, self._signs = open_at, what, size, signs or SignsOfLife()
        self._crc32 = isal_zlib.crc32
        self._offset = 0
        self._crc = 0
        self._reader: Reader | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, `b""` at the end. Raises what opening it raises; Interrupted after several attempts."""
        try:
            return self._take(size)
        except Interrupted as error:
            return self._try_again(size, error)

    def _try_again(self, size: int, first: Interrupted) -> bytes:
        """The first attempt has failed, and counts."""
        import tenacity

        before, failed = [first], time.monotonic()
        ended = began = failed

        def attempt() -> bytes:
            nonlocal began
            if before:
                raise before.pop()
            began = time.monotonic()
            return self._take(size)

        def in_vain(state: tenacity.RetryCallState) -> bool:
            """Several attempts are enough, unless it is the server that is away: nobody got anything while this one waited."""
            if (state.seconds_since_start or 0.0) + state.upcoming_sleep > _WAIT_BUDGET_SECONDS:
                return True
            if state.attempt_number < _ATTEMPTS:
                return False
            error = state.outcome.exception() if state.outcome else None
            away = isinstance(error, Interrupted) and error.outage and not self._signs.between(ended, began)
            return not away or time.monotonic() - failed > _OUTAGE_SECONDS

        def before_sleep(state: tenacity.RetryCallState) -> None:
            nonlocal ended
            ended = time.monotonic()
            self._before_sleep(state)
            self._signs.tell(state.outcome.exception() if state.outcome else None, failed)

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Interrupted),
            stop=in_vain,
            wait=_wait,
            before_sleep=before_sleep,
            reraise=True,
        )(attempt)

    def _before_sleep(self, state: tenacity.RetryCallState) -> None:
        self.close()
        error = state.outcome.exception() if state.outcome else None
        _log.info("%s; trying again in %.1f s", error, state.upcoming_sleep)

    def _take(self, size: int) -> bytes:
        if self._reader is None:
            self._reader = self._open_at(self._offset)
            if self._reader.start != self._offset:
                self._skip(self._reader)
        data = self._reader.read(size)
        self._signs.seen()
        self._offset += len(data)
        if self._offset != self._size:  # what came whole need never be compared with a second answer
            self._crc = self._crc32(data, self._crc)
        return data

    def _skip(self, reader: Reader) -> None:
        left, crc = self._offset, 0
        while left:
            data = reader.read(min(left, _SKIP))
            if not data:
                raise Interrupted(f"{self._what} ended early")
            crc = self._crc32(data, crc)
            left -= len(data)
        if crc != self._crc:
            raise Interrupted(f"{self._what} changed while it was being read")

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _wait(state: tenacity.RetryCallState) -> float:
    """What the server asks for, else exponential with jitter."""
    import tenacity

    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Interrupted) else None
    if asked is not None:
        return asked
    return tenacity.wait_random_exponential(multiplier=_WAIT_SECONDS, max=_WAIT_MAX_SECONDS)(state)
