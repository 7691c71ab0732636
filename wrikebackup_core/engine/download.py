"""A file's bytes out of a source, through broken connections."""

from __future__ import annotations

import logging
import zlib
from typing import Self

import tenacity

from wrikebackup_core.errors import Interrupted
from wrikebackup_core.model import Attachment
from wrikebackup_core.ports import Reader, Source

__all__ = ["ResumingReader"]

_log = logging.getLogger(__name__)
_ATTEMPTS = 8
_WAIT_SECONDS = 0.2
_WAIT_MAX_SECONDS = 30.0
_WAIT_BUDGET_SECONDS = 600.0
_SKIP = 1 << 20


class ResumingReader:
    """Reads a file whole: after a broken connection it goes on at the byte it had reached.

    A server that cannot go on and sends the file from its start is read up to that byte, and what it sends must be what came
    before; else the read fails, for nobody could tell which of the two is the file.
    """

    def __init__(self, source: Source, attachment: Attachment) -> None:
        """Opens nothing yet."""
        self._source, self._attachment = source, attachment
        self._offset = 0
        self._crc = 0
        self._reader: Reader | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, `b""` at the end. Raises what `Source.open_attachment` raises; Interrupted after several attempts."""
        try:
            return self._take(size)
        except Interrupted as error:
            return self._try_again(size, error)

    def _try_again(self, size: int, first: Interrupted) -> bytes:
        """The first attempt has failed, and counts."""
        before = [first]

        def attempt() -> bytes:
            if before:
                raise before.pop()
            return self._take(size)

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Interrupted),
            stop=tenacity.stop_after_attempt(_ATTEMPTS) | tenacity.stop_after_delay(_WAIT_BUDGET_SECONDS),
            wait=_wait,
            before_sleep=self._before_sleep,
            reraise=True,
        )(attempt)

    def _before_sleep(self, state: tenacity.RetryCallState) -> None:
        self.close()
        error = state.outcome.exception() if state.outcome else None
        _log.info("%s; trying again in %.1f s", error, state.upcoming_sleep)

    def _take(self, size: int) -> bytes:
        if self._reader is None:
            self._reader = self._source.open_attachment(self._attachment, self._offset)
            if self._reader.start != self._offset:
                self._skip(self._reader)
        data = self._reader.read(size)
        self._offset += len(data)
        if self._offset != self._attachment.size:  # what came whole need never be compared with a second answer
            self._crc = zlib.crc32(data, self._crc)
        return data

    def _skip(self, reader: Reader) -> None:
        left, crc = self._offset, 0
        while left:
            data = reader.read(min(left, _SKIP))
            if not data:
                raise Interrupted(f"the file of attachment {self._attachment.id} ended early")
            crc = zlib.crc32(data, crc)
            left -= len(data)
        if crc != self._crc:
            raise Interrupted(f"attachment {self._attachment.id} changed while it was being read")

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
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Interrupted) else None
    if asked is not None:
        return asked
    return tenacity.wait_random_exponential(multiplier=_WAIT_SECONDS, max=_WAIT_MAX_SECONDS)(state)
