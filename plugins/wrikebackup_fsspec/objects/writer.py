"""One object on its way into a bucket."""

from __future__ import annotations

import contextlib

from wrikebackup_core import SinkError
from wrikebackup_fsspec.objects.bucket import PIECE, Bucket, Upload

__all__ = ["ObjectWriter"]


class ObjectWriter:
    """A Writer. Collects a piece before anything is sent; what fits into one is sent on commit, with one request."""

    __slots__ = ("_bucket", "_held", "_key", "_open", "_piece", "_size", "_upload")

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket, self._key = bucket, key
        self._held: list[bytes] = []
        self._size = 0
        self._piece = PIECE
        self._upload: Upload | None = None
        self._open = True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._demand_open()
        try:
            self._take_in(data)
        except BaseException:
            self.discard()  # what is missing here can never be made up for
            raise
        return len(data)

    def _take_in(self, data: bytes | bytearray | memoryview) -> None:
        size, view = len(data), memoryview(data)
        while len(view) > self._piece - self._size:
            room = self._piece - self._size
            self._hold(view[:room])
            view = view[room:]
            self._send()
        self._hold(view if len(view) != size else data)

    def commit(self) -> None:
        self._demand_open()
        self._open = False
        try:
            if self._upload is None:
                self._bucket.put(self._key, self._take())
            else:
                self._upload.complete(self._take())
        except BaseException:
            self._abort()
            raise

    def discard(self) -> None:
        if self._open:
            self._open = False
            self._held.clear()
            self._abort()

    def _hold(self, data: bytes | bytearray | memoryview) -> None:
        if data:
            self._held.append(bytes(data))  # no copy of what is bytes already
            self._size += len(data)

    def _take(self) -> bytes:
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._size = 0
        return data

    def _send(self) -> None:
        """More is to come: an object that ends with this piece is never begun as an upload."""
        if self._upload is None:
            self._upload = self._bucket.begin(self._key)
        self._piece = self._upload.send(self._take())

    def _demand_open(self) -> None:
        if not self._open:
            raise SinkError(f"{self._key} was committed or discarded before")

    def _abort(self) -> None:
        if self._upload is not None:
            with contextlib.suppress(Exception):
                self._upload.abort()

    def __del__(self) -> None:
        self.discard()
