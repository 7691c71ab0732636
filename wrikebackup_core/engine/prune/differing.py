"""The lines of a sorted file that another one has not: of a million that are nearly the same, few are looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wrikebackup_core.errors import FormatError

__all__ = ["Lines", "differing"]

_HASH = 64  # bytes of a line before what it is sorted by
_LONGEST = 64 << 20  # bytes without a line feed
_FEW, _MANY = 4 << 10, 64 << 10  # bytes that are compared at once


@dataclass(frozen=True, slots=True)
class Lines:
    """One or more lines; `known` if they are in the older file too, together and in this order."""

    data: bytes
    start: int
    stop: int
    known: bool

    @property
    def first(self) -> bytes:
        """Without its line feed, as all that follow."""
        return self.data[self.start : _end(self.data, self.start, self.stop)]

    @property
    def last(self) -> bytes:
        end = self._last()
        return self.data[self.data.rfind(b"\n", self.start, end) + 1 or self.start : end]

    @property
    def text(self) -> bytes:
        """All of them, with their line feeds."""
        return self.data[self.start : self.stop]

    def all(self) -> list[bytes]:
        return self.data[self.start : self._last()].split(b"\n")

    @property
    def ended(self) -> bool:
        """Whether the last one has its line feed."""
        return self.data.endswith(b"\n", self.start, self.stop)

    def _last(self) -> int:
        return self.stop - self.ended


def differing(old: Iterable[bytes], new: Iterable[bytes]) -> Iterator[Lines]:
    """All lines of `new`, in their order. Where both files are sorted by what follows the hash, nearly all that both have is found to
    be known; where not, less is, and nothing that is not. Raises FormatError where a line has no end.
    """
    ours, theirs = _Window(new), _Window(old)
    while ours.there():
        if not theirs.there():
            yield ours.take(ours.end)
            continue
        if same := _same(ours, theirs):
            theirs.at += same
            yield ours.take(ours.at + same, known=True)
            if ours.at == ours.end or theirs.at == theirs.end:
                continue
        name, other = ours.name(), theirs.name()
        if name >= other:
            theirs.at = theirs.behind() if name == other else theirs.before(name)
        if name <= other:
            yield ours.take(ours.behind() if name == other else ours.before(other))


class _Window:
    """On whole lines of a file: `at` is where the next one begins, `end` what is behind the last."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.data, self.at, self.end = b"", 0, 0

    def there(self) -> bool:
        """Whether there is a next line."""
        return self.at < self.end or self._more()

    def _more(self) -> bool:
        rest = self.data[self.end :]
        for chunk in self._chunks:
            self.data = rest + chunk
            self.at, self.end = 0, self.data.rfind(b"\n") + 1
            if self.end:
                return True
            if len(rest := self.data) > _LONGEST:
                raise FormatError("is not made of hashes and paths")
        self.data, self.at, self.end = rest, 0, len(rest)
        return bool(rest)

    def take(self, stop: int, *, known: bool = False) -> Lines:
        start, self.at = self.at, stop
        return Lines(self.data, start, stop, known)

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
    while at < upto - 1:  # the difference is among these
        middle = (at + upto) // 2
        if ours.startswith(theirs[at + shift : middle + shift], at):
            at = middle
        else:
            upto = middle
    return max(ours.rfind(b"\n", start, at) + 1 - start, 0)
