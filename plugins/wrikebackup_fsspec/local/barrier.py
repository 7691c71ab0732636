"""Making what was committed survive a power cut, in batches.

Linux flushes a whole file system in one call, `syncfs`, which costs far less than a flush of each file and reports write errors since
5.8. Elsewhere, what was committed is remembered and flushed file by file, then the folders.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
import threading
from collections.abc import Callable

if sys.platform != "win32":
    import fcntl

__all__ = ["FileByFile", "WholeFileSystem", "barrier_for"]


class WholeFileSystem:
    """One `syncfs` for each file system below the root: a folder may be a mount point."""

    description = "one flush of the whole file system (syncfs)"

    def __init__(self, syncfs: Callable[[int], int]) -> None:
        self._syncfs = syncfs
        self._folders: dict[int, str] = {}

    def entered(self, folder: str) -> None:
        """A folder into which something will be written."""
        self._folders.setdefault(os.stat(folder).st_dev, folder)

    def committed(self, path: str) -> None:
        pass

    def taken_over(self, path: str) -> None:
        """A file that another process committed."""
        with contextlib.suppress(FileNotFoundError):
            self.entered(os.path.dirname(path))

    def flush(self) -> None:
        """Raises OSError when anything could not be written."""
        for folder in list(self._folders.values()):
            descriptor = _open_folder(folder)
            if descriptor is None:
                continue
            try:
                if self._syncfs(descriptor) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number), folder)
            finally:
                os.close(descriptor)


class FileByFile:
    """A flush of each committed file and then of its folders."""

    description = "a flush of each file"

    def __init__(self, root: str) -> None:
        self._root = root
        self._paths: list[str] = []
        self._lock = threading.Lock()

    def entered(self, folder: str) -> None:
        pass

    def committed(self, path: str) -> None:
        with self._lock:
            self._paths.append(path)

    taken_over = committed

    def flush(self) -> None:
        """Raises OSError when anything could not be written; the same files are tried again the next time."""
        with self._lock:
            paths, self._paths = self._paths, []
        try:
            for path in paths:
                _flush_file(path)
            for folder in self._folders_of(paths):
                _flush_folder(folder)
            if paths:
                _flush_drive(self._root)
        except OSError:
            with self._lock:
                self._paths = paths + self._paths
            raise

    def _folders_of(self, paths: list[str]) -> list[str]:
        """Every folder from the files up to the root's own parent, where a new root's name stands; deepest first."""
        top, found = os.path.dirname(self._root), set[str]()
        for path in paths:
            folder = os.path.dirname(path)
            while folder not in found and len(folder) >= len(top):
                found.add(folder)
                folder = os.path.dirname(folder)
        return sorted(found, key=len, reverse=True)


def barrier_for(root: str) -> WholeFileSystem | FileByFile:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            syncfs = ctypes.CDLL(None, use_errno=True).syncfs
            syncfs.argtypes, syncfs.restype = [ctypes.c_int], ctypes.c_int
            syncfs(-1)  # no such file, unless a sandbox has no such call
            if ctypes.get_errno() == errno.EBADF:
                return WholeFileSystem(syncfs)
    return FileByFile(root)


def _open_folder(folder: str) -> int | None:
    """None where the folder is gone, so that nothing in it needs care, or is above the root and not ours to read."""
    try:
        return os.open(folder, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return None


def _flush_file(path: str) -> None:
    # Windows flushes only what is open for writing.
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) if sys.platform == "win32" else os.O_RDONLY
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return  # deleted since
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: str) -> None:
    if sys.platform == "win32":
        return  # folders cannot be flushed there, and NTFS journals their names
    descriptor = _open_folder(folder)
    if descriptor is None:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise  # else a network or FUSE file system that has no such thing for folders
    finally:
        os.close(descriptor)


def _flush_drive(root: str) -> None:
    """On macOS fsync hands the data to the drive only; one F_FULLFSYNC then empties the drive's own cache."""
    if sys.platform == "darwin":
        descriptor = _open_folder(root)
        if descriptor is None:
            return
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            os.fsync(descriptor)  # network file systems do not know it
        finally:
            os.close(descriptor)
