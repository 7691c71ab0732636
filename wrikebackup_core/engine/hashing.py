"""Reading an object while it is hashed, so that one reading is enough for its checksum and for what it is decoded to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Self

from wrikebackup_core.ports import Reader
from wrikebackup_core.stored import CHUNK

__all__ = ["Hashing"]


class Hashing:
    """A Reader. Closing it leaves what it reads from open: it may be read further for its hash."""

    def __init__(self, stored: Reader, tell: Callable[[int], None]) -> None:
        """`tell` is told how many bytes were read each time."""
        self._stored, self._tell = stored, tell
        self._digest = hashlib.sha256()
        self.size, self.start = stored.size, stored.start

    @property
    def sha256(self) -> str:
        """Of all that was read, in hex."""
        return self._digest.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        data = self._stored.read(size)
        self._digest.update(data)
        self._tell(len(data))
        return data

    def rest(self) -> None:
        """Reads to the end."""
        while self.read(CHUNK):
            pass

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...
