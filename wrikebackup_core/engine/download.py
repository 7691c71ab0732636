"""A file's bytes out of a source, through broken connections."""

from __future__ import annotations

import zlib
from types import TracebackType
from typing import Self

import stamina

from wrikebackup_core.errors import Interrupted
from wrikebackup_core.model import Attachment
from wrikebackup_core.ports import Reader, Source

__all__ = ["ResumingReader"]

_ATTEMPTS = 8
_WAIT_SECONDS = 0.2
_WAIT_MAX_SECONDS = 30.0
_WAIT_BUDGET_SECONDS = 600.0
_SKIP = 1 << 20


def _retry(error: Exception) -> bool | float:
    """Whether to try again; seconds to wait where the server says."""
    if not isinstance(error, Interrupted):
        return False
    return True if error.retry_after is None else error.retry_after


class ResumingReader:
    """Reads a file whole: after a broken connection it goes on at the byte it had reached.

    A server that cannot go on and sends the file from its start is read up to that byte, and what it sends must be what came
    before; else the read fails, for nobody could tell which of the two is the file.
    """

    def __init__(self, source: Source, attachment: Attachment) -> None:
        """Raises what `Source.open_attachment` raises, Interrupted only after several attempts."""
        self._source, self._attachment = source, attachment
        self._offset = 0
        self._crc = 0
        self._reader: Reader | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, `b""` at the end. Raises Interrupted after several attempts in vain."""
        try:
            return self._take(size)
        except Interrupted as error:
            self.close()
            if not _retry(error):
                raise
        for attempt in stamina.retry_context(
            on=_retry,
            attempts=_ATTEMPTS,
            timeout=_WAIT_BUDGET_SECONDS,
            wait_initial=_WAIT_SECONDS,
            wait_max=_WAIT_MAX_SECONDS,
            wait_jitter=_WAIT_SECONDS,
        ):
            with attempt:
                try:
                    return self._take(size)
                except Interrupted:
                    self.close()
                    raise
        raise AssertionError("the retries end by returning or raising")

    def _take(self, size: int) -> bytes:
        if self._reader is None:
            self._reader = self._source.open_attachment(self._attachment, self._offset)
            if self._reader.start != self._offset:
                self._skip(self._reader)
        data = self._reader.read(size)
        self._offset += len(data)
        if self._attachment.size is None or self._attachment.size > size:
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

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
