"""SHA256SUMS cut into pieces of whole lines, where its own content says so: before each line whose hash begins with two zeros, and
each of these again before each line whose hash begins with one. What two of them have in common is cut alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from wrikebackup_core.errors import FormatError

__all__ = ["Cutting", "finer", "key_of"]

_COARSE, _FINE = b"\n00", b"\n0"  # every 256th line, and every 16th
_LONGEST = 64 << 20  # bytes between two such lines


def key_of(piece: bytes) -> bytes:
    """No two pieces have the same."""
    return hashlib.sha256(piece).digest()[:16]


def finer(piece: bytes) -> list[bytes]:
    """The small pieces of a large one."""
    first, *rest = piece.split(_FINE)
    return [first, *(_FINE[1:] + part for part in rest)]


class Cutting:
    """Cuts one after the other. As long as one goes on as one before it did, nobody has to look for where a piece ends: the length
    of the one that was next then is tried first, and what is cut off is known by its key.
    """

    def __init__(self) -> None:
        self._next: dict[bytes, tuple[int, bytes]] = {}

    def large(self, chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Key and bytes of each piece, without the line feed behind it; the last has the file's own, or is empty. Raises FormatError."""
        last = instead = buffer = b""
        for chunk in chunks:
            buffer, at = buffer + chunk, 0
            while True:
                length, wanted = self._next.get(last) or self._next.get(instead) or (0, b"")
                piece, key = buffer[at : at + length], b""
                if not length or buffer[at + length : at + length + 1] != b"\n" or (key := key_of(piece)) != wanted:
                    end = buffer.find(_COARSE, at)
                    if end < 0:
                        break
                    piece = buffer[at:end]
                    key = key_of(piece)
                self._next[last] = len(piece), key
                # Mostly a piece that has changed stands where the one did that was expected, and what followed that comes next.
                last, instead, at = key, wanted, at + len(piece) + 1
                yield key, piece
            buffer = buffer[at:]
            if len(buffer) > _LONGEST:
                raise FormatError("is not made of hashes and paths")
        yield key_of(buffer), buffer
