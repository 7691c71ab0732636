"""Sets of numbers, 0 and up, most of which lie near each other: a byte for each from some number on, which is 1 for those that are in it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import TypeVar

from isal import isal_zlib

__all__ = ["Flags"]

_START = struct.Struct("<Q")
_T = TypeVar("_T")


class Flags:
    def __init__(self, numbers: Sequence[int] = ()) -> None:
        self._start, self._flags = 0, bytearray()
        self.add(numbers)

    @classmethod
    def unpack(cls, packed: bytes) -> Flags:
        """Raises ValueError for what is not packed."""
        found = cls()
        try:
            data = zlib.decompress(packed)  # its errors have a type of their own
            (found._start,) = _START.unpack_from(data)
        except (zlib.error, struct.error, TypeError) as error:
            raise ValueError("is not packed") from error
        found._flags += data[_START.size :]
        return found

    def pack(self) -> bytes:
        """As few bytes, to be kept."""
        return isal_zlib.compress(_START.pack(self._start) + self._flags, 1)

    def copy(self) -> Flags:
        """Without the room of what is in it no more."""
        found, rest = Flags(), self._flags.lstrip(b"\0")
        found._start, found._flags = self.end - len(rest), rest.rstrip(b"\0")
        return found

    def __len__(self) -> int:
        """How many numbers are in it."""
        return self._flags.count(1)

    @property
    def end(self) -> int:
        """Behind all of them."""
        return self._start + len(self._flags)

    def add(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        if isinstance(numbers, range) and numbers.step == 1:
            self._reach(numbers.start, numbers.stop)
            self._flags[numbers.start - self._start : numbers.stop - self._start] = b"\1" * len(numbers)
            return
        self._reach(min(numbers), max(numbers) + 1)
        for number in numbers:
            self._flags[number - self._start] = 1

    def discard(self, numbers: Iterable[int]) -> None:
        start, end, flags = self._start, self.end, self._flags
        for number in numbers:
            if start <= number < end:
                flags[number - start] = 0

    def update(self, others: Flags) -> None:
        """Adds all of them."""
        self._reach(others._start, others.end)
        part = slice(others._start - self._start, others.end - self._start)
        ours, theirs = (int.from_bytes(flags, "little") for flags in (self._flags[part], others._flags))
        self._flags[part] = (ours | theirs).to_bytes(len(others._flags), "little")

    def of(self, items: Iterable[_T], first: int = 0) -> Iterator[_T]:
        """Those that have a number that is in it, if that of the first one is `first`."""
        flags = self._flags[max(first - self._start, 0) :]
        return compress(items, bytes(max(self._start - first, 0)) + flags)

    def among(self, others: Flags) -> Flags:
        """Numbered anew, as the first, the second, and so on of others which all of them are among."""
        found = Flags()
        found._start = others._flags.count(1, 0, max(self._start - others._start, 0))
        found._flags = bytearray(others.of(self._flags, self._start))
        return found

    def _reach(self, start: int, end: int) -> None:
        if not self._flags:
            self._start = start
        elif start < self._start:
            self._flags[:0] = bytes(self._start - start)
            self._start = start
        if end > self.end:
            self._flags += bytes(end - self.end)
