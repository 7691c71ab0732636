"""The bytes of the attachments: any stretch of any file without the rest, in constant memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

_PERIOD = 1_048_573
"""A prime a little below 1 MiB: a reader that is wrong by a multiple of its buffer's size sees other bytes."""

_HEADER = 64
PIECE = 1 << 18


@lru_cache(1)
def _noise() -> bytes:
    """The shared buffer, long enough that a piece may begin anywhere in its first period."""
    block = hashlib.shake_128(b"wrikebackup mock").digest(_PERIOD)
    return block + block[:PIECE]


def stretch(attachment_id: str, start: int, stop: int) -> bytes:
    """Bytes `start` to `stop` of the endless content of a file; every file begins with a header of its own."""
    if start >= stop:
        return b""
    digest = hashlib.sha256(attachment_id.encode()).digest()
    shift = int.from_bytes(digest[:4], "big") % _PERIOD
    parts = []
    if start < _HEADER:
        header = f"mock {digest.hex()}"[: _HEADER - 1].encode() + b"\n"
        parts.append(header[start:stop])
        start = min(_HEADER, stop)
    noise = _noise()
    while start < stop:
        place = (shift + start) % _PERIOD
        length = min(stop - start, len(noise) - place)
        parts.append(noise[place : place + length])
        start += length
    return parts[0] if len(parts) == 1 else b"".join(parts)


def pieces(attachment_id: str, size: int, offset: int = 0) -> Iterator[bytes]:
    """The file from `offset` on, in pieces of at most 256 KiB."""
    for start in range(offset, size, PIECE):
        yield stretch(attachment_id, start, min(size, start + PIECE))


def sha256(attachment_id: str, size: int) -> str:
    """In hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces(attachment_id, size):
        digest.update(piece)
    return digest.hexdigest()
