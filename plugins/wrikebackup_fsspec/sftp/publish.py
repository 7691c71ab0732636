"""Giving a finished temporary file its name, without ever replacing a file that has the name already.

Servers differ, and what they claim is tried first, once for each sink, on files of our own. In this order:

1. A plain rename. Protocol version 3 says that it must refuse a name that is taken, and OpenSSH does so by `link` and `unlink` in one
   request; but there are servers that replace the file.
2. A hard link (hardlink@openssh.com), then removing the temporary name.
3. A reservation: a file beside the target, created exclusively, that only one writer can hold while it looks whether the target is
   there and renames, by posix-rename@openssh.com or else plainly. Safe among our own writers, of this and other machines; a
   stranger's file that appears in the same moment could be lost. A reservation left by a kill is swept like any temporary.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import posixpath
import secrets
import time
from collections.abc import Awaitable, Callable

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import SinkError
from wrikebackup_fsspec.keys import TEMPORARY_SUFFIX, temporary_name
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, TROUBLE, Lost
from wrikebackup_fsspec.sftp.folders import look
from wrikebackup_fsspec.sftp.pool import Pool

__all__ = ["WAYS", "Publisher", "Taken", "Way", "was_published"]

_RESERVATION_TRIES = 100
_RESERVATION_PAUSE = 0.02  # seconds

Way = Callable[[Connection, bytes, bytes], Awaitable[None]]


class Taken(Exception):
    """Something has the name already."""


async def rename(connection: Connection, temporary: bytes, target: bytes) -> None:
    await connection.ask(connection.sftp.rename, temporary, target)


async def hard_link(connection: Connection, temporary: bytes, target: bytes) -> None:
    await connection.ask(connection.sftp.link, temporary, target)
    with contextlib.suppress(*TROUBLE):
        # The object is there; a second name that cannot go now is swept later.
        await connection.ask(connection.sftp.remove, temporary)


async def posix_rename_reserved(connection: Connection, temporary: bytes, target: bytes) -> None:
    await _reserved(connection, connection.sftp.posix_rename, temporary, target)


async def rename_reserved(connection: Connection, temporary: bytes, target: bytes) -> None:
    await _reserved(connection, connection.sftp.rename, temporary, target)


WAYS: tuple[Way, ...] = (rename, hard_link, posix_rename_reserved, rename_reserved)


async def _reserved(
    connection: Connection, move: Callable[[bytes, bytes], Awaitable[None]], temporary: bytes, target: bytes
) -> None:
    folder, name = posixpath.split(target)
    digest = hashlib.sha256(name).hexdigest()[:20]
    reservation = posixpath.join(folder, f".{digest}{TEMPORARY_SUFFIX}".encode())
    await _reserve(connection, reservation, target)
    try:
        if await look(connection, target) is not None:
            raise Taken
        await connection.ask(move, temporary, target)
    finally:
        with contextlib.suppress(*TROUBLE):
            await connection.ask(connection.sftp.remove, reservation)


async def _reserve(connection: Connection, reservation: bytes, target: bytes) -> None:
    for _ in range(_RESERVATION_TRIES):
        if await _create(connection, reservation):
            return
        if await look(connection, target) is not None:
            raise Taken
        await asyncio.sleep(_RESERVATION_PAUSE)
    name = posixpath.basename(reservation).decode()
    raise asyncssh.SFTPLockConflict(f"another writer is at it, or was killed at it ({name})")


async def _create(connection: Connection, path: bytes, data: bytes = b"") -> bool:
    """Whether the new file was made; False where the name is taken. Raises SFTPError, Lost."""
    try:
        file = await connection.create(path)
    except asyncssh.SFTPError:
        if await look(connection, path) is None:
            raise
        return False
    if data:
        await connection.ask(file.write, data, 0)
    await connection.ask(file.close)
    return True


class Publisher:
    """Knows the way that works on one server."""

    def __init__(self, server: str, ways: tuple[Way, ...] = WAYS) -> None:
        self._server = server
        self._ways = ways
        self._way: Way | None = None
        self._lock = asyncio.Lock()

    @property
    def way(self) -> str | None:
        """The way in use, for people; None before the first was tried."""
        return self._way.__name__.replace("_", " ") if self._way else None

    async def __call__(self, connection: Connection, temporary: bytes, target: bytes) -> None:
        """`target` exists from here on and `temporary` no more. Raises Taken, SinkError, SFTPError, Lost."""
        way = await self.choose(connection, posixpath.dirname(target))
        try:
            await way(connection, temporary, target)
        except asyncssh.SFTPError as error:
            if await look(connection, target) is not None:
                raise Taken from error
            raise

    async def choose(self, connection: Connection, folder: bytes) -> Way:
        """The first way that was seen, in this folder, not to replace a file. Raises SinkError for none, SFTPError, Lost."""
        async with self._lock:
            if self._way is None:
                for way in self._ways:
                    if await self.keeps(connection, folder, way):
                        self._way = way
                        return way
                raise SinkError(
                    f"{self._server} has no way to name a finished file that spares one which has the name already",
                    hint="use another SFTP server; on this one an older backup is not safe from a newer one",
                )
        return self._way

    async def keeps(self, connection: Connection, folder: bytes, way: Way) -> bool:
        """Tries the way for real: it must move a file to a free name, and spare what has the name. Leaves nothing behind."""
        tail = secrets.token_hex(6)
        first, second, target = (
            posixpath.join(folder, temporary_name(f"probe-{part}", tail).encode()) for part in ("1", "2", "3")
        )
        try:
            await _create(connection, first, b"1")
            await _create(connection, second, b"22")
            if await _create(connection, second) and way in (posix_rename_reserved, rename_reserved):
                return False  # a server that creates what is there reserves nothing
            try:
                await way(connection, first, target)
            except asyncssh.SFTPError:
                return False
            if [await _size(connection, path) for path in (first, target)] != [None, 1]:
                return False
            with contextlib.suppress(asyncssh.SFTPError, Taken):
                await way(connection, second, target)
            return await _size(connection, target) == 1
        finally:
            for path in (first, second, target):
                with contextlib.suppress(asyncssh.SFTPError, Lost):
                    await connection.ask(connection.sftp.remove, path)


async def _size(connection: Connection, path: bytes) -> int | None:
    found = await look(connection, path)
    return None if found is None else found.size


async def was_published(pool: Pool, temporary: bytes, target: bytes, size: int) -> bool:
    """Whether the target exists, where the connection was lost before the answer. Whoever can still take the temporary file away was not
    published, and will not be by a server that is late; where it is gone and the target is there, the target is ours.
    """
    try:
        connection = await pool.get()
        found = await look(connection, target)
        linked = found is not None and found.size == size and await _is_linked(connection, temporary, target)
        with contextlib.suppress(*ABSENT):
            await connection.ask(connection.sftp.remove, temporary)
            return linked
        return await _size(connection, target) == size
    except (SinkError, *TROUBLE):
        return False


async def _is_linked(connection: Connection, temporary: bytes, target: bytes) -> bool:
    """Whether the two are names of one file: a time that is set through one is seen through the other."""
    mark = secrets.randbelow(1 << 30)
    try:
        await connection.ask(connection.sftp.utime, temporary, (mark, mark))
    except ABSENT:
        return False
    found = await look(connection, target)
    if found is None or found.mtime != mark:
        return False
    now = int(time.time())
    await connection.ask(connection.sftp.utime, target, (now, now))
    return True
