"""One connection to the server, watched: no request waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_fsspec.sftp.faults import Lost

__all__ = ["Connection"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BLOCK = 255 * 1024  # bytes of a request, what OpenSSH takes at most; less where the server says so
_GOODBYE = 2.0  # seconds
_PRIVATE = asyncssh.SFTPAttrs(permissions=0o600)  # account data: for the owner only
_FLUSH_PATIENCE = 20  # times the timeout: a flush answers only when all of a file is on the disk
_NOT_COUNTED = 0  # a flush beside requests that must be answered in their own time; alone, it has that of a flush


class Connection:
    """An SSH connection with an SFTP session on it.

    `timeout`: with a request on its way and no answer to any for so many seconds, the connection is given up and every request ends
    in Lost. Slow is fine, silent is not.
    """

    def __init__(self, ssh: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient, timeout: float) -> None:
        self.sftp = sftp
        self.files = 0
        """How many files are being written or read over it."""
        self.read_size = min(sftp.limits.max_read_len or _BLOCK, _BLOCK)
        self.write_size = min(sftp.limits.max_write_len or _BLOCK, _BLOCK)
        self._ssh = ssh
        self._timeout = timeout
        self._waiting: dict[asyncio.Task[Any], int] = {}
        self._heard = 0.0
        self._lost: str | None = None
        self._flusher: asyncssh.SFTPClient | None = None
        self._flushing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._watcher = self._loop.create_task(self._watch())

    @property
    def alive(self) -> bool:
        return self._lost is None

    async def ask(self, method: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What the session's method answers. Raises SFTPError as it does, and Lost."""
        return await self._ask(1, method, *args, **kwargs)

    async def open(self, path: bytes) -> asyncssh.SFTPClientFile:
        """A file to read. Raises SFTPError, Lost."""
        return await self.ask(self.sftp.open, path, asyncssh.FXF_READ, encoding=None, block_size=0)

    async def create(self, path: bytes) -> asyncssh.SFTPClientFile:
        """A new file to write. Raises SFTPError, also where the name is taken, and Lost."""
        flags = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL
        return await self.ask(self.sftp.open, path, flags, _PRIVATE, encoding=None, block_size=0)

    async def flush(self, file: asyncssh.SFTPClientFile) -> None:
        """Has the server write the file to its disk. Raises SFTPOpUnsupported where it does not offer that, SFTPError, Lost."""
        await self._ask(_FLUSH_PATIENCE, file.fsync)

    async def flush_ahead(self, path: bytes) -> bool:
        """Whether the server could be had to write a file to its disk of which more is still being sent. In a session of its own: in the
        other one the rest would wait for it. What goes wrong here says nothing of the connection, nor of the file.
        """
        async with self._flushing:
            try:
                if self._flusher is None:
                    self._flusher = await self._watched(1, self._ssh.start_sftp_client())
                opening = self._flusher.open(path, asyncssh.FXF_READ, encoding=None, block_size=0)
                file = await self._watched(1, opening)
                try:
                    await self._watched(_NOT_COUNTED, file.fsync())
                finally:
                    await self._watched(1, file.close())
            except (asyncssh.Error, OSError, EOFError, Lost):
                return False
        return True

    async def _ask(self, patience: int, method: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if self._lost is not None:
            raise Lost(self._lost)
        try:
            return await self._watched(patience, method(*args, **kwargs))
        except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.DisconnectError, OSError, EOFError):
            self.drop("the connection was lost")
            raise Lost(self._lost) from None

    async def _watched(self, patience: int, answer: Awaitable[_T]) -> _T:
        """What asyncio.timeout does, without a clock for each of many thousand requests."""
        task = asyncio.current_task()
        assert task is not None
        if not self._waiting:
            self._heard = self._loop.time()
        self._waiting[task] = patience
        try:
            return await answer
        except asyncio.CancelledError:
            if self._lost is None or task.uncancel() > 0:
                raise
            raise Lost(self._lost) from None
        finally:
            del self._waiting[task]
            self._heard = self._loop.time()

    def drop(self, reason: str) -> None:
        """Gives the connection up; whoever waits on it gets Lost."""
        if self._lost is None:
            self._lost = reason
            self._ssh.abort()
            for task in self._waiting:
                task.cancel()

    async def close(self) -> None:
        """Says goodbye, and does not wait long for an answer. Never raises."""
        if self._lost is None:
            self._lost = "the connection was closed"
            self._ssh.close()
        await asyncio.wait([self._watcher], timeout=_GOODBYE)
        self._ssh.abort()
        self._watcher.cancel()
        await asyncio.wait([self._watcher])

    async def _watch(self) -> None:
        closed = self._loop.create_task(self._ssh.wait_closed())
        try:
            while not closed.done():
                await asyncio.wait([closed], timeout=self._timeout / 4)
                if self._waiting and not closed.done():
                    silent = self._loop.time() - self._heard
                    if silent >= self._timeout * (max(self._waiting.values()) or _FLUSH_PATIENCE):
                        self.drop(f"the server did not answer for {silent:.0f} seconds")
                        return
            self.drop("the connection was lost")
        finally:
            closed.cancel()
