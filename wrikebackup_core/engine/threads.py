"""Many threads at one pile of work, where the first failure stops all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["Room", "each", "wait_for"]

_T = TypeVar("_T")
_LISTEN = 0.5  # seconds between two looks for Ctrl-C


def each(items: Iterable[_T], work: Callable[[_T], None], *, threads: int, name: str) -> None:
    """Calls `work` with every item, up to `threads` at a time, taking items in order.

    The first exception, in a thread or in the waiting one (Ctrl-C), keeps further items from being taken and is raised. The
    threads are daemons: a program that ends does not wait for a connection that hangs.
    """
    pile, pile_lock, stop = iter(items), threading.Lock(), threading.Event()
    failures: list[BaseException] = []

    def worker() -> None:
        while not stop.is_set():
            try:
                with pile_lock:
                    item = next(pile)
            except StopIteration:
                return
            except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
                failures.append(error)
                stop.set()
                return
            try:
                work(item)
            except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
                failures.append(error)
                stop.set()

    crew = [threading.Thread(target=worker, name=f"{name}-{number}", daemon=True) for number in range(threads)]
    try:
        for thread in crew:
            thread.start()
        wait_for(crew)
    except BaseException:
        stop.set()
        raise
    if failures:
        raise failures[0]


def wait_for(crew: Iterable[threading.Thread]) -> None:
    """Until all have ended. A signal that comes just before a join without a limit would be heard at the end of that thread only."""
    for thread in crew:
        while thread.is_alive():
            thread.join(_LISTEN)


class Room:
    """What many threads may hold together, in bytes. Who asks for more than there is in all gets all of it."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Waits until there is so much."""
        size = min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()
