"""What `wrikebackup doctor` asks of a folder on a server. Tries things for real, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import posixpath
import secrets
from collections.abc import Awaitable, Callable

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import Check, SinkError
from wrikebackup_fsspec.keys import temporary_name
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import TROUBLE, failed
from wrikebackup_fsspec.sftp.folders import look, make
from wrikebackup_fsspec.sftp.place import HOME
from wrikebackup_fsspec.sftp.upload import Store

__all__ = ["Doctor"]

_LITTLE = 100 * 1024 * 1024
_PAYLOAD = b"wrikebackup checks whether it can write here\n"

Answer = tuple[bool | None, str, str | None]


class Doctor:
    """Ask `connected` first, then each of `questions`, and at last `clear`. Nothing raises."""

    def __init__(self, store: Store, known_hosts: str) -> None:
        self._store = store
        self._place = store.place
        self._known_hosts = known_hosts
        self._made: list[bytes] = []
        self._probe = posixpath.join(self._place.root, temporary_name("probe", secrets.token_hex(6)).encode())
        self.questions: tuple[tuple[str, Callable[[Connection], Awaitable[Answer]]], ...] = (
            ("folder", self._folder),
            ("writable", self._writable),
            ("written once", self._once),
            ("durable", self._durable),
            ("free space", self._room),
            ("delete", self._delete),
        )

    async def connected(self) -> Check:
        try:
            connection = await self._store.pool.get()
        except (SinkError, *TROUBLE) as error:
            hint = error.hint if isinstance(error, SinkError) else None
            return Check("server", False, str(error), hint=hint)
        return Check(
            "server", connection.alive, f"{self._place.server} answers; its host key is in {self._known_hosts}"
        )

    async def answer(self, name: str, ask: Callable[[Connection], Awaitable[Answer]]) -> Check:
        try:
            ok, detail, hint = await ask(await self._store.pool.get())
        except SinkError as error:
            return Check(name, False, error.message, hint=error.hint)
        except TROUBLE as error:
            told = failed("check", self._place, self._place.root, error)
            return Check(name, False, told.message, hint=told.hint)
        return Check(name, ok, detail, hint=hint)

    async def clear(self) -> None:
        with contextlib.suppress(SinkError, *TROUBLE):
            connection = await self._store.pool.get()
            with contextlib.suppress(asyncssh.SFTPError):
                await connection.ask(connection.sftp.remove, self._probe)
            for folder in self._made:
                await connection.ask(connection.sftp.rmdir, folder)

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

    async def _writable(self, connection: Connection) -> Answer:
        try:
            file = await connection.create(self._probe)
            await connection.ask(file.write, _PAYLOAD, 0)
            await connection.ask(file.close)
            file = await connection.open(self._probe)
            data: bytes = await connection.ask(file.read, len(_PAYLOAD), 0)
            await connection.ask(file.close)
        except TROUBLE as error:
            raise failed("write in", self._place, self._place.root, error) from error
        if data != _PAYLOAD:
            return False, "a file reads back other than it was written", "use another SFTP server"
        return True, "a file can be written, and reads back the same", None

    async def _once(self, connection: Connection) -> Answer:
        publisher = self._store.publisher
        way = await publisher.choose(connection, self._place.root)
        if not await publisher.keeps(connection, self._place.root, way):
            return False, f"the server let a file be replaced ({publisher.way})", "use another SFTP server"
        return True, f"a file that is there cannot be replaced, and appears whole ({publisher.way})", None

    async def _durable(self, connection: Connection) -> Answer:
        file = await connection.open(self._probe)
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

    async def _delete(self, connection: Connection) -> Answer:
        try:
            await connection.ask(connection.sftp.remove, self._probe)
        except TROUBLE as error:
            raise failed("delete in", self._place, self._place.root, error) from error
        if await look(connection, self._probe) is not None:
            return False, "a file that was deleted is still there", "use another SFTP server"
        return True, "a file can be deleted, and is gone", None
