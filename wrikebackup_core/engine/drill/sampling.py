"""Which things a drill tries: drawn at random, from every class of them, and the same ones again for the same seed."""

from __future__ import annotations

import hashlib
import heapq
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Extent", "Thing", "draw", "lot"]

_KINDS = 16  # classes that endings of names fall into
_YEARS = range(2000, 2100)
_ALL = 1 << 64  # what a lot is below


@dataclass(frozen=True, slots=True)
class Thing:
    """What may be drawn. `size` in bytes; `kind` is any word that tells those of one sort; `created` begins with a year, or is `""`."""

    id: str
    size: int
    kind: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True)
class Extent:
    """How many files at most, with how many bytes together, and how many folders and tasks. None is all of them."""

    files: int | None = 20
    bytes: int | None = 200_000_000
    pages: int | None = 20

    @property
    def all_files(self) -> bool:
        return self.files is None and self.bytes is None


def draw(things: Iterable[Thing], number: int | None, size: int | None, seed: str) -> list[Thing]:
    """Up to `number` things with up to `size` bytes together.

    Things of one kind, of sizes with as many digits and of one year make a class; classes take turns, so that few large files are not
    lost among many small ones. A thing that is larger than the bytes that are left is drawn as a guest of at most one, with the chance
    of `size` to its own size: every thing has a chance, and on average no more than twice `size` is drawn. The order in which things
    come does not matter.
    """
    left, guests, drawn = size, 0, list[Thing]()
    for thing in _in_turns(things, number, seed):
        if number is not None and len(drawn) >= number:
            break
        if left is None or thing.size <= left:
            left = None if left is None else left - thing.size
        elif guests or size is None or lot(f"{seed} guest", thing.id) * thing.size >= size * _ALL:
            continue
        else:
            guests += 1
        drawn.append(thing)
    return drawn


def lot(seed: str, name: str) -> int:
    """A number below 2**64 that hangs on both, and on nothing else."""
    key = hashlib.blake2b(seed.encode(), digest_size=16).digest()
    return int.from_bytes(hashlib.blake2b(name.encode(errors="replace"), digest_size=8, key=key).digest(), "big")


def _in_turns(things: Iterable[Thing], number: int | None, seed: str) -> Iterator[Thing]:
    """The first of each class, in the order of their lots, then the second of each, and so on."""
    classes: dict[tuple[int, int, int], list[tuple[int, str, Thing]]] = {}
    for thing in things:
        _keep(classes.setdefault(_class(thing), []), (-lot(seed, thing.id), thing.id, thing), number)
    turns = (
        (turn, -negative, id_, thing)
        for kept in classes.values()
        for turn, (negative, id_, thing) in enumerate(sorted(kept, key=lambda one: (-one[0], one[1])))
    )
    for *_, thing in sorted(turns, key=lambda one: one[:3]):
        yield thing


def _keep(kept: list[tuple[int, str, Thing]], one: tuple[int, str, Thing], number: int | None) -> None:
    """Of a class no more are kept than may be drawn: those with the lowest lots. There may be a million of them."""
    if number is None:
        kept.append(one)
    elif len(kept) < 4 * number:  # some may be too large
        heapq.heappush(kept, one)
    else:
        heapq.heappushpop(kept, one)


def _class(thing: Thing) -> tuple[int, int, int]:
    year = int(thing.created[:4]) if thing.created[:4].isdecimal() and thing.created.isascii() else 0
    kind = zlib.crc32(thing.kind.casefold().encode(errors="replace")) % _KINDS
    return kind, len(str(max(thing.size, 0))), year if year in _YEARS else 0
