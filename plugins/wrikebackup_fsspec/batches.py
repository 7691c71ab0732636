"""Items by the hundred or thousand, as stores take them, and many of them asked at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["batches", "each"]

_THREADS, _BATCH = 16, 1000

_T = TypeVar("_T")
_R = TypeVar("_R")


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of `size`, the last one shorter; `itertools.batched` is not in Python 3.11."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def each(ask: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
    """What `ask` says of each, in order; many at a time, and never all items in memory. Raises what the first one raises."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="store") as pool:
        for batch in batches(items, _BATCH):
            yield from pool.map(ask, batch)
