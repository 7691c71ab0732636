"""How often requests may leave: one limit for all threads, and slower for a while when the server says so.

Wrike allows about 400 requests a minute, counted second by second, and may refuse earlier (Wrike staff, help.wrike.com
community post 13921185937559).
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable

from wrikebackup_core import Interrupted

__all__ = ["Pace", "parse_rate"]

_RATE = re.compile(r"\s*(\d+)\s*/\s*(s|sec|second|m|min|minute|h|hour)\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MARGIN = 1.01  # requests do not arrive at the intervals at which they left
_SLOWEST = 1 / 16
PAUSE = 1.0  # seconds, after a refusal that does not say how long
_LONGEST_PAUSE = 900.0  # a server that wants to be left alone for longer ends the run, and nobody waits for that


def parse_rate(text: str) -> tuple[int, float] | None:
    """`400/min` -> (400, 60.0); `off` -> None. Raises ValueError."""
    if text.strip().lower() == "off":
        return None
    match = _RATE.fullmatch(text.lower())
    if match is None or int(match[1]) < 1:
        raise ValueError("must be a number of requests over a time, such as 400/min, 5/s or 1000/h, or off")
    return int(match[1]), float(_SECONDS[match[2][0]])


class Pace:
    """Never lets more than the limit through in any period, and lets none through in a burst: Wrike counts second by second.

    `clock` gives seconds, `wait(seconds)` waits and says whether the wait was called off; both are there for tests.
    """

    def __init__(
        self,
        rate: tuple[int, float] | None,
        *,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._wait = clock, wait
        self._lock = threading.Lock()
        self._not_before = -math.inf
        self._factor = 1.0
        self._cut = -math.inf
        self._rate = rate
        if rate is not None:
            limit, period = rate
            self._period = period * _MARGIN
            self._step = period / limit
            self._left: deque[float] = deque(maxlen=limit)
            self._due = -math.inf

    def take(self) -> None:
        """Waits until a request may leave. Raises Interrupted when the wait is called off."""
        if self._rate is None and self._not_before == -math.inf:
            return
        while True:
            with self._lock:
                now = self._clock()
                start = max(now, self._not_before)
                if self._rate is not None:
                    start = self._reserve(start)
                elif start == now:
                    self._not_before = -math.inf
            if start > now and self._wait(start - now):
                raise Interrupted("the run was called off")
            if start >= self._not_before:  # else there was a refusal meanwhile: whoever waited gets a new turn
                return

    def _reserve(self, start: float) -> float:
        start = max(start, self._due)
        if len(self._left) == self._left.maxlen:
            start = max(start, self._left[0] + self._period)
        self._due = start + self._step / self._factor
        self._left.append(start)
        return start

    def refused(self, seconds: float | None) -> None:
        """The server said 429: nobody asks for `seconds`, and all go slower afterwards.

        Requests in flight at the same time are often refused together: that counts once.
        """
        pause = seconds if seconds is not None and seconds <= _LONGEST_PAUSE else PAUSE
        with self._lock:
            now = self._clock()
            if now >= self._cut:
                self._factor = max(_SLOWEST, self._factor * 0.7)
                self._cut = now + max(pause, 1.0)
            self._not_before = max(self._not_before, now + pause)

    def accepted(self) -> None:
        """The server answered: a little faster again."""
        if self._factor < 1.0:
            with self._lock:
                self._factor = min(1.0, self._factor + 0.01)

    @property
    def share(self) -> float:
        """How much of the rate is in use, above 0 up to 1."""
        return self._factor
