"""What is read of a file, in whatever pieces it comes."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Read", "Stream"]

Read = Callable[[int], bytes]
"""Gives at most so many bytes, and none only at the end."""


class Stream:
    """Lines and exact numbers of bytes out of a `Read`. One thread at a time."""

    def __init__(self, read: Read, at_once: int) -> None:
        """Asks for `at_once` bytes at a time, or for what is needed where that is more."""
        self._read, self._at_once = read, at_once
        self._held, self._over = bytearray(), False

    def line(self, most: int) -> bytes:
        """With its end; without one only where `most` bytes have none, or the file ends."""
        seen, end = 0, -1
        while end < 0 and seen < most and self._fill(seen + 1):
            end = self._held.find(b"\n", seen, most)
            seen = len(self._held)
        return self._cut(end + 1 if end >= 0 else most)

    def take(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        self._fill(size)
        return self._cut(size)

    def at_end(self) -> bool:
        return not self._fill(1)

    def _fill(self, size: int) -> bool:
        """Whether there are so many bytes."""
        while len(self._held) < size and not self._over:
            piece = self._read(max(size - len(self._held), self._at_once))
            self._held += piece
            self._over = not piece
        return len(self._held) >= size

    def _cut(self, size: int) -> bytes:
        with memoryview(self._held) as held:
            taken = bytes(held[:size])
        del self._held[:size]
        return taken
