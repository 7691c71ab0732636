"""Reading an object while it is hashed, so that one reading is enough for its checksum and for what it is decoded to."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Self

from wrikebackup_core.engine.pipe import LARGE, Ahead
from wrikebackup_core.ports import Reader
from wrikebackup_core.stored import CHUNK

__all__ = ["Hashing", "hashing"]


@contextlib.contextmanager
def hashing(stored: Reader, tell: Callable[[int], None] = lambda _: None) -> Iterator[Hashing]:
    """`tell` is told how many bytes were read each time, by one thread at a time. The block ends before `stored` is closed."""
    reader = Hashing(stored, tell)
    try:
        yield reader
    finally:
        reader.stop()


class Hashing:
    """A Reader. Closing it leaves what it reads from open: it may be read further for its hash.

    Large objects are read ahead of who asks, in a thread of their own, which hashes them too.
    """

    def __init__(self, stored: Reader, tell: Callable[[int], None]) -> None:
        self._stored, self._tell = stored, tell
        self._digest, self._read = hashlib.sha256(), 0
        self._ahead: Ahead | None = None
        self._held, self._at = b"", 0
        self.size, self.start = stored.size, stored.start

    @property
    def sha256(self) -> str:
        """In hex, of all that was read: of the whole object after `rest`."""
        return self._digest.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        if self._ahead is None:
            data = self._took(size)
            if self._read > LARGE:
                self._ahead = Ahead(iter(lambda: self._took(CHUNK), b""))
            return data
        if self._at == len(self._held):
            self._held, self._at = self._ahead.next(), 0
        taken = self._held[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def _took(self, size: int) -> bytes:
        data = self._stored.read(size)
        self._digest.update(data)
        self._read += len(data)
        self._tell(len(data))
        return data

    def rest(self) -> None:
        """Reads to the end."""
        while self.read(CHUNK):
            pass

    def stop(self) -> None:
        """Nothing is read any more."""
        if self._ahead is not None:
            self._ahead.stop()

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...
