"""What `wrikebackup doctor` asks of a folder. Tries things for real, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator

from wrikebackup_core import Check, SinkError
from wrikebackup_fsspec.local import tree
from wrikebackup_fsspec.local.faults import failed

__all__ = ["checks"]

_LITTLE = 100 * 1024 * 1024
_NOTES = {
    "vfat": "FAT: no file above 4 GiB",
    "msdos": "FAT: no file above 4 GiB",
    "tmpfs": "in memory: gone after a restart",
    "ramfs": "in memory: gone after a restart",
}


def checks(root: str, asked: Callable[[], Iterator[Check]], folder: str, barrier: str) -> Iterator[Check]:
    """One Check after the other; never raises for one that fails. `asked` is what is asked of every kind of store, with objects in
    `folder`, which is below `root`.
    """
    missing = _missing_folders(root)
    try:
        yield _folder(root, created=bool(missing))
        yield from _writing(root, asked, folder)
        yield Check("durable", True, barrier)
        yield _room(root)
        yield _file_system(root)
    finally:
        for made in missing:
            with contextlib.suppress(OSError):
                os.rmdir(made)


def _missing_folders(root: str) -> list[str]:
    """The root and the folders above it that are not there, deepest first."""
    missing, folder = [], root
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _folder(root: str, *, created: bool) -> Check:
    try:
        tree.make_folder(root)
    except OSError as error:
        return _refused("folder", failed("make", root, error))
    return Check("folder", True, f"{root} {'will be created' if created else 'is there'}")


def _writing(root: str, asked: Callable[[], Iterator[Check]], folder: str) -> Iterator[Check]:
    try:
        tree.make_folder(folder)
    except OSError as error:
        yield _refused("writable", failed("write in", root, error))
        return
    try:
        yield from asked()
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _room(root: str) -> Check:
    try:
        usage = shutil.disk_usage(root)
    except OSError as error:
        return Check("free space", None, f"cannot be told: {(error.strerror or '').lower()}")
    detail = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB"
    return Check("free space", usage.free >= _LITTLE, detail, hint="make room" if usage.free < _LITTLE else None)


def _file_system(root: str) -> Check:
    kind = _mounted_type(root)
    if kind is None:
        return Check("file system", None, "its type cannot be told here")
    note = _NOTES.get(kind)
    return Check("file system", None if note else True, f"{kind}: {note}" if note else kind)


def _mounted_type(path: str) -> str | None:
    """The type of the file system that holds `path`, from /proc/self/mountinfo (Linux; proc(5) describes its fields)."""
    if sys.platform != "linux":
        return None
    try:
        device = os.stat(path).st_dev
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                fields = line.split()
                if fields[2] == f"{os.major(device)}:{os.minor(device)}":
                    return fields[fields.index("-") + 1]
    except (OSError, ValueError, IndexError):
        pass
    return None


def _refused(name: str, error: SinkError) -> Check:
    return Check(name, False, error.message, hint=error.hint)
