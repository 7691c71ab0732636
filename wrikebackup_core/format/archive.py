"""Zips written as a stream: nothing is held but the piece at hand, and stock `unzip` reads the result.

stream-zip brings the container and ISA-L the deflate. Measured on 1.8 GB of tasks.json: ISA-L level 2 takes 3.7 s (zlib level 6: 47 s,
4% smaller), stream-zip around it 0.3 s more, so no writer of our own is needed.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from isal import isal_zlib
from stream_zip import ZIP_32, ZIP_64, Method, stream_zip

__all__ = ["zip_stream"]

_LEVEL = 2
_PIECE = 256 * 1024  # enough for ISA-L to work without the interpreter lock
_MODE = stat.S_IFREG | 0o600
_ZIP32_LIMIT = 0xFFFFFFFF
_OVERHEAD = 1024  # headers of one member, with room to spare


def zip_stream(members: Iterable[tuple[str, Iterable[bytes], int | None]], when: datetime) -> Iterator[bytes]:
    """A zip of the members, in pieces of 256 KiB: (name, bytes in pieces of any size, upper bound of their length or None).

    Members are read one after the other as the zip is. The extensions of zip64 are used from the first member on that could need
    them. All members bear the time `when`, so that the same input gives the same zip.
    """
    yield from stream_zip(_files(members, when.astimezone(UTC)), chunk_size=_PIECE, get_compressobj=_compressor)


def _files(
    members: Iterable[tuple[str, Iterable[bytes], int | None]], when: datetime
) -> Iterator[tuple[str, datetime, int, Method, Iterable[bytes]]]:
    end: int | None = 0
    for name, chunks, bound in members:
        # Deflate at its worst makes nine bits of eight.
        end = None if end is None or bound is None else end + bound * 9 // 8 + _OVERHEAD + 2 * len(name.encode())
        method = ZIP_32 if end is not None and end <= _ZIP32_LIMIT else ZIP_64
        yield name, when, _MODE, method, _gathered(chunks)


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth the compressor's while."""
    gathered: list[bytes] = []
    size = 0
    for chunk in chunks:
        gathered.append(chunk)
        size += len(chunk)
        if size >= _PIECE:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    if gathered:
        yield b"".join(gathered)


def _compressor() -> Any:
    return isal_zlib.compressobj(_LEVEL, wbits=-15)
