"""An object read in ranges: each request is small enough to be tried again as a whole, and memory stays the same for any size."""

from __future__ import annotations

from typing import Self

from wrikebackup_core import SinkError
from wrikebackup_fsspec.objects.bucket import Bucket

__all__ = ["ObjectReader"]

# Bytes of the first request, of one in the middle, and at the most: who opens an archive looks at its start, its end and little between;
# who reads on is likely to read further.
_FIRST, _MIDDLE, _RANGE = 256 << 10, 64 << 10, 16 << 20
_GROWTH = 8


class ObjectReader:
    """A Reader. The first request is made at once, so that a missing object is noticed by `open`."""

    def __init__(self, bucket: Bucket, key: str, offset: int) -> None:
        self.start = offset
        self._bucket, self._key = bucket, key
        self._next = _MIDDLE if offset else _FIRST
        part = bucket.read(key, offset, self._next)
        self.size = part.size
        self._at, self._held = offset + len(part.data), part.data

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(_RANGE), b""))
        if not self._held and size and self._at < self.size:
            self._fetch()
        data = bytes(self._held[:size])
        self._held = self._held[size:]
        return data

    def _fetch(self) -> None:
        self._next = min(_GROWTH * self._next, _RANGE)
        part = self._bucket.read(self._key, self._at, self._next)
        if not part.data or part.size != self.size:
            raise SinkError(f"{self._bucket.name}: {self._key} changed while it was being read")
        self._at += len(part.data)
        self._held = part.data

    def close(self) -> None:
        self._held = memoryview(b"")
        self._at = self.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
