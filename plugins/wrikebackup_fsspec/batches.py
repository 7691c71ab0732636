"""Items by the hundred or thousand, as stores take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["batches"]

_T = TypeVar("_T")


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of `size`, the last one shorter; `itertools.batched` is not in Python 3.11."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
