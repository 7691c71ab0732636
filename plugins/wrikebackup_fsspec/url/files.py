"""What a sink needs of a file system of fsspec, around the habits of theirs that would hurt a backup.

`rm`, `mv` and `copy` of fsspec take names for patterns, `*` and `[` being such; `mv` of some deletes the source although nothing came
of the target; most of those that are not asynchronous have one connection, which two threads must not use at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fsspec.asyn import AsyncFileSystem

from fsspec import AbstractFileSystem
from wrikebackup_core import KeyNotFound, SinkError
from wrikebackup_fsspec.url.faults import failed

__all__ = ["Files"]

_LISTINGS = 20


class Files:
    """Paths are fsspec's own: without protocol, as `url_to_fs` gives them. All methods raise SinkError, and KeyNotFound where they read."""

    def __init__(self, file_system: AbstractFileSystem, connect: Callable[[], AbstractFileSystem]) -> None:
        self._shared = file_system if isinstance(file_system, AsyncFileSystem) else None
        self._connect = connect
        self._own = threading.local()
        self._own.file_system = file_system

    @property
    def _fs(self) -> Any:
        """One for each thread, unless it can be shared."""
        if self._shared is not None:
            return self._shared
        found = getattr(self._own, "file_system", None)
        if found is None:
            try:
                found = self._own.file_system = self._connect()
            except Exception as error:
                raise failed("open", "the store", error) from error
        return found

    def read(self, path: str) -> tuple[Any, int]:
        """An open file and its size in bytes."""
        size = self.size(path)  # some open whatever they are asked for, and fail later
        if size is None:
            raise KeyNotFound(f"{path} does not exist")
        try:
            return self._fs.open(path, "rb"), size
        except FileNotFoundError as error:
            raise KeyNotFound(f"{path} does not exist") from error
        except Exception as error:
            raise failed("read", path, error) from error

    def write(self, path: str) -> Any:
        try:
            return self._fs.open(path, "wb")
        except Exception as error:
            raise failed("write", path, error) from error

    def size(self, path: str) -> int | None:
        """Bytes of a file; None where there is none."""
        kind, size = self._told(path)
        return None if kind in (None, "directory") else size

    def _told(self, path: str, listed: Mapping[str, Any] | None = None) -> tuple[str | None, int]:
        """Kind and bytes, as they were listed, else as the store tells when it is asked for this one; no kind where nothing is there."""
        if listed is None or not _is_whole(listed):
            listed = self._info(path)
            if listed is None:
                return None, 0
            if not _is_whole(listed):
                what = "how large it is" if listed.get("type") else "whether it is a file or a folder"
                raise SinkError(f"cannot use {path}: the store does not tell {what}", hint="use another store")
        return str(listed["type"]), int(listed.get("size") or 0)

    def _info(self, path: str) -> Any:
        try:
            return self._fs.info(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:
            raise failed("look for", path, error) from error

    def _is_folder(self, path: str) -> bool:
        return self._told(path)[0] == "directory"

    def make_folder(self, path: str) -> None:
        for last in (False, True):  # another thread may be making it, or one above it
            try:
                self._fs.makedirs(path, exist_ok=True)
            except Exception as error:
                if self._is_folder(path):
                    return
                if last:
                    raise failed("make", path, error) from error
            else:
                return

    def move(self, source: str, target: str) -> None:
        """Within one folder. The caller sees to it that there is no target, and that there is one afterwards."""
        file_system = self._fs
        try:
            if hasattr(file_system, "mv_file"):
                file_system.mv_file(source, target)
            elif type(file_system).mv is not AbstractFileSystem.mv:
                file_system.mv(source, target)
            else:  # an object store: its copy is there whole or not at all
                file_system.cp_file(source, target)
                file_system.rm_file(source)
        except Exception as error:
            raise failed("store", target, error) from error

    def remove(self, path: str) -> None:
        """A file that is not there is fine."""
        try:
            self._fs.rm_file(path)
        except FileNotFoundError:
            pass
        except Exception as error:
            if self.size(path) is not None:
                raise failed("delete", path, error) from error

    def remove_folder(self, path: str) -> bool:
        """Whether it was empty and is gone; object stores have none."""
        try:
            if self._fs.ls(path, detail=False):
                return False
            self._fs.rmdir(path)
        except Exception:  # noqa: BLE001 - an empty folder does no harm
            return False
        return True

    def below(self, folder: str, entered: set[str] | None = None) -> Iterator[tuple[str, int]]:
        """(path, bytes) of all files below a folder; the folders are added to `entered`."""
        folders = [folder] if self._is_folder(folder) else []  # to some, a file has itself in it
        while folders:
            for path, kind, size in self._listed(folders.pop()):
                if kind == "directory":
                    folders.append(path)
                    if entered is not None:
                        entered.add(path)
                elif kind == "file":
                    yield path, size

    def _listed(self, folder: str) -> Iterator[tuple[str, str, int]]:
        for one in self._ls(folder):
            path = one["name"].rstrip("/")
            if path != folder:  # object stores name the folder itself
                kind, size = self._told(path, one)
                if kind is not None:
                    yield path, kind, size

    def _ls(self, folder: str) -> Iterable[Any]:
        left = _LISTINGS
        while True:
            try:
                found: Iterable[Any] = self._fs.ls(folder, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return ()
            except Exception as error:
                left -= 1
                # In memory, another thread may change what is being listed.
                if not left or not isinstance(error, KeyError | RuntimeError):
                    raise failed("list", folder, error) from error
            else:
                return found

    def folders(self, folder: str) -> Iterator[str]:
        if self._is_folder(folder):
            yield from (path for path, kind, _ in self._listed(folder) if kind == "directory")


def _is_whole(told: Mapping[str, Any]) -> bool:
    """Whether it says what is needed: some file systems leave it out, or say None."""
    kind = told.get("type")
    return bool(kind) and (kind != "file" or told.get("size") is not None)
