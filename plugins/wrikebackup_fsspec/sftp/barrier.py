"""Making what was committed survive a power cut (fsync@openssh.com).

Where the server lets a folder be opened and flushed, as OpenSSH does, a file is flushed while it is still open for writing, and the
barrier flushes only the folders, where the names stand. Elsewhere the barrier opens, flushes and closes each file under its name, many
at a time: on the file systems of today that makes the name durable too.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterable

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import SinkError
from wrikebackup_fsspec.batches import batches
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, TROUBLE, Lost, failed
from wrikebackup_fsspec.sftp.place import HOME, Place
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
        self._flushed: set[bytes] = set()  # of which only the names are not durable yet
        self._folders: bool | None = None
        self._asking = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self.offered = True
        """Whether the server flushes on request; True until it was seen not to."""

    async def ahead(self, connection: Connection, folder: bytes) -> bool:
        """Whether files are to be flushed before they get their names: tried once, with a folder that is there. Raises Lost."""
        if self._folders is None:
            async with self._asking:
                if self._folders is None:
                    self._folders = await _is_flushed(connection, folder)
        return self._folders

    def committed(self, path: bytes, *, flushed: bool) -> None:
        if self.offered:
            (self._flushed if flushed else self._files).add(path)

    async def flush(self, others: Iterable[bytes] = ()) -> None:
        """Also `others`, of which it is not known whether they were ever flushed, nor whether they are there.

        One barrier at a time: the next one would find nothing left to do while the first is still at it. Raises SinkError when
        anything could not be flushed; the same files are tried again the next time.
        """
        async with self._flushing:
            if self.offered:
                self._files.update(others)
            files, flushed = self._files, self._flushed
            self._files, self._flushed = set(), set()
            try:
                if not await self._names(flushed):
                    # One of these folders is on a file system of another kind.
                    self._folders = False
                    files, flushed = files | flushed, set()
                trouble = await self._all(files)
                await self._names(files)
            except BaseException:
                self._files |= files | flushed
                raise
            if trouble is not None:
                self._files |= files
                raise trouble

    async def _all(self, files: set[bytes]) -> SinkError | None:
        """Flushes each, and gives back the first trouble."""
        first: SinkError | None = None
        for batch in batches(files, _BATCH):
            for trouble in await asyncio.gather(*map(self._file, batch)):
                first = first or trouble
        return first

    async def _file(self, path: bytes) -> SinkError | None:
        try:
            async with self._room:
                if self.offered:
                    await self._pool.again(lambda connection: _flush(connection, path))
        except asyncssh.SFTPOpUnsupported:
            self.offered = False
        except TROUBLE as error:
            return failed("flush", self._place, path, error)
        except SinkError as error:
            return error
        return None

    async def _names(self, files: set[bytes]) -> bool:
        """Flushes the folders in which the files stand, and those above them up to the root's own parent, where a new root's name
        stands. Whether all that are ours could be. Raises SinkError.
        """
        if not files:
            return True
        folders = {self._place.root}
        for folder in {posixpath.dirname(path) for path in files}:
            folders.update(self._place.below(folder))
        done = await asyncio.gather(*map(self._folder, folders))
        await self._folder(posixpath.dirname(self._place.root) or HOME)  # it may be closed to us
        return all(done)

    async def _folder(self, path: bytes) -> bool:
        try:
            return await self._pool.again(lambda connection: _is_flushed(connection, path))
        except Lost as error:
            raise failed("flush", self._place, path, error) from error


async def _is_flushed(connection: Connection, folder: bytes) -> bool:
    """Not every server opens folders, nor does every file system flush them."""
    try:
        await _flush(connection, folder)
    except asyncssh.SFTPError:
        return False
    return True


async def _flush(connection: Connection, path: bytes) -> None:
    try:
        file = await connection.open(path)
    except ABSENT:
        return  # deleted since
    connection.files += 1
    try:
        await connection.flush(file)
    finally:
        connection.files -= 1
        if connection.alive:
            await connection.ask(file.close)
