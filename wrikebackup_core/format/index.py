"""Where in a member of the records zip the record with an id stands: so that one can be read without all that come before it.

The deflate of `<kind>.jsonl` is begun anew every MiB or so, at the beginning of a line (zlib calls it a full flush; other readers do not notice).
`<kind>.idx`, the member behind it, is stored as it is, in big-endian numbers:

    entries   u32, u32: CRC-32 of a record's id in UTF-8, and the number of the block that it stands in, from 0; sorted
    blocks    u64, u64: where the block begins in the lines, and in the zip, counted from the header of their member
    2 x u64   how many blocks and entries there are
    8 bytes   `WRIKEIDX`

Two ids may have one CRC-32: who looks there has to compare the ids. Records without an id, and members of one block, are not indexed.
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import FormatError

__all__ = ["Block", "Index", "Indexer", "index_name"]

_BLOCK = 1 << 20  # bytes of lines: some 100 KB in the zip, and 1.3% more than without an index
_TAIL = struct.Struct(">2Q8s")
_MARK, _ENTRY = struct.Struct(">2Q"), struct.Struct(">2L")
_MAGIC = b"WRIKEIDX"
_FIRST_ID = re.compile(rb'^\{"id":"([^"\\]+)"', re.MULTILINE)  # how the API begins its records
_BUCKETS = 256
_EACH = 2048  # entries that are read at a time
_END = 64 << 10  # bytes of the end that are read at once: the table of some GB of lines
_LONGEST = 128 << 20  # bytes of a block: one record may have 64 MiB

Read = Callable[[int, int], bytes]
"""Bytes of the index: offset, how many. Gives fewer at its end only."""


class _Head(msgspec.Struct, gc=False):
    id: str | None = None


_head = json_decoder(_Head)


def index_name(member: str) -> str:
    """`tasks.idx` for `tasks.jsonl`."""
    return member.removesuffix(".jsonl") + ".idx"


class Indexer:
    """Takes the lines of one member as they are written, and gives its index: eight bytes a record are held until then."""

    def __init__(self, head: int) -> None:
        """`head` bytes of the zip come between the beginning of the member's header and its deflate."""
        self._marks = [(0, head)]
        self._head = head
        self._size = 0
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, lines: bytes) -> bool:
        """Whole lines. Returns whether a new block is to begin behind them."""
        block = len(self._marks) - 1
        for id_ in _ids(lines):
            crc = zlib.crc32(id_)
            self._buckets[crc >> 24].append(crc << 32 | block)
        self._size += len(lines)
        return self._size - self._marks[-1][0] >= _BLOCK

    def mark(self, packed: int) -> None:
        """A block begins here: `packed` bytes of deflate came before it."""
        self._marks.append((self._size, self._head + packed))

    def pieces(self) -> list[bytes]:
        """The index, in pieces; none where it would be no use."""
        if self._marks[-1][0] == self._size:
            self._marks.pop()
        if len(self._marks) < 2:
            return []
        entries = [array("Q", sorted(bucket)) for bucket in self._buckets]
        self._buckets = []
        if sys.byteorder == "little":
            for bucket in entries:
                bucket.byteswap()
        tail = _TAIL.pack(len(self._marks), sum(map(len, entries)), _MAGIC)
        return [*map(array.tobytes, entries), b"".join(_MARK.pack(*mark) for mark in self._marks) + tail]


def _ids(lines: bytes) -> list[bytes]:
    found = _FIRST_ID.findall(lines)
    if len(found) == lines.count(b"\n"):
        return found
    ids = []
    for line in lines.split(b"\n"):
        try:
            id_ = _head(line).id
        except (msgspec.DecodeError, UnicodeError, RecursionError):  # of no use to anybody who looks for an id
            continue
        if id_ is not None:
            ids.append(id_.encode())
    return ids


class Block(msgspec.Struct, frozen=True):
    """A stretch of whole lines: `size` bytes (None: up to the end), whose deflate begins
    `packed` bytes behind the beginning of their member's header."""

    packed: int
    size: int | None


class Index:
    """An index that is looked into where it is stored: of 200,000 ids some 20 KB are read."""

    def __init__(self, read: Read, size: int) -> None:
        """`size` bytes in all. Raises FormatError for what is no index, and what `read` raises."""
        self._read = read
        end = read(max(size - _END, 0), _END)
        if len(end) < _TAIL.size or not end.endswith(_MAGIC):
            raise FormatError("not an index")
        self._blocks: int
        self._entries: int
        self._blocks, self._entries, _ = _TAIL.unpack(end[-_TAIL.size :])
        start = _ENTRY.size * self._entries
        if start + _MARK.size * self._blocks + _TAIL.size != size:
            raise FormatError("an index that is not as long as it says")
        table = end[start - size : -_TAIL.size] if size - start <= len(end) else read(start, _MARK.size * self._blocks)
        self._marks = list(_MARK.iter_unpack(table))

    def blocks(self, id: str) -> Iterator[Block]:  # noqa: A002 - the field's name
        """Where the record with this id may stand: nearly always one block, or none. Raises FormatError, and what `read` raises."""
        crc = zlib.crc32(id.encode(errors="replace"))
        for number in sorted(set(self._numbers(crc))):
            if number >= len(self._marks):
                raise FormatError("an index that names a block that is not there")
            at, packed = self._marks[number]
            size = self._marks[number + 1][0] - at if number + 1 < len(self._marks) else None
            if size is not None and not 0 < size <= _LONGEST:
                raise FormatError("an index with an impossible block")
            yield Block(packed, size)

    def _numbers(self, crc: int) -> Iterator[int]:
        """Blocks of the entries with this CRC-32."""
        at = self._first(crc)
        while entries := self._some(at, min(_EACH, self._entries - at)):
            for found, number in entries:
                if found > crc:
                    return
                yield number
            at += len(entries)

    def _first(self, crc: int) -> int:
        """The first entry that is not below: any value is as likely as another, so it stands about where its own says."""
        low, high = 0, self._entries
        guess = (crc * self._entries >> 32) - _EACH // 2
        while high - low > _EACH:
            at = max(low, min(guess, high - _EACH))
            found = [one for one, _ in self._some(at, _EACH)]
            if found[0] >= crc:
                high = at
            elif found[-1] < crc:
                low = at + _EACH
            else:
                return at + bisect_left(found, crc)
            guess = (low + high - _EACH) // 2
        return low + bisect_left([one for one, _ in self._some(low, high - low)], crc)

    def _some(self, at: int, count: int) -> list[tuple[int, int]]:
        data = self._read(_ENTRY.size * at, _ENTRY.size * count)
        if len(data) != _ENTRY.size * count:
            raise FormatError("an index that ends early")
        return [(crc, number) for crc, number in _ENTRY.iter_unpack(data)]
