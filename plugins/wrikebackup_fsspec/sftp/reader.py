"""An object on its way from the server: requests run ahead of the reader, more the longer it reads on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Self

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import KeyNotFound, SinkError
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, TROUBLE, Lost, failed
from wrikebackup_fsspec.sftp.loop import Loop
from wrikebackup_fsspec.sftp.place import Place
from wrikebackup_fsspec.sftp.pool import Pool

__all__ = ["Download", "SftpReader"]

_AHEAD = 3 << 20  # bytes asked for and not yet read, at most
_LITTLE = 32 * 1024  # bytes of the first request at least: who reads the end of an archive reads little

_leaving: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish


class Download:
    """A file that is open on the server, seen from the loop."""

    def __init__(self, pool: Pool, place: Place, path: bytes, offset: int) -> None:
        self.size = 0
        self._pool, self._place, self._path = pool, place, path
        self._connection: Connection | None = None
        self._file: asyncssh.SFTPClientFile | None = None
        self._position = self._asked = offset  # handed out up to here, and asked for up to there
        self._ahead = 0
        self._pieces: deque[asyncio.Task[bytes]] = deque()

    async def open(self) -> None:
        """Raises KeyNotFound, SinkError."""
        try:
            self.size = await self._pool.again(self._open)
        except ABSENT:
            raise KeyNotFound(f"there is no {self._place.told(self._path)} on {self._place.server}") from None
        except TROUBLE as error:
            raise failed("read", self._place, self._path, error) from error

    async def read(self, wanted: int) -> bytes:
        """The next bytes, `b""` at the end only; `wanted` says how many the caller is known to want. Raises SinkError."""
        try:
            try:
                return await self._read(wanted)
            except Lost:
                await self._reopen()
                return await self._read(wanted)
        except TROUBLE as error:
            raise failed("read", self._place, self._path, error) from error

    def leave(self) -> None:
        """Like `close`, in the background."""
        task = asyncio.get_running_loop().create_task(self.close())
        _leaving.add(task)
        task.add_done_callback(_leaving.discard)

    async def close(self) -> None:
        """Never raises."""
        for piece in self._pieces:
            piece.cancel()
        self._pieces.clear()
        connection, self._connection = self._connection, None
        if connection is not None and self._file is not None:
            connection.files -= 1
            with contextlib.suppress(*TROUBLE, ValueError):
                await connection.ask(self._file.close)

    async def _open(self, connection: Connection) -> int:
        # What is no file is not opened at all: a pipe might never answer, and a folder is opened by some servers.
        found = await connection.ask(connection.sftp.stat, self._path)
        if found.type != asyncssh.FILEXFER_TYPE_REGULAR or found.size is None:
            raise asyncssh.SFTPNoSuchFile("it is not a regular file")
        self._file = await connection.open(self._path)
        connection.files += 1
        self._connection = connection
        return found.size

    async def _reopen(self) -> None:
        """An object never changes, so reading can go on over another connection."""
        await self.close()
        self._asked = self._position
        if await self._open(await self._pool.get()) != self.size:
            raise SinkError(f"{self._place.told(self._path)} on {self._place.server} changed while it was being read")

    async def _read(self, wanted: int) -> bytes:
        self._ask(self._position + max(wanted, self._ahead, _LITTLE))
        if not self._pieces:
            return b""
        piece = await self._pieces.popleft()
        self._position += len(piece)
        self._ahead = min(2 * max(self._ahead, len(piece)), _AHEAD)
        return piece

    def _ask(self, end: int) -> None:
        connection, file = self._connection, self._file
        if connection is None or file is None:
            raise SinkError(f"{self._place.told(self._path)} was closed")
        end = min(end, self.size, self._position + _AHEAD)
        while self._asked < end:
            size = min(end - self._asked, connection.read_size)
            piece = self._piece(connection, file, self._asked, size)
            self._pieces.append(asyncio.get_running_loop().create_task(piece))
            self._asked += size

    async def _piece(self, connection: Connection, file: asyncssh.SFTPClientFile, offset: int, size: int) -> bytes:
        """Exactly so many bytes; a server may answer with fewer than were asked for. Raises SinkError, SFTPError, Lost."""
        data: bytes = await connection.ask(file.read, size, offset)
        while data and len(data) < size:
            more: bytes = await connection.ask(file.read, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        if len(data) < size:
            raise SinkError(
                f"{self._place.told(self._path)} on {self._place.server} ended after {offset + len(data)} of {self.size} bytes: "
                "it was cut meanwhile"
            )
        return data


class SftpReader:
    """A Reader. `read` gives all that was asked for, unless the end comes first."""

    def __init__(self, loop: Loop, download: Download, offset: int) -> None:
        self._loop, self._download = loop, download
        loop.run(download.open())
        self.start, self.size = offset, download.size
        self._left = max(self.size - offset, 0)
        self._held = memoryview(b"")
        self._closed = False

    def read(self, size: int = -1, /) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        pieces = []
        missing = size
        while missing:
            if not self._held:
                self._held = memoryview(self._loop.run(self._download.read(missing)))
            pieces.append(self._held[:missing])
            self._held = self._held[missing:]
            missing -= len(pieces[-1])
        self._left -= size
        return b"".join(pieces)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._left, self._held = 0, memoryview(b"")
            with contextlib.suppress(SinkError):
                self._loop.run(self._download.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Never waits: the garbage collector may call it in the loop's own thread.
        if not getattr(self, "_closed", True):
            self._closed = True
            with contextlib.suppress(SinkError):
                self._loop.soon(self._download.leave)
