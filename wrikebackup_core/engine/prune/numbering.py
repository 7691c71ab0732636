"""Names numbered in the order in which they are met, so that what each of a thousand backups names is a set of numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, compress, count
from operator import lt, not_
from typing import Any

__all__ = ["Numbering"]

_WIDE = 8  # times as many names as are looked for: to look at these takes longer than to look for each among all


class Numbering(AbstractSet[bytes]):
    """Of the names in `attachments/`. What is new in Wrike has a higher id than all that was there, so that nearly each name comes behind
    those that came before it: among these one is looked for by bisection, and names that come together among those that lie near them.
    """

    def __init__(self, names: Iterable[Sequence[bytes]] = ()) -> None:
        self._ascending, self._numbers, self._others = list[bytes](), array("I"), dict[bytes, int]()
        self._all: set[bytes] | None = None  # as soon as they are looked for in no order
        self.note: Callable[[bytes], object] | None = None
        """Who is told of names that come, in the order of their numbers: some together, with zero bytes between them."""
        for some in names:
            self.numbers(some)

    def __len__(self) -> int:
        return len(self._ascending) + len(self._others)

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._ascending, self._others)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and self.number(name) is not None

    @classmethod
    def _from_iterable(cls, names: Iterable[Any]) -> Any:
        """What is made of two sets of names is a plain one."""
        return set(names)

    def number(self, name: bytes) -> int | None:
        """None where it was not met."""
        at = bisect_left(self._ascending, name)
        if at < len(self._ascending) and self._ascending[at] == name:
            return self._numbers[at]
        return self._others.get(name)

    def numbers(self, names: Sequence[bytes]) -> Sequence[int]:
        """Of each of them, none with a zero byte; those that were not met get the next ones."""
        if self._follow(names):
            return self._added(names)
        near, numbers = self._near(names), dict[bytes, int]()
        if near.stop - near.start <= _WIDE * len(names):
            numbers = dict(zip(self._ascending[near], self._numbers[near], strict=True))
        found_near = map(numbers.get, names)
        return [
            self._numbered(name) if number is None else number for name, number in zip(names, found_near, strict=True)
        ]

    def missing(self, names: Sequence[bytes]) -> list[int]:
        """The places of those that were not met."""
        if not names:
            return []
        near = self._near(names)
        if near.stop - near.start < min(_WIDE * len(names), len(self._ascending)):
            some = set(self._ascending[near])
        else:
            some = self._all = set(self._ascending) if self._all is None else self._all
        places = list(compress(count(), map(not_, map(some.__contains__, names))))
        return [at for at in places if names[at] not in self._others] if self._others else places

    def _follow(self, names: Sequence[bytes]) -> bool:
        """Whether they ascend, from behind the last of those that do: behind all that were met, then."""
        last = self._ascending[-1:] or [b""]
        return all(map(lt, chain(last, names), names))

    def _added(self, names: Sequence[bytes]) -> range:
        """The numbers of names that follow."""
        numbers = range(len(self), len(self) + len(names))
        self._ascending += names
        self._numbers.extend(numbers)
        if self.note and names:
            self.note(b"\0".join(names))
        self._all = None
        return numbers

    def _near(self, names: Sequence[bytes]) -> slice:
        """Where among the ascending ones those from the lowest to the highest of some names are."""
        low = bisect_left(self._ascending, min(names))
        return slice(low, bisect_right(self._ascending, max(names), low))

    def _numbered(self, name: bytes) -> int:
        number = self.number(name)
        if number is not None:
            return number
        if self._follow([name]):
            return self._added([name]).start
        self._others[name] = number = len(self)
        if self.note:
            self.note(name)
        self._all = None
        return number
