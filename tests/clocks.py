"""What libfaketime leaves in shared memory of a process that was killed, or that ended without the handlers of its end."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["swept"]

_SHARED = Path("/dev/shm")
_NAME = re.compile(r"(?:sem\.faketime_sem|faketime_shm)_([0-9]+)")


@contextlib.contextmanager
def swept() -> Iterator[None]:
    """Programs that run with libfaketime in here leave nothing of it; what belongs to a process that is still there is its own."""
    before = _left()
    try:
        yield
    finally:
        for path in _left() - before:
            path.unlink(missing_ok=True)


def _left() -> set[Path]:
    """What belongs to processes that are gone."""
    found = {path: _NAME.fullmatch(path.name) for path in _SHARED.glob("*faketime_*")}
    return {path for path, name in found.items() if name and not Path("/proc", name[1]).exists()}
