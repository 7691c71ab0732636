"""Files of a backup that a run makes itself, into every sink that lacks them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.fanout import NobodyWants
from wrikebackup_core.model import StageProgress

__all__ = ["MadeFile", "lacking", "store"]


@dataclass(frozen=True, slots=True)
class MadeFile:
    """An object of the backup: its key relative to the account's folder, and a way to make its bytes."""

    key: str
    chunks: Callable[[], Iterator[bytes]]


def lacking(attempt: Attempt, key: str) -> list[int]:
    """The sinks of the run that do not hold an object."""
    return [number for number in list(attempt.fan.live) if not attempt.ledger.holds(number, key)]


def store(attempt: Attempt, file: MadeFile, stage: str, done: int = 0) -> None:
    """Makes the file where a sink lacks it; `done` were made before. Raises what `chunks` raises, SinkError when no sink is left."""
    numbers = lacking(attempt, file.key)
    if numbers:
        with contextlib.suppress(NobodyWants):  # those that lacked it have been dropped; the others hold it
            _write(attempt, file, stage, numbers, done)


def _write(attempt: Attempt, file: MadeFile, stage: str, numbers: Iterable[int], done: int) -> None:
    writer = attempt.fan.writer(file.key, numbers)
    written = 0
    try:
        for chunk in file.chunks():
            writer.write(chunk)
            written += len(chunk)
            attempt.notify(StageProgress(stage, PurePosixPath(file.key).name, done, written))
    except BaseException:
        writer.discard()
        raise
    writer.commit()
