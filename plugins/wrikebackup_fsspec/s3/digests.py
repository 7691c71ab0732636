"""What an object's ETag should be.

S3 makes it of MD5: that of the bytes, or of the MD5s of the parts with their number behind it. Not where the store encrypts with a key
of its owner, and not everywhere else either, so an ETag that is another says only that it is worth having a second look.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator

__all__ = ["Digests", "content_md5", "digest"]

_PIECE = 16 << 20


def digest(data: bytes | memoryview) -> bytes:
    """MD5: not against an enemy, but against a wire."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def content_md5(md5: bytes) -> str:
    """The value of the header Content-MD5."""
    return base64.b64encode(md5).decode()


class Digests:
    """MD5 and size of each part of an object; of the only one, where it was sent whole. Safe from any thread."""

    def __init__(self, whole: bytes | None = None) -> None:
        self._parts: dict[int, tuple[bytes, int]] = {}
        self._whole = whole is not None
        if whole is not None:
            self.add(1, whole)

    def expect(self, number: int) -> None:
        """A part of this number will be added, in whatever order."""
        self._parts[number] = (b"", 0)

    def add(self, number: int, data: bytes) -> bytes:
        md5 = digest(data)
        self._parts[number] = (md5, len(data))
        return md5

    @property
    def etag(self) -> str:
        if self._whole:
            return self._parts[1][0].hex()
        joined = b"".join(self._parts[number][0] for number in sorted(self._parts))
        return f"{digest(joined).hex()}-{len(self._parts)}"

    @property
    def size(self) -> int:
        return sum(size for _, size in self._parts.values())

    def same_as(self, read: Callable[[int, int], Iterator[bytes]]) -> bool:
        """Whether what `read(offset, length)` gives is what was sent."""
        offset = 0
        for number in sorted(self._parts):
            md5, size = self._parts[number]
            found = hashlib.md5(usedforsecurity=False)
            for piece in read(offset, size):
                found.update(piece)
            if found.digest() != md5:
                return False
            offset += size
        return True
