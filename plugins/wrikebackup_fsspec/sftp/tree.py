"""Walking a folder of the server, several of its folders at a time; deleting and sweeping in it. Symbolic links are never followed."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import Entry, SinkError
from wrikebackup_fsspec.keys import FOREIGN, is_probe, is_temporary
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, TROUBLE, Lost, failed
from wrikebackup_fsspec.sftp.folders import look, refuse_links, remove_empty
from wrikebackup_fsspec.sftp.place import Place
from wrikebackup_fsspec.sftp.pool import Pool

__all__ = ["Found", "Walk", "delete", "sweep", "sweep_probes"]

_FOLDERS = 8  # read at a time
_BATCH = 500  # names
_BATCHES = 64  # that may wait for the caller
_REQUESTS = 64  # in flight, of those that delete

_FILE, _FOLDER = asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_DIRECTORY
_UNTOLD = (asyncssh.FILEXFER_TYPE_UNKNOWN, None)


@dataclass(slots=True)
class Found:
    """A part of what one folder holds."""

    folder: str
    files: list[Entry] = field(default_factory=list)
    temporaries: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    probes: list[str] = field(default_factory=list)
    """Folders at the root that doctor has made: nobody looks into them."""
    others: bool = False
    """Whether there is something that is none of ours: a link, a device, a name that is not UTF-8."""


class Walk:
    """Everything below a folder, a batch of names at a time. Only so much is read ahead."""

    def __init__(self, pool: Pool, place: Place, top: str) -> None:
        self._pool, self._place = pool, place
        self._waiting = [top]
        self._open: set[asyncio.Task[None]] = set()
        self._running = 0
        self._queue: asyncio.Queue[Found | Exception | None] = asyncio.Queue(_BATCHES)

    async def next(self) -> Found | None:
        """None at the end. Raises SinkError for a folder that cannot be read."""
        while True:
            while self._waiting and self._running < _FOLDERS:
                task = asyncio.get_running_loop().create_task(self._read(self._waiting.pop()))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
                self._running += 1
            if not self._running:
                return None
            found = await self._queue.get()
            if isinstance(found, Found):
                self._waiting += found.folders
                return found
            self._running -= 1
            if found is not None:
                await self.close()
                raise found

    async def top(self) -> AsyncIterator[Found]:
        """What the folder itself holds. Raises SinkError, SFTPError, Lost."""
        folder = self._waiting[0]
        async for found in self._scan(await self._pool.get(), folder, self._place.path(folder)):
            yield found

    async def close(self) -> None:
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(list(self._open))
        self._waiting.clear()
        self._running = 0

    async def _read(self, folder: str) -> None:
        path = self._place.path(folder)
        told = False
        try:
            for last in (False, True):
                try:
                    async for found in self._scan(await self._pool.get(), folder, path):
                        told = True
                        await self._queue.put(found)
                    break
                except Lost:
                    if told or last:  # what was handed over is not handed over again
                        raise
        except ABSENT:
            await self._queue.put(None)
        except TROUBLE as error:
            await self._queue.put(failed("list", self._place, path, error) if await self._is_there(path) else None)
        except SinkError as error:
            await self._queue.put(error)
        else:
            await self._queue.put(None)

    async def _is_there(self, path: bytes) -> bool:
        """Whether a folder that could not be listed is one: servers refuse a file in several ways."""
        try:
            found = await look(await self._pool.get(), path)
        except (SinkError, *TROUBLE):
            return True
        return found is not None and found.type != _FILE

    async def _scan(self, connection: Connection, folder: str, path: bytes) -> AsyncIterator[Found]:
        names = connection.sftp.scandir(path)
        at_end = False
        while not at_end:
            batch, at_end = await connection.ask(_some, names)
            found = Found(folder)
            for name in batch:
                await self._sort(connection, found, name)
            yield found

    async def _sort(self, connection: Connection, found: Found, item: asyncssh.SFTPName) -> None:
        raw = item.filename.encode() if isinstance(item.filename, str) else item.filename
        if raw in (b".", b".."):
            return
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            found.others = True
            return
        key = f"{found.folder}/{name}" if found.folder else name
        attributes: asyncssh.SFTPAttrs | None = item.attrs
        if item.attrs.type in _UNTOLD or item.attrs.size is None:
            attributes = await look(connection, self._place.path(key))  # None: deleted meanwhile
        if attributes is None:
            return
        if attributes.type == _FOLDER:
            if not found.folder and is_probe(name):
                found.probes.append(key)
            elif found.folder or name not in FOREIGN:
                found.folders.append(key)
        elif attributes.type != _FILE:
            found.others = True
        elif is_temporary(name):
            found.temporaries.append(key)
        else:
            found.files.append(Entry(key, attributes.size or 0))


async def _some(names: AsyncIterator[asyncssh.SFTPName]) -> tuple[list[asyncssh.SFTPName], bool]:
    batch: list[asyncssh.SFTPName] = []
    async for name in names:
        batch.append(name)
        if len(batch) == _BATCH:
            return batch, False
    return batch, True


async def delete(pool: Pool, place: Place, keys: Sequence[str], seen: set[bytes]) -> SinkError | None:
    """Removes files; goes on past one that cannot go, and gives back the first trouble. `seen` takes the folders that they were in.

    Raises SinkError where a symbolic link is on the way.
    """
    for folder in {posixpath.dirname(place.path(key)) for key in keys} - seen:
        try:
            await pool.again(partial(refuse_links, place=place, folder=folder))
        except TROUBLE as error:
            raise failed("delete in", place, folder, error) from error
        seen.add(folder)
    room = asyncio.Semaphore(_REQUESTS)

    async def one(key: str) -> SinkError | None:
        path = place.path(key)
        try:
            async with room:
                await pool.again(lambda connection: _remove(connection, path))
        except TROUBLE as error:
            return failed("delete", place, path, error)
        except SinkError as error:
            return error
        return None

    return next(filter(None, await asyncio.gather(*map(one, keys))), None)


async def _remove(connection: Connection, path: bytes) -> None:
    try:
        await connection.ask(connection.sftp.remove, path)
    except ABSENT:
        pass
    except asyncssh.SFTPError:
        found = await look(connection, path)
        if found is not None and found.type != _FOLDER:  # no object has a folder's name
            raise


async def sweep(pool: Pool, place: Place, prefix: str) -> None:
    """Removes temporary files and empty folders below a folder. Raises SinkError."""
    walk = Walk(pool, place, prefix)
    full: set[str] = set()
    folders: set[str] = set()
    while (found := await walk.next()) is not None:
        folders.add(found.folder)
        if found.files or found.others:
            full.add(found.folder)
        if error := await delete(pool, place, found.temporaries, set()):
            await walk.close()
            raise error
    try:
        await remove_empty(pool, place, (place.path(folder) for folder in folders - full))
    except Lost as error:
        raise failed("sweep", place, place.path(prefix), error) from error


async def sweep_probes(pool: Pool, place: Place) -> None:
    """Removes what a doctor that was killed has left at the root. Raises SinkError."""
    probes: list[str] = []
    try:
        async for found in Walk(pool, place, "").top():
            if trouble := await delete(pool, place, [key for key in found.temporaries if is_probe(key)], set()):
                raise trouble
            probes += found.probes
    except ABSENT:
        return
    except TROUBLE as error:
        raise failed("sweep", place, place.root, error) from error
    for probe in probes:
        walk, folders = Walk(pool, place, probe), set[str]()
        while (inside := await walk.next()) is not None:
            folders.add(inside.folder)
            keys = [*inside.temporaries, *(entry.key for entry in inside.files)]
            if trouble := await delete(pool, place, keys, set()):
                await walk.close()
                raise trouble
        await remove_empty(pool, place, (place.path(folder) for folder in folders))
