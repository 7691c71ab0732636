"""Rows of things of one kind: index, id and time of creation from each other, without a table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wrikebackup_mock import ids
from wrikebackup_mock.chance import between
from wrikebackup_mock.ids import Ids

_CLASSIC_STEP = 20_000_000
_MODERN_STEP = 200_000_000
_STRIDE = 26
"""Two numbers that differ by 26 often have new-style ids that differ only by case (`a` is 26 after `A` in base64)."""

_FIRST_MODERN = 63 * 64 + 10
"""Low bits of a group's first new-style number, so that its ids end in `_K`, `_k`, `_-`, …"""


@dataclass(frozen=True, slots=True)
class Group:
    """Things that came together. The first `old` of them have classic ids, the others new-style ones.

    `at` gives the time of creation by index within the group, never falling.
    """

    name: str
    count: int
    at: Callable[[int], int]
    old: int
    trashed: bool = False
    generation: int = 0


class Series:
    """All things of one kind: its groups one after the other."""

    def __init__(self, make: Ids, letter: str, tag: int, numbers: tuple[int, int], groups: list[Group]) -> None:
        self._ids, self.letter, self._tag = make, letter, tag
        self._classic, self._modern = numbers[0], (numbers[1] & ~4095) | _FIRST_MODERN
        self.groups = groups
        self.starts: list[int] = []
        self.count = 0
        for group in groups:
            self.starts.append(self.count)
            self.count += group.count

    def place(self, index: int) -> tuple[Group, int]:
        """The group of a thing, and its index within it."""
        which = bisect_right(self.starts, index) - 1
        while self.groups[which].count == 0:
            which -= 1
        return self.groups[which], index - self.starts[which]

    def start(self, name: str) -> int:
        """Index of the first thing of the group called `name`."""
        return next(start for start, group in zip(self.starts, self.groups, strict=True) if group.name == name)

    def number(self, index: int) -> int:
        which = bisect_right(self.starts, index) - 1
        return self._number(which, index - self.starts[which])

    def _number(self, which: int, local: int) -> int:
        old = self.groups[which].old
        if local < old:
            return self._classic + which * _CLASSIC_STEP + local
        return self._modern + which * _MODERN_STEP + (local - old) * _STRIDE

    def is_modern(self, index: int) -> bool:
        which = bisect_right(self.starts, index) - 1
        return index - self.starts[which] >= self.groups[which].old

    def id(self, index: int) -> str:
        which = bisect_right(self.starts, index) - 1
        local = index - self.starts[which]
        if local < self.groups[which].old:
            return self._ids.classic(self.letter, self._classic + which * _CLASSIC_STEP + local)
        return ids.modern(self._tag, self._number(which, local))

    def index(self, number: int) -> int | None:
        """Of the thing that has this number."""
        modern = number >= self._modern
        step = _MODERN_STEP if modern else _CLASSIC_STEP
        which, offset = divmod(number - (self._modern if modern else self._classic), step)
        if not 0 <= which < len(self.groups):
            return None
        group = self.groups[which]
        if modern:
            steps, rest = divmod(offset, _STRIDE)
            local = group.old + steps
            return self.starts[which] + local if rest == 0 and local < group.count else None
        return self.starts[which] + offset if offset < group.old else None

    def find(self, text: str) -> int | None:
        """Index of the thing that has this id."""
        parsed = self._ids.parse(text)
        if parsed is None or parsed.letter != self.letter:
            return None
        index = self.index(parsed.number)
        return index if index is not None and self.id(index) == text else None

    def created(self, index: int) -> int:
        """Seconds since 1970."""
        group, local = self.place(index)
        return group.at(local)

    def trashed(self, index: int) -> bool:
        return self.place(index)[0].trashed

    def ranges(self, *, trashed: bool | None = None) -> list[range]:
        """Indices, the older groups first; only the live ones or only those in the bin, or (None) all."""
        return [
            range(start, start + group.count)
            for start, group in zip(self.starts, self.groups, strict=True)
            if trashed is None or group.trashed == trashed
        ]

    def between(self, first: int | None, last: int | None) -> Iterator[int]:
        """Indices of the things created in the half-open range of seconds."""
        for start, group in zip(self.starts, self.groups, strict=True):
            found = between(group.at, group.count, first, last)
            yield from range(start + found.start, start + found.stop)
