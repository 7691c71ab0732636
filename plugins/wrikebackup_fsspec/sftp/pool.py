"""A few connections to one server, opened when they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wrikebackup_core import SinkError
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import Lost

__all__ = ["Pool"]

_T = TypeVar("_T")
_GOODBYE = 5.0  # seconds
_PAUSE = 30.0  # seconds until a server that refused one more connection is asked again


class Pool:
    """At most `most` connections. One that died is left, and replaced when it is needed."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._connections: list[Connection] = []
        self._opening: asyncio.Task[None] | None = None
        self._grow_from = 0.0

    @property
    def alive(self) -> bool:
        """Whether there is a connection now."""
        return any(connection.alive for connection in self._connections)

    async def get(self) -> Connection:
        """The least busy connection. Raises SinkError where none can be opened, and Lost where it was gone in the same moment."""
        self._forget_dead()
        if not self._connections:
            await asyncio.shield(self._open())
            self._forget_dead()
            if not self._connections:
                raise Lost("the connection was lost")
        least = min(self._connections, key=lambda connection: connection.files)
        if least.files and len(self._connections) < self._most:
            self._grow()
        return least

    async def again(self, operation: Callable[[Connection], Awaitable[_T]]) -> _T:
        """The operation's result; it is tried once more on another connection when the first is lost: only for what may be done
        twice. Raises what it raises.
        """
        try:
            return await operation(await self.get())
        except Lost:
            return await operation(await self.get())

    async def close(self) -> None:
        if self._opening is not None:
            await asyncio.wait([self._opening], timeout=_GOODBYE)
            self._opening.cancel()
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _forget_dead(self) -> None:
        self._connections = [connection for connection in self._connections if connection.alive]

    def _open(self) -> asyncio.Task[None]:
        """The one attempt that is going on, for all who wait for it."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._add())
        return self._opening

    async def _add(self) -> None:
        connection = await self._connect()
        self._connections.append(connection)  # the list may be another by now

    def _grow(self) -> None:
        """One more in the background. A server may limit them: then the work goes on with those that are there."""
        loop = asyncio.get_running_loop()
        if (self._opening is None or self._opening.done()) and loop.time() >= self._grow_from:

            def opened(task: asyncio.Task[None]) -> None:
                if not task.cancelled() and isinstance(task.exception(), SinkError):
                    self._grow_from = loop.time() + _PAUSE

            self._open().add_done_callback(opened)
