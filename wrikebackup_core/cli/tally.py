"""What a run has told so far, as numbers. Taking an event costs next to nothing: there may be millions."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wrikebackup_core.model import (
    Event,
    FileFinished,
    FileProgress,
    FileStarted,
    GapFound,
    StageProgress,
    StageStarted,
)

__all__ = ["Snapshot", "Tally"]

_WINDOW = 20.0  # seconds that a rate looks back


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a stage. `files` in flight: key, size, bytes so far, oldest first. Rates are a second's."""

    stage: str
    what: str
    seconds: float
    done: int
    total: int | None
    bytes_done: int
    total_bytes: int | None
    rate: float
    byte_rate: float
    gaps: int
    files: tuple[tuple[str, int | None, int], ...]

    @property
    def fraction(self) -> float | None:
        """How much of the stage is done, 0 to 1; None where the total is not known."""
        if self.total_bytes:
            return min(1.0, self.bytes_done / self.total_bytes)
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        if self.total_bytes:
            return (self.total_bytes - self.bytes_done) / self.byte_rate if self.byte_rate else None
        return (self.total - self.done) / self.rate if self.total and self.rate else None


class Tally:
    """Takes events from any thread; a snapshot may be had at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gaps = 0
        self._begin("", None, None)
        self._takes: dict[type[Event], Callable[[Any], None]] = {
            StageStarted: self._stage_started,
            StageProgress: self._stage_progress,
            FileStarted: self._file_started,
            FileProgress: self._file_progress,
            FileFinished: self._file_finished,
            GapFound: self._gap_found,
        }

    def take(self, event: Event) -> None:
        take = self._takes.get(type(event))
        if take is not None:
            with self._lock:
                take(event)

    def _begin(self, stage: str, total: int | None, total_bytes: int | None) -> None:
        self._stage, self._what, self._total, self._total_bytes = stage, "", total, total_bytes
        self._done = self._bytes = 0
        self._files: dict[str, list[int | None]] = {}
        self._began = time.monotonic()
        self._samples = deque([(self._began, 0, 0)])

    def _stage_started(self, event: StageStarted) -> None:
        self._begin(event.stage, event.total, event.total_bytes)

    def _stage_progress(self, event: StageProgress) -> None:
        if event.stage != self._stage:
            self._begin(event.stage, None, None)
        self._what = event.what
        self._done = max(self._done, event.done)
        if event.bytes_done:
            self._bytes = max(self._bytes, event.bytes_done)

    def _file_started(self, event: FileStarted) -> None:
        self._files[event.key] = [event.size, 0]

    def _file_progress(self, event: FileProgress) -> None:
        file = self._files.get(event.key)
        if file is not None:
            file[1] = event.bytes_done

    def _file_finished(self, event: FileFinished) -> None:
        self._files.pop(event.key, None)
        self._done += 1
        self._bytes += event.size

    def _gap_found(self, _event: GapFound) -> None:
        self._gaps += 1

    def snapshot(self) -> Snapshot:
        with self._lock:
            now = time.monotonic()
            files = tuple((key, file[0], file[1] or 0) for key, file in self._files.items())
            bytes_done = self._bytes + sum(done for _, _, done in files)
            self._samples.append((now, self._done, bytes_done))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW:
                self._samples.popleft()
            then, done_then, bytes_then = self._samples[0]
            span = max(now - then, 0.001)
            return Snapshot(
                stage=self._stage,
                what=self._what,
                seconds=now - self._began,
                done=self._done,
                total=self._total,
                bytes_done=bytes_done,
                total_bytes=self._total_bytes,
                rate=max(0.0, (self._done - done_then) / span),
                byte_rate=max(0.0, (bytes_done - bytes_then) / span),
                gaps=self._gaps,
                files=files,
            )
