"""Names numbered in the order in which they are met, so that what one of a thousand backups names is a few runs of numbers.

A run is its first number and the one behind its last; many of them are an array of these, two for each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import compress, count, islice
from operator import ne

from wrikebackup_core.engine.prune.pieces import names_in

__all__ = ["Numbering", "flag", "merged"]


class Numbering:
    """Of the names in `attachments/`, by piece of a SHA256SUMS. A piece is looked into the first time only."""

    def __init__(self, names: Iterable[bytes] = ()) -> None:
        self._numbers = dict(zip(names, count()))
        self._met: dict[tuple[int, int], array[int]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def since(self, number: int) -> list[bytes]:
        """The names from a number on."""
        return list(islice(reversed(self._numbers), len(self._numbers) - number))[::-1]

    def runs(self, piece: bytes) -> array[int]:
        """The numbers of the names in it. Raises FormatError."""
        key = hash(piece), len(piece)  # 64 bits, by a key of this process that nobody knows
        found = self._met.get(key)
        if found is None:
            found = self._met[key] = _as_runs(self._numbered(names_in(piece)))
        return found

    def _numbered(self, names: Sequence[bytes]) -> list[int]:
        numbers = self._numbers
        return [numbers.setdefault(name, len(numbers)) for name in names]


def _as_runs(numbers: Sequence[int]) -> array[int]:
    runs = array("I")
    if not numbers:
        return runs
    first = numbers[0]
    if numbers == list(range(first, first + len(numbers))):  # nearly always
        runs.extend((first, first + len(numbers)))
        return runs
    stop = first
    for number in numbers:
        if number != stop:
            runs.extend((first, stop))
            first = number
        stop = number + 1
    runs.extend((first, stop))
    return runs


def merged(runs: array[int]) -> array[int]:
    """The same numbers, with runs that follow each other made one."""
    starts, stops = runs[::2], runs[1::2]
    breaks = list(map(ne, starts[1:], stops))
    found = array("I", bytes(2 * runs.itemsize * (sum(breaks) + bool(runs))))
    found[::2] = starts[:1] + array("I", compress(starts[1:], breaks))
    found[1::2] = array("I", compress(stops, breaks)) + stops[-1:]
    return found


def flag(flags: bytearray, runs: array[int]) -> None:
    """Sets the bytes at the numbers to 1; there may be more of them than there were."""
    if (last := max(runs, default=0)) > len(flags):
        flags.extend(bytes(last - len(flags)))
    for start, stop in zip(runs[::2], runs[1::2], strict=True):
        flags[start:stop] = b"\1" * (stop - start)
