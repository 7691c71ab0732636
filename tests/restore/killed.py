"""A restore that is killed by itself at an exact moment: `python -m tests.restore.killed SOURCE TARGET STATE SHAPE NUMBER MOMENT`.

NUMBER counts the objects that appear; the kill comes `before` that one appears, `half` way through it, or `after`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.restore.backups import Mask, local, original, restored
from tests.verify.sample import UID
from wrikebackup_core.engine.restore import Shape


class Killing:
    """A sink that kills the program at its writer's number."""

    def __init__(self, sink: Any, number: int, moment: str) -> None:
        self._sink, self.left, self.moment = sink, number, moment

    def create(self, key: str) -> Any:
        return _Writer(self, self._sink.create(key))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def at(self, moment: str) -> None:
        if self.left <= 0 and moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


class _Writer:
    def __init__(self, sink: Killing, writer: Any) -> None:
        self._sink, self._writer = sink, writer

    def write(self, data: bytes) -> int:
        self._sink.at("half")
        return int(self._writer.write(data))

    def commit(self) -> None:
        self._sink.at("before")
        self._writer.commit()
        self._sink.at("after")
        self._sink.left -= 1

    def discard(self) -> None:
        self._writer.discard()


if __name__ == "__main__":
    source, target, state, shape, number, moment = sys.argv[1:]
    sink: Any = Killing(local(Path(target)), int(number), moment)
    restored(original(local(Path(source)), UID, Mask()), sink, Path(state), Shape(shape))
