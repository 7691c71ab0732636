"""Two threads at one object: one brings its pieces, the other takes them.

Hashing, encrypting, and reading or writing a file each let other threads run, so that a large object is done in nearly half the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, Queue

__all__ = ["LARGE", "Ahead", "Behind"]

LARGE = 4 << 20
"""Bytes of an object behind which a thread of its own is worth while."""

_PATIENCE = 5.0  # seconds; the thread ends by itself as soon as it is answered
_PIECES = 2  # between the two threads
_Piece = bytes | None  # None: there are no more


class Behind:
    """Hands pieces on, in order: the first ones at once, and once an object is large in a thread of its own, a few pieces at the
    most behind who brings them. For one thread at a time.

    What `take` raises is raised by the call, or by the next one; nothing more is handed on then.
    """

    def __init__(self, take: Callable[[bytes | bytearray | memoryview], object]) -> None:
        self._take = take
        self._queue: Queue[_Piece] = Queue(_PIECES)
        self._error: BaseException | None = None
        self._size, self._stopped = 0, False
        self._thread: threading.Thread | None = None

    def put(self, piece: bytes | bytearray | memoryview) -> None:
        """Waits where the other thread is too far behind. The piece may be used for something else afterwards."""
        self._raise()
        self._size += len(piece)
        if self._thread is not None:
            self._queue.put(bytes(piece))
        else:
            self._take(piece)
            if self._size > LARGE:
                thread = threading.Thread(target=self._run, name="behind", daemon=True)
                thread.start()
                self._thread = thread  # only now: one that the system refuses is none to be waited for

    def finish(self) -> None:
        """Waits until all is handed on. May be called again."""
        self._end()
        self._raise()

    def stop(self) -> None:
        """What was not handed on will not be. Waits for the piece that is being handed on; never raises."""
        self._stopped = True
        self._end()

    def _end(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _raise(self) -> None:
        if self._error is not None:
            self._end()
            raise self._error

    def _run(self) -> None:
        while (piece := self._queue.get()) is not None:
            if self._stopped or self._error is not None:
                continue  # whoever brings them must not wait for room
            try:
                self._take(piece)
            except BaseException as error:  # noqa: BLE001 - raised where the next piece is brought
                self._error = error


class Ahead:
    """Takes pieces out of an iterator in a thread of its own, a few at the most before they are asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._queue: Queue[_Piece] = Queue(_PIECES)
        self._error: BaseException | None = None
        self._stopped = self._over = False
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def next(self) -> bytes:
        """The next piece, none at the end. Raises what the iterator raises, behind all that it gave before."""
        piece = None if self._over else self._queue.get()
        if piece is not None:
            return piece
        self._over = True
        if self._error is not None:
            raise self._error
        return b""

    def stop(self) -> None:
        """Waits for the piece that is being brought, though not for a store that does not answer; no more are asked for."""
        self._stopped, end = True, time.monotonic() + _PATIENCE
        while self._thread.is_alive() and time.monotonic() < end:
            try:
                self._queue.get(timeout=0.05)
            except Empty:
                continue

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                self._queue.put(piece)
                if self._stopped:
                    break
        except BaseException as error:  # noqa: BLE001 - raised where the next piece is asked for
            self._error = error
        self._queue.put(None)
