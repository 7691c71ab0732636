"""Chance without chance: everything follows from a seed and an index, in both directions, and nothing is kept in tables."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from time import gmtime, strftime
from typing import Any

DAY = 86_400


class Dice:
    """Numbers that look random and depend on nothing but the seed, a name and an index."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._started: dict[str, Any] = {}

    def roll(self, name: str, index: int) -> int:
        """64 bits."""
        start = self._started.get(name)
        if start is None:
            start = self._started[name] = blake2b(f"{self.seed}/{name}/".encode(), digest_size=8)
        hashed = start.copy()
        hashed.update(index.to_bytes(8, "big"))
        return int.from_bytes(hashed.digest(), "big")


@dataclass(frozen=True, slots=True)
class Share:
    """`count` things that go to `owners` owners of the kind `target`, whose indices begin at `first`."""

    target: str
    count: int
    first: int
    owners: int


class Spread:
    """Deals things to owners: who owns thing i, and which things owner j has, both in constant time.

    The things are shuffled (by a multiplication modulo their number) and laid out in a row; each share is a stretch of it. Within
    a share the first owners have by far the most (their share falls with the square root), or, if `even`, all the same.
    """

    def __init__(self, shares: list[Share], salt: int, *, even: bool = False) -> None:
        self.shares = [share for share in shares if share.count and share.owners]
        self.count = sum(share.count for share in self.shares)
        self._even = even
        self._factor = _coprime(salt, self.count)
        self._inverse = pow(self._factor, -1, self.count) if self.count > 1 else 1

    def owner(self, index: int) -> tuple[str, int]:
        """Target and index of the owner of thing `index`."""
        slot = index * self._factor % self.count
        for share in self.shares:
            if slot < share.count:
                return share.target, share.first + self._rank(slot, share)
            slot -= share.count
        raise IndexError(index)

    def things(self, target: str, owner: int) -> Iterator[int]:
        """Indices of what the owner has."""
        start = 0
        for share in self.shares:
            rank = owner - share.first
            if share.target == target and 0 <= rank < share.owners:
                for slot in range(self._slot(rank, share), self._slot(rank + 1, share)):
                    yield (start + slot) * self._inverse % self.count
            start += share.count

    def _rank(self, slot: int, share: Share) -> int:
        if self._even:
            return slot * share.owners // share.count
        return slot * slot * share.owners // (share.count * share.count)

    def _slot(self, rank: int, share: Share) -> int:
        """The first slot whose rank is at least `rank`."""
        if rank == 0:
            return 0
        if self._even:
            return -(-rank * share.count // share.owners)
        return math.isqrt(-(-rank * share.count * share.count // share.owners) - 1) + 1


def _coprime(salt: int, count: int) -> int:
    """A factor of about 0.6 times `count` that has no divisor in common with it."""
    if count <= 2:
        return 1
    factor = int(count * 0.618) + salt % max(1, count // 7)
    while math.gcd(factor, count) != 1:
        factor += 1
    return factor % count


@dataclass(frozen=True, slots=True)
class Timeline:
    """When thing i of `count` came into being: never before thing i-1.

    Even, but for one busy hour (an import) that brought a tenth of all, two fifths of the way.
    """

    start: int
    end: int
    count: int

    def at(self, index: int) -> int:
        """Seconds since 1970."""
        before, during = self.count * 4 // 10, self.count // 10
        busy = self.start + (self.end - self.start) * 4 // 10
        if index < before:
            return self.start + index * (busy - self.start) // before
        if index < before + during:
            return busy + (index - before) * 3600 // during
        rest = self.count - before - during
        return busy + 3600 + (index - before - during) * (self.end - busy - 3600) // rest


def between(at: Callable[[int], int], count: int, start: int | None, end: int | None) -> range:
    """Indices of the things whose time is in the half-open range; `at` must not fall."""
    first = 0 if start is None else bisect_left(range(count), start, key=at)
    last = count if end is None else bisect_left(range(count), end, key=at)
    return range(first, last)


@lru_cache(8192)
def day(number: int) -> str:
    """Days since 1970 -> `2026-10-07`."""
    return strftime("%Y-%m-%d", gmtime(number * DAY))


def moment(seconds: int) -> str:
    """Seconds since 1970 -> `2026-10-07T01:48:56Z`."""
    number, rest = divmod(seconds, DAY)
    return f"{day(number)}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"
