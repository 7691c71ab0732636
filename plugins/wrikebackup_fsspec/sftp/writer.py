"""One object on its way to the server, seen from the caller's thread."""

from __future__ import annotations

import contextlib
import threading

from wrikebackup_core import SinkError
from wrikebackup_fsspec.sftp.loop import Loop
from wrikebackup_fsspec.sftp.upload import Upload

__all__ = ["SftpWriter"]

_BLOCK = 255 * 1024  # bytes; see connection.py
_IN_FLIGHT = 12  # blocks of one file: what fills a fast line at 20 ms


class SftpWriter:
    """A Writer. `write` returns once the data is on its way, and waits while too much is. `room` does so for all writers together."""

    def __init__(self, key: str, loop: Loop, upload: Upload, room: threading.Semaphore) -> None:
        self._key = key
        self._loop = loop
        self._upload = upload
        self._room = room
        self._own_room = threading.Semaphore(_IN_FLIGHT)
        self._block = bytearray()
        self._sent = 0
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._check()
        view = memoryview(data).cast("B")
        at = 0
        while len(self._block) + len(view) - at >= _BLOCK:
            start, at = at, at + _BLOCK - len(self._block)
            self._send(b"".join((self._block, view[start:at])))
            self._block.clear()
        self._block += view[at:]
        if self._upload.error is not None:
            raise self._upload.error
        return len(view)

    def commit(self) -> None:
        self._check()
        self._closed = True
        self._loop.run(self._upload.finish(self._sent, bytes(self._block)))

    def discard(self) -> None:
        if not self._closed:
            self._closed = True
            with contextlib.suppress(SinkError):
                self._loop.run(self._upload.abandon())

    def _send(self, block: bytes) -> None:
        if self._upload.error is not None:
            raise self._upload.error
        for room in (self._own_room, self._room):
            while not room.acquire(timeout=1):
                self._loop.check()
        try:
            self._loop.soon(self._upload.put, self._sent, block, self._arrived)
        except BaseException:
            self._arrived()
            raise
        self._sent += len(block)

    def _arrived(self) -> None:
        self._own_room.release()
        self._room.release()

    def _check(self) -> None:
        if self._closed:
            raise SinkError(f"{self._key} was committed or discarded before")

    def __del__(self) -> None:
        # Never waits: the garbage collector may call it in the loop's own thread.
        if not self._closed:
            self._closed = True
            with contextlib.suppress(SinkError):
                self._loop.soon(self._upload.leave)
