"""Items by the hundred or thousand, as stores take them, and many of them asked at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from itertools import islice
from typing import TypeVar

__all__ = ["batches", "each"]

_THREADS, _BATCH = 16, 1000
_LISTEN = 0.5  # seconds between two looks for Ctrl-C

_T = TypeVar("_T")
_R = TypeVar("_R")


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of `size`, the last one shorter; `itertools.batched` is not in Python 3.11."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def each(ask: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
    """What `ask` says of each, in order; many at a time, and never all items in memory.

    Raises what the first one raises, and then nothing goes on. Who is interrupted meanwhile waits for nobody: no further item is asked
    about, and a program that ends leaves what is being asked alone.
    """
    for batch in batches(items, _BATCH):
        if len(batch) == 1:
            yield ask(batch[0])
        else:
            yield from _answers(ask, batch)


def _answers(ask: Callable[[_T], _R], batch: Sequence[_T]) -> Iterator[_R]:
    answers: list[Future[_R]] = [Future() for _ in batch]
    pile = deque(zip(batch, answers, strict=True))
    # Not those of a pool, for which a program waits when it ends, however much they have yet to do.
    crew = [
        threading.Thread(target=_work, args=(ask, pile), name=f"store-{number}", daemon=True)
        for number in range(min(_THREADS, len(batch)))
    ]
    try:
        for thread in crew:
            thread.start()
        for answer in answers:
            while not answer.done():
                wait([answer], _LISTEN)
            yield answer.result()
    except Exception:
        pile.clear()
        for thread in crew:
            while thread.is_alive():
                thread.join(_LISTEN)
        raise
    finally:
        pile.clear()


def _work(ask: Callable[[_T], _R], pile: deque[tuple[_T, Future[_R]]]) -> None:
    while True:
        try:
            item, answer = pile.popleft()
        except IndexError:
            return
        try:
            answer.set_result(ask(item))
        except BaseException as error:  # noqa: BLE001 - raised for whoever waits for the answer
            answer.set_exception(error)
