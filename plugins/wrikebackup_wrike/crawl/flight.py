"""Several requests in flight at once, their answers as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

__all__ = ["answers"]

_T = TypeVar("_T")
_R = TypeVar("_R")


def answers(
    threads: Executor, width: int, take: Callable[[], _T | None], ask: Callable[[_T], _R]
) -> Iterator[tuple[_T, _R]]:
    """`ask(item)` for each item that `take` gives, up to `width` at a time, in the order in which they end.

    `take` is called from the caller's thread only, again after each answer, and gives None when there is nothing (more) now.
    The first exception of an `ask` is raised; nothing new is begun then, nor when the generator is closed.
    """
    flying: dict[Future[_R], _T] = {}
    try:
        while True:
            while len(flying) < width and (item := take()) is not None:
                flying[threads.submit(ask, item)] = item
            if not flying:
                return
            ended, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in ended:
                yield flying.pop(future), future.result()
    finally:
        for future in flying:
            future.cancel()
