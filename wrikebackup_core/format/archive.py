"""Zips written as a stream: nothing is held but the piece at hand, and stock `unzip` reads the result.

ISA-L brings the deflate: measured on 1.8 GB of tasks.json, its level 2 takes 3.7 s, zlib's level 6 47 s for 4% less. The container is
PKWARE's APPNOTE.TXT 6.3.10: sizes and checksum follow each member's data (4.3.9), since a stream cannot go back and fill them in.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from isal import isal_zlib

from wrikebackup_core.format.index import Indexer, index_name

__all__ = ["zip_stream"]

_LEVEL = 2
_PIECE = 256 * 1024  # enough for ISA-L to work without the interpreter lock
_LIMIT = 0xFFFFFFFF
_MOST_MEMBERS = 0xFFFF
_OVERHEAD = 1024  # headers of one member, with room to spare

_STORED, _DEFLATED = 0, 8
_SIZES_FOLLOW, _UTF8 = 0x08, 0x800
_PLAIN, _ZIP64 = 20, 45  # the version that a reader needs
_MADE_BY_UNIX = 3 << 8
_MODE = (stat.S_IFREG | 0o600) << 16

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_SIZES, _SIZES_64 = struct.Struct("<4s3L"), struct.Struct("<4sL2Q")
_TIME = struct.Struct("<2HBl")  # extra field "UT": the modification time in UTC, where DOS knows no zone
_EXTRA_64 = struct.Struct("<2H3Q")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")


@dataclass(slots=True)
class _Member:
    """One member: where it begins, its checksum, its size before and after the deflate."""

    name: bytes
    when: datetime
    large: bool
    offset: int
    crc: int = 0
    size: int = 0
    packed: int = 0
    stored: bool = False
    """Not deflated, and all that is said of it is known beforehand."""

    @property
    def _needs(self) -> int:
        return _ZIP64 if self.large else _PLAIN

    @property
    def _flags(self) -> int:
        return _UTF8 if self.stored else _SIZES_FOLLOW | _UTF8

    @property
    def _method(self) -> int:
        return _STORED if self.stored else _DEFLATED

    @property
    def _moment(self) -> tuple[int, int]:
        """DOS time and date."""
        when = self.when
        return (
            when.hour << 11 | when.minute << 5 | when.second // 2,
            max(when.year - 1980, 0) << 9 | when.month << 5 | when.day,
        )

    @property
    def _time(self) -> bytes:
        return _TIME.pack(0x5455, 5, 1, min(int(self.when.timestamp()), 0x7FFFFFFF))

    def head(self) -> bytes:
        extra, crc, sizes = self._time, self.crc, (self.packed, self.size)
        if self.large:
            extra, sizes = struct.pack("<2H2Q", 1, 16, self.size, self.packed) + extra, (_LIMIT, _LIMIT)
        numbers = (crc, *sizes, len(self.name), len(extra))
        fixed = _LOCAL.pack(b"PK\3\4", self._needs, self._flags, self._method, *self._moment, *numbers)
        return fixed + self.name + extra

    def tail(self) -> bytes:
        if self.large:
            return _SIZES_64.pack(b"PK\7\x08", self.crc, self.packed, self.size)
        if max(self.packed, self.size) > _LIMIT:
            raise OverflowError(f"{self.name.decode()} is longer than was foreseen")
        return _SIZES.pack(b"PK\7\x08", self.crc, self.packed, self.size)

    def entry(self) -> bytes:
        """Its entry in the central directory."""
        extra, packed, size, offset = self._time, self.packed, self.size, self.offset
        if self.large:
            extra = _EXTRA_64.pack(1, 24, size, packed, offset) + extra
            packed = size = offset = _LIMIT
        numbers = (self.crc, packed, size, len(self.name), len(extra), 0, 0, 0, _MODE, offset)
        version = _MADE_BY_UNIX | self._needs
        fixed = _CENTRAL.pack(b"PK\1\2", version, self._needs, self._flags, self._method, *self._moment, *numbers)
        return fixed + self.name + extra


def zip_stream(
    members: Iterable[tuple[str, Iterable[bytes], int | None]], when: datetime, *, indexed: bool = False
) -> Iterator[bytes]:
    """A zip of the members, in pieces of some 256 KiB: (name, bytes in pieces of any size, upper bound of their length or None).

    Members are read one after the other as the zip is. The extensions of zip64 are used from the first member on that could need
    them. All members bear the time `when`, so that the same input gives the same zip. Raises OverflowError for a member beyond
    its bound where zip64 would have been needed.

    `indexed`: members have one record to a line, each piece ends with a line, and an index follows each that is long.
    """
    yield from _gathered(_pieces(members, when.astimezone(UTC), indexed=indexed))


def _pieces(
    members: Iterable[tuple[str, Iterable[bytes], int | None]], when: datetime, *, indexed: bool
) -> Iterator[bytes]:
    offset = 0
    end: int | None = 0
    entries: list[bytes] = []
    large = False
    for name, chunks, bound in members:
        # Deflate at its worst makes nine bits of eight.
        end = None if end is None or bound is None else end + bound * 9 // 8 + _OVERHEAD + 2 * len(name.encode())
        large = end is None or end > _LIMIT
        member = _Member(name.encode(), when, large, offset)
        indexer = Indexer(len(member.head())) if indexed else None
        for piece in _written(member, chunks, indexer):
            offset += len(piece)
            yield piece
        entries.append(member.entry())
        if indexer is not None and (index := indexer.pieces()):
            end = None if end is None else end + _OVERHEAD + sum(map(len, index))
            member = _Member(index_name(name).encode(), when, end is None or end > _LIMIT, offset, stored=True)
            for piece in _as_it_is(member, index):
                offset += len(piece)
                yield piece
            entries.append(member.entry())
    yield from entries
    yield _end(len(entries), sum(map(len, entries)), offset, large=large)


def _written(member: _Member, chunks: Iterable[bytes], indexer: Indexer | None) -> Iterator[bytes]:
    yield member.head()
    deflate = isal_zlib.compressobj(_LEVEL, wbits=-15)
    for data in _gathered(chunks):
        member.crc = isal_zlib.crc32(data, member.crc)
        member.size += len(data)
        packed = deflate.compress(data)
        begin = indexer is not None and indexer.add(data)
        if begin:
            packed += deflate.flush(isal_zlib.Z_FULL_FLUSH)
        member.packed += len(packed)
        if indexer is not None and begin:
            indexer.mark(member.packed)
        yield packed
    packed = deflate.flush()
    member.packed += len(packed)
    yield packed
    yield member.tail()


def _as_it_is(member: _Member, pieces: Sequence[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        member.crc = isal_zlib.crc32(piece, member.crc)
        member.size += len(piece)
    member.packed = member.size
    yield member.head()
    yield from pieces


def _end(count: int, size: int, offset: int, *, large: bool) -> bytes:
    """What ends the central directory of `count` entries, `size` bytes long, that begins at `offset`."""
    ending = b""
    if large or count > _MOST_MEMBERS or offset + size > _LIMIT:
        ending = _END_64.pack(
            b"PK\6\6", _END_64.size - 12, _MADE_BY_UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, offset
        ) + _LOCATOR_64.pack(b"PK\6\7", 0, offset + size, 1)
        count, size, offset = _MOST_MEMBERS, _LIMIT, _LIMIT
    return ending + _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth the while of whoever takes them."""
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
