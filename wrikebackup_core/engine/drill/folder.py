"""The folder in which a drill restores: gone afterwards, however the drill ends, for what was encrypted lies there in plain."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from wrikebackup_core.errors import UsageError, WrikeBackupError

__all__ = ["demand_empty", "demand_room", "drill_folder"]

_PREFIX = "wrikebackup-drill-"
_LOCK = ".lock"
_ROOM = 64 << 20  # bytes besides what is restored: databases, pages
_TRIES, _PAUSE = 5, 0.1


@contextlib.contextmanager
def drill_folder() -> Iterator[Path]:
    """A new folder that only this user may look into, below the system's one for temporary files. Those of drills that were killed are
    deleted first. Raises WrikeBackupError."""
    root = Path(tempfile.gettempdir())
    _sweep(root)
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    except OSError as error:
        raise _unusable(root, error) from error
    try:
        with FileLock(folder / _LOCK):
            try:
                yield folder
            finally:
                _remove(folder, but=_LOCK)
    finally:
        _remove(folder)


def demand_empty(path: Path) -> None:
    """Raises UsageError where there is something at the path that is no empty folder. Nothing is made."""
    try:
        if any(path.iterdir()):
            raise UsageError(f"{path} is not empty", hint="a drill restores to a folder of its own: name a new one")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}", hint="name a new folder") from error


def demand_room(folder: Path, size: int) -> None:
    """Raises WrikeBackupError where the disk has no room for so many bytes, and some more."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unusable(folder, error) from error
    if free < size + _ROOM:
        hint = "set TMPDIR to a larger disk, give --to, or try less with --files and --bytes"
        raise WrikeBackupError(f"{folder} has {free:,} bytes free, and the drill needs {size + _ROOM:,}", hint=hint)


def _sweep(root: Path) -> None:
    with contextlib.suppress(OSError):
        for folder in root.glob(f"{_PREFIX}*"):
            if folder.is_symlink() or not _is_own(folder):
                continue
            with contextlib.suppress(Timeout, OSError):
                if not (folder / _LOCK).exists():
                    continue  # just being made
                with FileLock(folder / _LOCK, timeout=0):
                    _remove(folder, but=_LOCK)
                _remove(folder)


def _is_own(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _remove(folder: Path, but: str | None = None) -> None:
    """With all that is in it. A thread that still writes may bring something back: it is tried again."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        with contextlib.suppress(FileNotFoundError):
            for inside in folder.iterdir():
                if inside.name != but:
                    shutil.rmtree(inside, ignore_errors=True) if inside.is_dir() else inside.unlink(missing_ok=True)
            if but is None:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            elif [one.name for one in folder.iterdir()] == [but]:
                return
        if not folder.exists():
            return


def _unusable(folder: Path, error: OSError) -> WrikeBackupError:
    return WrikeBackupError(f"cannot restore to {folder}: {(error.strerror or str(error)).lower()}", hint="give --to")
