"""An event loop in a thread of its own, for callers in any other thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from wrikebackup_core import SinkError

__all__ = ["Loop"]

_T = TypeVar("_T")
_PATIENCE = 10.0  # seconds for what still runs when the loop is stopped


class Loop:
    """Starts with the first call. A daemon thread: a program that ends need not wait for a server."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.RLock()  # a writer may be forgotten, and say so, at any allocation in here
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """The coroutine's result, waited for. Raises what it raises, and SinkError once the loop is stopped.

        Never called in the loop's own thread.
        """
        answer = _Answer(coroutine)
        try:
            self.soon(answer.start)
        except SinkError:
            coroutine.close()
            raise
        try:
            return answer.result()
        except asyncio.CancelledError:
            raise self._closed() from None
        except KeyboardInterrupt:
            with contextlib.suppress(SinkError):
                self.soon(answer.cancel)
            raise

    def soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Has the function called in the loop, and does not wait. Raises SinkError once the loop is stopped."""
        with self._lock:  # what comes before `stop` is called
            self._started().call_soon_threadsafe(function, *arguments)

    def check(self) -> None:
        """Raises SinkError once the loop is stopped."""
        if self._stopped:
            raise self._closed()

    def stop(self) -> None:
        """Cancels what still runs, and ends the thread. Twice is fine."""
        with self._lock:
            if self._loop is not None and not self._stopped:
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._stopped = True
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _started(self) -> asyncio.AbstractEventLoop:
        self.check()
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
            self._thread.start()
        return self._loop

    def _closed(self) -> SinkError:
        return SinkError(f"{self._name} was closed")


class _Answer(Generic[_T]):
    """What comes of a coroutine, for one thread that waits. A plain lock: a future for threads costs several times as much."""

    __slots__ = ("_coroutine", "_done", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, _T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[_T] | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(lambda _task: self._done.release())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def result(self) -> _T:
        """Waits. Raises what the coroutine raised, and CancelledError where it was cut short."""
        self._done.acquire()
        assert self._task is not None
        return self._task.result()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    # What fails in the background is told where it matters; nothing is printed past the program's own messages.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_PATIENCE / 2))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(asyncio.sleep(0))  # sockets that were aborted are closed in the next turn
    finally:
        asyncio.set_event_loop(None)
        loop.close()
