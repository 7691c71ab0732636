"""Names numbered in the order in which they are met, so that what one of a thousand backups names is a few runs of numbers.

A run is its first number and the one behind its last; many of them are an array of these, two for each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, compress, count, islice
from operator import ne

from wrikebackup_core.engine.prune.pieces import names_in

__all__ = ["Numbering", "flag", "merged"]


class Numbering:
    """Of the names in `attachments/`, by piece of a SHA256SUMS. A piece is looked into the first time only."""

    def __init__(self, names: Iterable[bytes] = ()) -> None:
        self._numbers = dict(zip(names, count(), strict=False))
        self._met: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def end(self) -> set[bytes]:
        """All names, which are numbered no longer: a set takes less than half the time to look into."""
        self._met.clear()
        names = set(self._numbers)
        self._numbers.clear()
        return names

    def since(self, number: int) -> list[bytes]:
        """The names from a number on."""
        return list(islice(reversed(self._numbers), len(self._numbers) - number))[::-1]

    def runs(self, pieces: Sequence[bytes]) -> array[int]:
        """The numbers of the names in them. Raises FormatError."""
        keys = list(map(hash, pieces))  # 64 bits, by a key of this process that nobody knows
        found = list(map(self._met.get, keys))
        if None in found:
            new = [at for at, runs in enumerate(found) if runs is None]
            self._look_into([pieces[at] for at in new], [keys[at] for at in new])
            found = list(map(self._met.get, keys))
        return array("I", b"".join(runs for runs in found if runs is not None))

    def _look_into(self, pieces: Sequence[bytes], keys: Sequence[int]) -> None:
        names, at = names_in(pieces), 0
        numbers = self._numbered(chain.from_iterable(names))
        for key, some in zip(keys, names, strict=True):
            self._met[key] = _as_runs(numbers[at : at + len(some)])
            at += len(some)

    def _numbered(self, names: Iterable[bytes]) -> list[int]:
        numbers = self._numbers
        return [numbers.setdefault(name, len(numbers)) for name in names]


def _as_runs(numbers: Sequence[int]) -> bytes:
    """As an array holds them."""
    runs = array("I")
    if not numbers:
        return b""
    first = numbers[0]
    if numbers == list(range(first, first + len(numbers))):  # nearly always
        return array("I", (first, first + len(numbers))).tobytes()
    stop = first
    for number in numbers:
        if number != stop:
            runs.extend((first, stop))
            first = number
        stop = number + 1
    runs.extend((first, stop))
    return runs.tobytes()


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
