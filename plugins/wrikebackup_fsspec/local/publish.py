"""Giving a finished temporary file its name, without ever replacing a file that has the name already.

There is no one way that works everywhere, so the ways are tried in this order (on macOS the second comes first), and the one that
works is kept:

1. A rename that refuses to replace: `renameat2(RENAME_NOREPLACE)` on Linux, `renamex_np(RENAME_EXCL)` on macOS. One call, and it
   serves FAT, exFAT and SMB too, which have no hard links.
2. `link` and then `unlink` the temporary: every POSIX file system with hard links, NFS too. A kill between the two leaves both
   names, of which the temporary one is swept later.
3. A reservation: a file beside the target, created exclusively, that only one writer can hold while it looks whether the target is
   there and renames. Safe among our own writers, of this and other processes; a stranger's file that appears in the same
   microseconds could be lost. A reservation left by a kill is swept like any temporary.

On Windows `os.rename` itself refuses to replace.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import hashlib
import os
import sys
import time
from collections.abc import Callable

from wrikebackup_fsspec.keys import TEMPORARY_SUFFIX

__all__ = ["Publisher", "hard_link", "rename_exclusively", "rename_reserved"]

# What file systems and kernels answer when they do not know the operation. FAT says EPERM to link, Android's storage EACCES.
_UNSUPPORTED = {errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCL = 4
_RESERVATION_TRIES = 50
_RESERVATION_PAUSE = 0.01  # seconds

Way = Callable[[str, str], None]


def hard_link(temporary: str, target: str) -> None:
    os.link(temporary, target)
    with contextlib.suppress(OSError):
        os.unlink(temporary)  # the object is there; a second name that cannot go now is swept later


def rename_exclusively(temporary: str, target: str) -> None:
    source, destination = os.fsencode(temporary), os.fsencode(target)
    try:
        if sys.platform == "darwin":
            result = _libc().renamex_np(source, destination, _RENAME_EXCL)
        else:
            result = _libc().renameat2(_AT_FDCWD, source, _AT_FDCWD, destination, _RENAME_NOREPLACE)
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), target) from None
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def rename_reserved(temporary: str, target: str) -> None:
    folder, name = os.path.split(target)
    reservation = os.path.join(folder, f".{hashlib.sha256(name.encode()).hexdigest()[:20]}{TEMPORARY_SUFFIX}")
    _reserve(reservation, target)
    try:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        os.rename(temporary, target)
    finally:
        os.unlink(reservation)


def _reserve(reservation: str, target: str) -> None:
    for _ in range(_RESERVATION_TRIES):
        try:
            os.close(os.open(reservation, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if os.path.lexists(target):
                raise
            time.sleep(_RESERVATION_PAUSE)
        else:
            return
    raise OSError(
        errno.EBUSY, f"another writer is at it, or was killed at it ({os.path.basename(reservation)})", target
    )


def ways() -> tuple[Way, ...]:
    """The ways of this platform, best first."""
    if sys.platform == "win32":
        return (os.rename,)
    if sys.platform == "darwin":
        return (hard_link, rename_exclusively, rename_reserved)
    return (rename_exclusively, hard_link, rename_reserved)


class Publisher:
    """Remembers the way that works in one folder tree. Safe from any thread."""

    def __init__(self, candidates: tuple[Way, ...] | None = None) -> None:
        self._ways = candidates or ways()

    @property
    def way(self) -> str:
        """The way in use, for people."""
        return self._ways[0].__name__.replace("_", " ")

    def __call__(self, temporary: str, target: str) -> None:
        """`target` exists from here on and `temporary` no more. Raises FileExistsError, OSError."""
        candidates = self._ways
        for number, way in enumerate(candidates):
            try:
                way(temporary, target)
            except OSError as error:
                if error.errno not in _UNSUPPORTED or number == len(candidates) - 1:
                    raise
            else:
                if number:
                    self._ways = candidates[number:]
                return
