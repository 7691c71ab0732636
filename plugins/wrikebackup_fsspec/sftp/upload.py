"""One file on its way to the server, seen from the loop: opened, written many blocks at a time, compared, published."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import posixpath
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import AlreadyExists, SinkError
from wrikebackup_fsspec.keys import temporary_name
from wrikebackup_fsspec.sftp.barrier import Barrier
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, TROUBLE, Lost, failed, full
from wrikebackup_fsspec.sftp.folders import Folders, look
from wrikebackup_fsspec.sftp.place import HOME, Place
from wrikebackup_fsspec.sftp.pool import Pool
from wrikebackup_fsspec.sftp.publish import Publisher, Taken, was_published

__all__ = ["Store", "Upload"]

_TRIES = 100
_FLUSH_EVERY = 64 << 20  # bytes of a file
_ROOM = 1 << 20  # bytes free, below which a failure that the server does not explain is taken for a full disk


class Store:
    """What all uploads of a sink share."""

    def __init__(self, pool: Pool, place: Place, publisher: Publisher, barrier: Barrier) -> None:
        self.pool, self.place, self.publisher, self.barrier = pool, place, publisher, barrier
        self.folders = Folders(place)
        self._tail = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._leaving: set[asyncio.Task[None]] = set()

    def temporary(self, target: bytes) -> bytes:
        """A name beside the target that nobody else uses."""
        folder, name = posixpath.split(target)
        return posixpath.join(folder, temporary_name(name.decode(), f"{self._tail}{next(self._numbers):x}").encode())

    def leave(self, upload: Upload) -> None:
        """Abandons an upload that nobody waits for."""
        task = asyncio.get_running_loop().create_task(upload.abandon())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def settle(self) -> None:
        """Waits for what is being abandoned."""
        if self._leaving:
            await asyncio.wait(list(self._leaving))


class Upload:
    """`put` and at last `finish` or `abandon`. The file is opened with the first block, or by `opened`."""

    def __init__(self, store: Store, target: bytes) -> None:
        self._store = store
        self._target = target
        self._temporary = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection: Connection | None = None
        self._file: asyncssh.SFTPClientFile | None = None
        self._opening = asyncio.Lock()
        self._arrived = 0
        self._flush_at: float = _FLUSH_EVERY
        self.error: SinkError | None = None
        """What went wrong first."""

    async def opened(self) -> None:
        """Waits until the temporary file is there. Raises SinkError."""
        await self._ready()
        self._raise()

    def leave(self) -> None:
        """Like `abandon`, in the background."""
        self._store.leave(self)

    def put(self, offset: int, data: bytes, done: Callable[[], object]) -> None:
        """Sends a block on its way; `done` is called when it arrived or never will."""
        self._begin(self._send(offset, data), done)

    def _begin(self, work: Coroutine[Any, Any, None], done: Callable[[], object] = bool) -> None:
        """In the background; `finish` and `abandon` wait for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            done()

        task.add_done_callback(ended)

    async def finish(self, offset: int, rest: bytes) -> None:
        """The target exists from here on, `rest` its end. Raises AlreadyExists, SinkError; then nothing is left behind."""
        try:
            await self._finish(offset, rest)
        except Taken:
            await self.abandon()
            raise await self._taken() from None
        except TROUBLE as error:
            told = await self._explained("store", error)
            await self.abandon()
            raise told from error
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """Takes the temporary file away, if there is a connection to do it with. Never raises."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        connection, file, temporary = self._connection, self._file, self._temporary
        self._file, self._temporary = None, b""
        self._release()
        if not temporary:
            return
        with contextlib.suppress(SinkError, *TROUBLE):
            if connection is None or not connection.alive:
                if not self._store.pool.alive:
                    return  # the server is gone; what is left there is swept one day
                connection = await self._store.pool.get()
            elif file is not None:
                with contextlib.suppress(asyncssh.SFTPError):
                    await connection.ask(file.close)
            await connection.ask(connection.sftp.remove, temporary)

    async def _ready(self) -> None:
        """Waits until the file is open, or `error` says why it is not."""
        async with self._opening:
            if self._file is None and self.error is None:
                try:
                    self._file = await self._store.pool.again(self._open)
                except TROUBLE as error:
                    self.error = await self._explained("write", error)
                except SinkError as error:
                    self.error = error

    async def _open(self, connection: Connection) -> asyncssh.SFTPClientFile:
        """Another name each time: after a lost connection nobody knows whether the first file was made."""
        self._temporary = self._store.temporary(self._target)
        self._connection = connection
        connection.files += 1
        try:
            for _ in range(_TRIES):
                # Another writer may have deleted the last object of the folder, and the folder with it, at any moment.
                with contextlib.suppress(*ABSENT):
                    return await self._enter(connection)
                self._store.folders.forget(posixpath.dirname(self._target))
            return await self._enter(connection)
        except BaseException:
            self._release()
            raise

    async def _enter(self, connection: Connection) -> asyncssh.SFTPClientFile:
        await self._store.folders.enter(connection, posixpath.dirname(self._target))
        return await connection.create(self._temporary)

    async def _send(self, offset: int, data: bytes) -> None:
        await self._ready()
        if self.error is not None:
            return
        assert self._connection is not None
        assert self._file is not None
        connection, file, most = self._connection, self._file, self._connection.write_size
        try:
            if not data:
                return
            if len(data) <= most:
                await connection.ask(file.write, data, offset)
            else:
                pieces = range(0, len(data), most)
                await asyncio.gather(
                    *(connection.ask(file.write, data[start : start + most], offset + start) for start in pieces)
                )
        except TROUBLE as error:
            if self.error is None:
                self.error = await self._explained("write", error)
            return
        self._arrived += len(data)
        if self._arrived >= self._flush_at:
            self._flush_at = math.inf  # one at a time
            self._begin(self._flush_ahead(connection))

    async def _flush_ahead(self, connection: Connection) -> None:
        """Lets the server's disk work while the rest is sent; the flush at the end is then a short one, and still says what went wrong."""
        with contextlib.suppress(Lost):
            folder = posixpath.dirname(self._target) or HOME
            if await self._store.barrier.ahead(connection, folder) and await connection.flush_ahead(self._temporary):
                self._flush_at = self._arrived + _FLUSH_EVERY

    async def _finish(self, offset: int, rest: bytes) -> None:
        size = offset + len(rest)
        await self._send(offset, rest)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._raise()
        assert self._connection is not None
        flushed = await self._store.barrier.ahead(self._connection, posixpath.dirname(self._target) or HOME)
        stored = await self._closed(self._connection, flush=flushed)
        if stored != size:
            raise SinkError(
                f"cannot store {self._shown}: {stored} of {size} bytes arrived",
                hint="look at the server's free space, quotas and log",
            )
        try:
            await self._store.publisher(self._connection, self._temporary, self._target)
        except Lost as error:
            if not await was_published(self._store.pool, self._temporary, self._target, size):
                raise failed("store", self._store.place, self._target, error) from error
        self._temporary = b""
        self._release()
        self._store.barrier.committed(self._target, flushed=flushed)

    async def _closed(self, connection: Connection, *, flush: bool) -> int | None:
        """The size of the file that is closed then. All is asked at once, which spares a small file two of the six ways to
        the server and back: it does in turn what concerns one file. Not so with writing, which some servers do beside the rest.
        """
        assert self._file is not None
        file, self._file = self._file, None
        asked: list[Awaitable[Any]] = [connection.ask(file.stat), connection.ask(file.close)]
        if flush:
            asked.insert(1, connection.flush(file))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        assert isinstance(answers[0], asyncssh.SFTPAttrs)
        return answers[0].size

    async def _taken(self) -> AlreadyExists:
        found = None
        with contextlib.suppress(SinkError, *TROUBLE):
            found = await look(await self._store.pool.get(), self._target)
        folder = found is not None and found.type == asyncssh.FILEXFER_TYPE_DIRECTORY
        hint = "a folder stands where a file belongs: move it away" if folder else None
        return AlreadyExists(f"{self._shown} exists already", hint=hint)

    async def _explained(self, what: str, error: asyncssh.SFTPError | Lost) -> SinkError:
        """Version 3 of the protocol has one code for most troubles; whether the disk is full can be asked."""
        if isinstance(error, asyncssh.SFTPFailure) and self._store.pool.alive:
            with contextlib.suppress(SinkError, *TROUBLE):
                connection = await self._store.pool.get()
                room = await connection.ask(connection.sftp.statvfs, posixpath.dirname(self._target) or HOME)
                if room.bavail * room.frsize < _ROOM or (room.files and not room.favail):
                    return full(what, self._store.place, self._target)
        return failed(what, self._store.place, self._target, error)

    @property
    def _shown(self) -> str:
        return f"{self._store.place.told(self._target)} on {self._store.place.server}"

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.files -= 1
