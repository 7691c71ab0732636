"""An event loop in a thread of its own, for callers in any other thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from wrikebackup_core import SinkError

__all__ = ["Loop"]

_T = TypeVar("_T")
_PATIENCE = 10.0  # seconds for what still runs when the loop is stopped


class Loop:
    """Starts with the first call. A daemon thread: a program that ends need not wait for a server."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """The coroutine's result, waited for. Raises what it raises, and SinkError once the loop is stopped.

        Never called in the loop's own thread.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        except SinkError:
            coroutine.close()
            raise
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C while waiting
            raise

    def soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Has the function called in the loop, and does not wait. Raises SinkError once the loop is stopped."""
        try:
            self._started().call_soon_threadsafe(function, *arguments)
        except RuntimeError as error:
            raise self._closed() from error

    def check(self) -> None:
        """Raises SinkError once the loop is stopped."""
        if self._stopped:
            raise self._closed()

    def stop(self) -> None:
        """Cancels what still runs, and ends the thread. Twice is fine."""
        with self._lock:
            self._stopped = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        try:
            loop.call_soon_threadsafe(loop.stop)
        except RuntimeError:
            return  # another thread was faster
        thread.join(_PATIENCE)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            self.check()
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    def _closed(self) -> SinkError:
        return SinkError(f"{self._name} was closed")


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
