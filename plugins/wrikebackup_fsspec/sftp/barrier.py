"""Making what was committed survive a power cut, in batches: each file is opened, flushed (fsync@openssh.com) and closed, then its
folders where the server lets a folder be opened, as OpenSSH does.
"""

from __future__ import annotations

import asyncio
import posixpath

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import SinkError
from wrikebackup_fsspec.batches import batches
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, TROUBLE, Lost, failed
from wrikebackup_fsspec.sftp.place import Place
from wrikebackup_fsspec.sftp.pool import Pool

__all__ = ["Barrier"]

_AT_ONCE = 8  # files for each connection that may be open
_BATCH = 1000


class Barrier:
    """What was committed since the last flush that succeeded."""

    def __init__(self, pool: Pool, place: Place, connections: int) -> None:
        self._pool = pool
        self._place = place
        self._room = asyncio.Semaphore(_AT_ONCE * connections)
        self._files: set[bytes] = set()
        self.offered = True
        """Whether the server flushes on request; True until it was seen not to."""

    def committed(self, path: bytes) -> None:
        if self.offered:
            self._files.add(path)

    def deleted(self, path: bytes) -> None:
        self._files.discard(path)

    async def flush(self) -> None:
        """Raises SinkError when anything could not be flushed; the same files are tried again the next time."""
        files, self._files = self._files, set()
        if not files:
            return
        first: SinkError | None = None
        try:
            for batch in batches(files, _BATCH):
                for trouble in await asyncio.gather(*map(self._file, batch)):
                    first = first or trouble
            await asyncio.gather(*map(self._folder, self._folders_of(files)))
        except BaseException:
            self._files |= files
            raise
        if first is not None:
            self._files |= files
            raise first

    async def _file(self, path: bytes) -> SinkError | None:
        try:
            async with self._room:
                await self._pool.again(lambda connection: _flush(connection, path))
        except asyncssh.SFTPOpUnsupported:
            self.offered = False
        except TROUBLE as error:
            return failed("flush", self._place, path, error)
        except SinkError as error:
            return error
        return None

    async def _folder(self, path: bytes) -> None:
        """Not every server opens folders, nor every file system flushes them: the files themselves are flushed by now."""
        try:
            await self._pool.again(lambda connection: _flush(connection, path))
        except Lost as error:
            raise failed("flush", self._place, path, error) from error
        except asyncssh.SFTPError:
            pass

    def _folders_of(self, files: set[bytes]) -> set[bytes]:
        """Every folder from the files up to the root's own parent, where a new root's name stands."""
        found: set[bytes] = set()
        for folder in {posixpath.dirname(path) for path in files}:
            found.update(self._place.below(folder))
        return found | {self._place.root, posixpath.dirname(self._place.root) or b"."}


async def _flush(connection: Connection, path: bytes) -> None:
    try:
        file = await connection.ask(connection.sftp.open, path, asyncssh.FXF_READ, encoding=None, block_size=0)
    except ABSENT:
        return  # deleted since
    connection.files += 1
    try:
        await connection.flush(file)
    finally:
        connection.files -= 1
        if connection.alive:
            await connection.ask(file.close)
