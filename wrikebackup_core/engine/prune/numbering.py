"""Names numbered in the order in which they are met, so that what one of a thousand backups names is a few runs of numbers.

A run is its first number and the one behind its last; many of them are an array of these, two for each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import compress, count, islice, pairwise
from operator import ne, sub

__all__ = ["Numbering", "Walk", "distinct", "flag", "length", "merged", "runs_of"]


class Numbering:
    """Of the names in `attachments/`. The first ones, `stored` of them, were met before."""

    def __init__(self, names: Iterable[bytes] = ()) -> None:
        self._numbers = dict(zip(names, count(), strict=False))
        self.stored = len(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def end(self) -> set[bytes]:
        """All names, which are numbered no longer: a set takes less than half the time to look into."""
        names = set(self._numbers)
        self._numbers.clear()
        return names

    def since(self, number: int) -> list[bytes]:
        """The names from a number on."""
        return list(islice(reversed(self._numbers), len(self._numbers) - number))[::-1]

    def number(self, name: bytes) -> int | None:
        """None where it was not met."""
        return self._numbers.get(name)

    def numbers(self, names: Sequence[bytes]) -> Sequence[int]:
        numbers, first = self._numbers, len(self._numbers)
        if not numbers.keys().isdisjoint(names):
            return [numbers.setdefault(name, len(numbers)) for name in names]
        found = range(first, first + len(names))
        numbers.update(zip(names, found, strict=True))
        if len(numbers) == found.stop:
            return found
        for name in names:  # some are there twice
            numbers.pop(name, None)
        return [numbers.setdefault(name, len(numbers)) for name in names]


class Walk:
    """From the start of runs to their end."""

    def __init__(self, runs: array[int]) -> None:
        self._runs = runs
        self._starts, self._stops = runs[::2], runs[1::2]
        self._at = 0

    def between(self, first: int, last: int) -> array[int] | None:
        """The runs from the next place at which the number `first` is to the next at which `last` is; None where there is none."""
        start = self._next(first, self._at)
        stop = self._next(last, start)
        if stop == len(self._starts) or (start == stop and last < first):
            return None
        self._at = stop
        found = self._runs[2 * start : 2 * stop + 2]
        found[0], found[-1] = first, last + 1
        return found

    def _next(self, number: int, at: int) -> int:
        starts, stops = self._starts, self._stops
        while at < len(starts) and not starts[at] <= number < stops[at]:
            at += 1
        return at


def runs_of(numbers: Sequence[int]) -> array[int]:
    """Numbers as runs; a range of them is without gaps."""
    if not numbers:
        return array("I")
    first = numbers[0]
    if isinstance(numbers, range) or numbers == list(range(first, first + len(numbers))):  # nearly always
        return array("I", (first, first + len(numbers)))
    return merged(array("I", [end for number in numbers for end in (number, number + 1)]))


def merged(runs: array[int]) -> array[int]:
    """The same numbers, with runs that follow each other made one."""
    starts, stops = runs[::2], runs[1::2]
    breaks = list(map(ne, starts[1:], stops))
    found = array("I", bytes(2 * runs.itemsize * (sum(breaks) + bool(runs))))
    found[::2] = starts[:1] + array("I", compress(starts[1:], breaks))
    found[1::2] = array("I", compress(stops, breaks)) + stops[-1:]
    return found


def distinct(runs: array[int]) -> bool:
    """Whether no number is there twice."""
    pairs = sorted(zip(runs[::2], runs[1::2], strict=True))
    return all(stop <= start for (_, stop), (start, _) in pairwise(pairs))


def length(runs: array[int]) -> int:
    """How many numbers there are in them."""
    return sum(map(sub, runs[1::2], runs[::2]))


def flag(flags: bytearray, runs: array[int]) -> None:
    """Sets the bytes at the numbers to 1; there may be more of them than there were."""
    if (last := max(runs, default=0)) > len(flags):
        flags.extend(bytes(last - len(flags)))
    for start, stop in zip(runs[::2], runs[1::2], strict=True):
        flags[start:stop] = b"\1" * (stop - start)
