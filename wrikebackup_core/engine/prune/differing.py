"""The lines that only one of two sorted files has: of a million that are nearly the same, few are looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wrikebackup_core.errors import FormatError

__all__ = ["Lines", "differing"]

_HASH = 64  # bytes of a line before what it is sorted by
_LONGEST = 64 << 20  # bytes without a line feed
_FEW, _MANY = 16 << 10, 64 << 10  # bytes that are compared at once
_LINE = 200  # bytes, or thereabouts


class Lines(NamedTuple):
    """One or more lines with their line feeds, which only the last line of a file may lack; `new` if the older file has them not, else
    the newer one."""

    text: bytes
    new: bool


def differing(old: Iterable[bytes], new: Iterable[bytes]) -> Iterator[Lines]:
    """The lines of each that the other has not. Where both files are sorted by what follows the hash, these are all; where not, lines
    that both have may be told of twice, as one file's and as the other's. Raises FormatError where a line has no end.
    """
    ours, theirs = _Window(new), _Window(old)
    while ours.there() and theirs.there():
        if same := _same(ours, theirs):
            ours.at += same
            theirs.at += same
            if ours.at == ours.end or theirs.at == theirs.end:
                continue
        name, other = ours.name(), theirs.name()
        if name >= other:
            yield Lines(theirs.take(theirs.behind() if name == other else theirs.before(name)), new=False)
        if name <= other:
            yield Lines(ours.take(ours.behind() if name == other else ours.before(other)), new=True)
    while theirs.there():
        yield Lines(theirs.take(theirs.end), new=False)
    while ours.there():
        yield Lines(ours.take(ours.end), new=True)


class _Window:
    """On whole lines of a file: `at` is where the next one begins, `end` what is behind the last."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._pieces = _pieces(chunks)
        self.data, self.at, self.end = b"", 0, 0

    def there(self) -> bool:
        """Whether there is a next line."""
        if self.at < self.end:
            return True
        self.data, self.at, self.end = next(self._pieces, (b"", 0, 0))
        return self.at < self.end

    def take(self, stop: int) -> bytes:
        start, self.at = self.at, stop
        return self.data[start:stop]

    def name(self) -> bytes:
        """What the next line is sorted by."""
        return self._name(self.at)

    def _name(self, start: int) -> bytes:
        return self.data[start + _HASH : _end(self.data, start, self.end)]

    def behind(self) -> int:
        """Where the line after the next begins."""
        return self._start(self.at)

    def _start(self, at: int) -> int:
        """Where the first line begins behind a place."""
        return self.data.find(b"\n", at, self.end) + 1 or self.end

    def before(self, name: bytes) -> int:
        """Where the first line begins, behind the next one, that is not sorted before a name."""

        def reached(at: int) -> bool:
            start = self._start(at)
            return start == self.end or self._name(start) >= name

        start = self.behind()
        if start == self.end or self._name(start) >= name:  # nearly always
            return start
        places = range(start, self.end)
        return self._start(start + bisect_left(places, True, key=reached))


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Whole lines: from where to where in some data. A line that is in more than one chunk comes by itself, so that these need not be
    copied.
    """
    rest = b""
    for chunk in chunks:
        start = chunk.find(b"\n") + 1 if rest else 0
        end = chunk.rfind(b"\n") + 1
        if rest and start:
            line = rest + chunk[:start]
            yield line, 0, len(line)
        if start < end:
            yield chunk, start, end
        rest = chunk[end:] if end else rest + chunk
        if len(rest) > _LONGEST:
            raise FormatError("is not made of hashes and paths")
    if rest:
        yield rest, 0, len(rest)


def _end(data: bytes, start: int, stop: int) -> int:
    """Of the line that begins there: where its line feed is."""
    end = data.find(b"\n", start, stop)
    return end if end >= 0 else stop


def _same(one: _Window, other: _Window) -> int:
    """How many bytes from the next line on are the same in both, in whole lines."""
    ours, theirs, start = one.data, memoryview(other.data), one.at
    shift, stop = other.at - start, start + min(one.end - one.at, other.end - other.at)
    at, size = start, _FEW
    upto = min(start + size, stop)
    while at < stop and ours.startswith(theirs[at + shift : upto + shift], at):
        size = min(2 * size, _MANY)
        at, upto = upto, min(upto + size, stop)
    while upto - at > _LINE:  # the difference is among these
        middle = (at + upto) // 2
        if ours.startswith(theirs[at + shift : middle + shift], at):
            at = middle
        else:
            upto = middle
    same = ours.rfind(b"\n", start, at) + 1
    while (end := ours.find(b"\n", at, upto) + 1) and ours.startswith(theirs[at + shift : end + shift], at):
        same = at = end
    return max(same - start, 0)
