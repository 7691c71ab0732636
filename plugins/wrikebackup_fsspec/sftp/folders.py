"""Making folders on the server and removing empty ones. Symbolic links below the root are never followed."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterable
from functools import partial

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import SinkError
from wrikebackup_fsspec.sftp.connection import Connection
from wrikebackup_fsspec.sftp.faults import ABSENT, failed
from wrikebackup_fsspec.sftp.place import HOME, Place
from wrikebackup_fsspec.sftp.pool import Pool

__all__ = ["Folders", "look", "make", "refuse_links", "remove_empty"]

_PRIVATE = asyncssh.SFTPAttrs(permissions=0o700)  # account data: for the owner only


async def look(connection: Connection, path: bytes) -> asyncssh.SFTPAttrs | None:
    """What stands under this very name, links not followed; None for nothing. Raises SFTPError, Lost."""
    try:
        return await connection.ask(connection.sftp.lstat, path)
    except ABSENT:
        return None


async def make(connection: Connection, path: bytes) -> bool:
    """Makes the folder and those above it, and says whether it was not there before.

    Raises SFTPError, Lost; SFTPNoSuchFile also where somebody removes a folder in the same moment: then try again.
    """
    kind = await _kind(connection, path)
    if kind == asyncssh.FILEXFER_TYPE_DIRECTORY:
        return False
    if kind is not None:
        raise asyncssh.SFTPNotADirectory(f"{path.decode(errors='backslashreplace')} is no folder")
    parent = posixpath.dirname(path)
    if parent not in (path, b""):
        await make(connection, parent)
    try:
        await connection.ask(connection.sftp.mkdir, path, _PRIVATE)
    except asyncssh.SFTPError:
        if await _kind(connection, path) != asyncssh.FILEXFER_TYPE_DIRECTORY:  # else somebody was faster
            raise
        return False
    return True


async def _kind(connection: Connection, path: bytes) -> int | None:
    try:
        return (await connection.ask(connection.sftp.stat, path)).type
    except ABSENT:
        return None


async def refuse_links(connection: Connection, place: Place, folder: bytes) -> None:
    """Raises SinkError where there is a symbolic link between the root and the folder. The root itself may be one."""
    for part in place.below(folder):
        found = await look(connection, part)
        if found is None:
            return
        if found.type == asyncssh.FILEXFER_TYPE_SYMLINK:
            raise SinkError(
                f"{place.told(part)} on {place.server} leads elsewhere: it is a symbolic link",
                hint=f"put a folder in the place of the link, or make {place.told(place.root)} itself the link",
            )


async def remove_empty(pool: Pool, place: Place, folders: Iterable[bytes]) -> None:
    """Removes the folders and those above them, below the root, as long as they are empty."""

    for folder in sorted(folders, key=len, reverse=True):
        await pool.again(partial(_remove_upwards, paths=place.below(folder)[::-1]))


async def _remove_upwards(connection: Connection, paths: Iterable[bytes]) -> None:
    for path in paths:
        try:
            await connection.ask(connection.sftp.rmdir, path)
        except ABSENT:
            pass
        except asyncssh.SFTPError:
            return


class Folders:
    """The folders into which something was written: each is made, and seen to be no link's, once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._entered: set[bytes] = set()
        self._lock = asyncio.Lock()

    def known(self, folder: bytes) -> bool:
        return folder in self._entered

    def forget(self, folder: bytes) -> None:
        """It turned out to be gone."""
        self._entered.discard(folder)

    async def enter(self, connection: Connection, folder: bytes) -> None:
        """Raises SinkError, Lost, and SFTPNoSuchFile where the folder vanishes in the same moment."""
        if folder in self._entered:
            return
        async with self._lock:
            if folder in self._entered:
                return
            await refuse_links(connection, self._place, folder)
            try:
                if folder not in (HOME, b""):
                    await make(connection, folder)
            except ABSENT[:2]:
                raise
            except asyncssh.SFTPError as error:
                raise failed("make", self._place, folder, error) from error
            self._entered.add(folder)
