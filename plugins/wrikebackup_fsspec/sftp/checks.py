"""What `wrikebackup doctor` asks of a folder on a server, besides what it asks of every kind of store. Leaves nothing behind."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Awaitable, Callable

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import Check, SinkError
from wrikebackup_fsspec.keys import probe_name
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import TROUBLE, failed
from wrikebackup_fsspec.sftp.folders import look, make
from wrikebackup_fsspec.sftp.place import HOME
from wrikebackup_fsspec.sftp.upload import Store

__all__ = ["Doctor"]

_LITTLE = 100 * 1024 * 1024

Answer = tuple[bool | None, str, str | None]


class Doctor:
    """Ask `connected` first, then `folder`, and at last `clear`. Nothing raises. `probe` is a folder below the root for what is tried."""

    def __init__(self, store: Store, known_hosts: str, probe: bytes) -> None:
        self._store = store
        self._place = store.place
        self._known_hosts = known_hosts
        self._made: list[bytes] = []
        self._probe = probe
        self._file = posixpath.join(probe, probe_name().encode())

    async def connected(self) -> Check:
        try:
            connection = await self._store.pool.get()
        except (SinkError, *TROUBLE) as error:
            hint = error.hint if isinstance(error, SinkError) else None
            return Check("server", False, str(error), hint=hint)
        return Check(
            "server", connection.alive, f"{self._place.server} answers; its host key is in {self._known_hosts}"
        )

    async def folder(self) -> Check:
        return await self._answer("folder", self._folder)

    async def durable(self) -> Check:
        return await self._answer("durable", self._durable)

    async def room(self) -> Check:
        return await self._answer("free space", self._room)

    async def clear(self) -> None:
        with contextlib.suppress(SinkError, *TROUBLE):
            connection = await self._store.pool.get()
            with contextlib.suppress(asyncssh.SFTPError):
                await connection.ask(connection.sftp.remove, self._file)
            for folder in (self._probe, *self._made):
                with contextlib.suppress(asyncssh.SFTPError):
                    await connection.ask(connection.sftp.rmdir, folder)

    async def _answer(self, name: str, ask: Callable[[Connection], Awaitable[Answer]]) -> Check:
        try:
            ok, detail, hint = await ask(await self._store.pool.get())
        except SinkError as error:
            return Check(name, False, error.message, hint=error.hint)
        except TROUBLE as error:
            told = failed("check", self._place, self._place.root, error)
            return Check(name, False, told.message, hint=told.hint)
        return Check(name, ok, detail, hint=hint)

    async def _folder(self, connection: Connection) -> Answer:
        path = self._place.root
        missing: list[bytes] = []
        folder = path
        while folder not in (b"", b"/", HOME) and await look(connection, folder) is None:
            missing.append(folder)
            folder = posixpath.dirname(folder)
        self._made = missing
        try:
            await make(connection, path)
        except TROUBLE as error:
            raise failed("make", self._place, path, error) from error
        return True, f"{self._place.told(path)} {'will be created' if missing else 'is there'}", None

    async def _durable(self, connection: Connection) -> Answer:
        await make(connection, self._probe)
        file = await connection.create(self._file)
        try:
            await connection.flush(file)
        except asyncssh.SFTPOpUnsupported:
            self._store.barrier.offered = False
            hint = "what a power cut on the server right after a run may cost is up to its file system"
            return None, "the server cannot be asked to write files to its disk (it has no fsync@openssh.com)", hint
        finally:
            with contextlib.suppress(*TROUBLE):
                await connection.ask(file.close)
        return True, "each file is flushed to the server's disk (fsync@openssh.com)", None

    async def _room(self, connection: Connection) -> Answer:
        try:
            room = await connection.ask(connection.sftp.statvfs, self._place.root)
        except asyncssh.SFTPError:
            return None, "cannot be told: the server has no statvfs@openssh.com", None
        free, total = room.bavail * room.frsize, room.blocks * room.frsize
        enough = free >= _LITTLE
        return (
            enough,
            f"{free / 1e9:.1f} GB free of {total / 1e9:.1f} GB",
            None if enough else "make room on the server",
        )
