"""An object on its way out of a folder."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from typing import Self

from wrikebackup_core import KeyNotFound, SinkError
from wrikebackup_fsspec.local.faults import failed

__all__ = ["LocalReader"]

# What opening says where there is no such file, but a folder, or a file on the way. Windows says EACCES to opening a folder.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


class LocalReader:
    """A Reader of one file."""

    def __init__(self, path: str, offset: int = 0) -> None:
        self._path = path
        try:
            self._file = FileIO(path)
        except OSError as error:
            if error.errno in _ABSENT or os.path.isdir(path):
                raise KeyNotFound(f"there is no {path}") from None
            raise failed("read", path, error) from error
        status = os.fstat(self._file.fileno())
        if not stat.S_ISREG(status.st_mode):
            self._file.close()
            raise KeyNotFound(f"{path} is not a regular file")
        self.size = status.st_size
        self.start = offset
        self._position = offset
        self._file.seek(offset)

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise failed("read", self._path, error) from error
        assert data is not None, "regular files always answer"
        self._position += len(data)
        if (size < 0 or not data) and size != 0 and self._position < self.size:
            raise SinkError(f"{self._path} ended after {self._position} of {self.size} bytes: it was cut meanwhile")
        return data

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
