"""The hourly `wrikebackup notify check` of `schedule run`: in a thread of its own, so that a long backup does not hold it up."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wrikebackup_core.cli.errands import CHECK, program
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.schedule import next_runs

__all__ = ["HourlyLook"]

_LONGEST_SLEEP = 30  # seconds: so much later a clock that jumped is noticed
_FARTHEST = timedelta(hours=1)


class HourlyLook:
    """Looks at these profiles, each time in a process of its own, until it is ended."""

    def __init__(self, terminal: Terminal, profiles: Sequence[Path]) -> None:
        self._terminal, self._profiles = terminal, profiles
        self._guard, self._ended = threading.Lock(), False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Does nothing where there are no profiles."""
        if self._profiles:
            threading.Thread(target=self._look, name="hourly look", daemon=True).start()

    def end(self) -> None:
        """Has the look that is at work stop, too."""
        with self._guard:
            self._ended = True
            if self._process is not None:
                self._process.terminate()

    def _look(self) -> None:
        while True:
            self._wait()
            for path in self._profiles:
                self._look_at(path)

    def _wait(self) -> None:
        """Until the next time. A clock that was set back by hours has it look once more."""
        moment = next(next_runs(CHECK, datetime.now(UTC)))
        while timedelta() < (left := moment - datetime.now(UTC)) <= _FARTHEST:
            time.sleep(min(left.total_seconds(), _LONGEST_SLEEP))

    def _look_at(self, path: Path) -> None:
        flags = ["--json"] if self._terminal.json else ["-q"]  # what is wrong is on stderr all the same
        words = [program(), "notify", "check", *flags, str(path)]
        try:
            with self._guard:
                if self._ended:
                    return
                # A group of its own: Ctrl-C is told to it once, by us.
                self._process = subprocess.Popen(words, start_new_session=os.name == "posix")
            self._process.wait()
        except OSError as error:
            self._terminal.warn(f"{path}: the hourly look cannot be started: {(error.strerror or str(error)).lower()}")
