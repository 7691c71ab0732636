"""An object of a sink as a Python file that can seek, so that whatever reads files reads sinks: zips, lines, JSON."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator

from wrikebackup_core.errors import SinkError
from wrikebackup_core.ports import Reader, Sink

__all__ = ["chunks", "hash_of", "hash_stored", "open_stored", "store"]

CHUNK = 1024 * 1024
_BUFFER = 256 * 1024
_SKIP = 1024 * 1024  # bytes: reading over this many is cheaper than asking a store anew


def open_stored(sink: Sink, key: str, size: int) -> io.BufferedReader:
    """Opens an object of known size for reading in any order. A sink is asked anew only to go back or far ahead.

    Errors of the sink come out as they are: KeyNotFound, SinkError.
    """
    return io.BufferedReader(_Stored(sink, key, size), _BUFFER)


def chunks(sink: Sink, key: str) -> Iterator[bytes]:
    """The object's bytes from start to end. Raises KeyNotFound, SinkError."""
    with sink.open(key) as reader:
        while chunk := reader.read(CHUNK):
            yield chunk


def hash_stored(sink: Sink, key: str) -> str:
    """SHA-256 in hex of an object, read back. Raises SinkError."""
    return hash_of(chunks(sink, key))


def hash_of(pieces: Iterable[bytes]) -> str:
    """SHA-256 in hex of all pieces together."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def store(sink: Sink, key: str, pieces: Iterable[bytes]) -> None:
    """Writes a new object. Raises AlreadyExists, SinkError, and what `pieces` raises; then nothing is left behind."""
    writer = sink.create(key)
    try:
        for piece in pieces:
            writer.write(piece)
        writer.commit()
    except BaseException:
        writer.discard()
        raise


class _Stored(io.RawIOBase):
    def __init__(self, sink: Sink, key: str, size: int) -> None:
        self._sink, self._key, self._size = sink, key, size
        self._at = 0
        self._reader: Reader | None = None
        self._reader_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(f"{self._key}: no bytes before the first")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # typeshed: any writable buffer
        if self._at >= self._size:
            return 0
        data = self._ready().read(min(len(buffer), self._size - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        self._reader_at = self._at
        return len(data)

    def _ready(self) -> Reader:
        """A reader that stands where the file stands."""
        reader = self._reader
        if reader is None or not 0 <= self._at - self._reader_at <= _SKIP:
            self._release()
            reader = self._reader = self._sink.open(self._key, self._at)
            self._reader_at = reader.start
        while self._reader_at < self._at:
            skipped = len(reader.read(min(CHUNK, self._at - self._reader_at)))
            if not skipped:
                raise SinkError(f"{self._key}: ends after {self._reader_at} bytes of {self._size}")
            self._reader_at += skipped
        return reader

    def _release(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def close(self) -> None:
        self._release()
        super().close()
