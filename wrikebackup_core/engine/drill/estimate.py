"""How long a whole restore would take, by how long the files of a sample took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wrikebackup_core.engine.restore.writing import STAGE
from wrikebackup_core.model import Event, FileFinished, FileStarted, StageFinished, StageStarted

__all__ = ["Stopwatch"]

_ENOUGH = 4  # files, to tell what a file costs from what its bytes cost


class Stopwatch:
    """Hears what a restore tells, and hands it on. `folder` is that of the files that are timed."""

    def __init__(self, folder: str, notify: Callable[[Event], None]) -> None:
        self._folder, self._notify, self._lock = f"{folder}/", notify, threading.Lock()
        self._began: dict[str, float] = {}
        self._files: list[tuple[int, float]] = []
        self._stage = 0.0
        self.seconds = 0.0
        """Of the files together, many at a time."""

    def take(self, event: Event) -> None:
        now = time.monotonic()
        with self._lock:
            if isinstance(event, StageStarted) and event.stage == STAGE:
                self._stage = now
            elif isinstance(event, StageFinished) and event.stage == STAGE:
                self.seconds = now - self._stage
            elif isinstance(event, FileStarted) and event.key.startswith(self._folder):
                self._began[event.key] = now
            elif isinstance(event, FileFinished) and event.key in self._began and event.error is None:
                self._files.append((event.size, now - self._began.pop(event.key)))
        self._notify(event)

    def whole(self, files: int, size: int, before: float) -> float | None:
        """Seconds for `files` files with `size` bytes together, after `before` seconds that both zips take. None where no file was timed."""
        return before + estimate(self._files, self.seconds, files, size) if self._files or not files else None


def estimate(timed: list[tuple[int, float]], seconds: float, files: int, size: int) -> float:
    """`timed` are (bytes, seconds) of single files, which overlapped and took `seconds` together. A straight line through them says what each
    file costs and what each byte does; that many at a time go on as in the sample is assumed."""
    if not files or not timed:
        return 0.0
    count = len(timed)
    mean_size, mean = sum(one for one, _ in timed) / count, sum(took for _, took in timed) / count
    spread = sum((one - mean_size) ** 2 for one, _ in timed)
    a_byte = 0.0
    if count >= _ENOUGH and spread:
        a_byte = max(0.0, sum((one - mean_size) * (took - mean) for one, took in timed) / spread)
    a_file = mean - a_byte * mean_size
    if a_file < 0:  # the bytes are all that counts
        a_file, a_byte = 0.0, mean / mean_size
    at_once = max(1.0, sum(took for _, took in timed) / seconds) if seconds > 0 else 1.0
    return (a_file * files + a_byte * size) / at_once
