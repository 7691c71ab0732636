"""Opening a zip that may be hostile: what it says of itself must fit what it is, before anything in it is unpacked."""

from __future__ import annotations

import io
import zipfile
from typing import IO

__all__ = ["open_zip"]

_FREE = 1 << 30  # bytes that any zip may unpack to
_RATIO = 200  # times its own size; JSON with ids in it comes to a twentieth of its size at best
_LIST = 16 << 20  # bytes of the list of members: some hundred thousand of them, which Python keeps in memory
_OTHER = 64 << 20  # bytes, by another method than deflate: those take as much memory as the zip demands
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """Opens it for reading. Raises ValueError for one that would unpack to far more than it is, and what zipfile raises.

    What a member says of its size holds: no more is read of it.
    """
    size = file.seek(0, io.SEEK_END)
    archive = zipfile.ZipFile(_Guarded(file))
    most = max(_FREE, _RATIO * size)
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > most:
        raise ValueError(f"{size:,} bytes that say to be {unpacked:,} when unpacked: more than {most:,} are not read")
    for member in archive.infolist():
        if member.compress_type not in _METHODS and member.file_size > _OTHER:
            text = f"{member.filename!r} is longer than {_OTHER >> 20} MiB and not compressed with deflate"
            raise ValueError(text)
    return archive


class _Guarded:
    """The file, of which zipfile takes no list of members that is too long for memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close

    def read(self, size: int = -1, /) -> bytes:
        if size > _LIST:
            raise ValueError(f"its list of members is longer than {_LIST >> 20} MiB")
        return self._file.read(size)
