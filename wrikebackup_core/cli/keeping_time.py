"""`wrikebackup schedule run`: a process that stays and starts backups at their times, and the hourly look whether one is missing."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from wrikebackup_core.cli.errands import program, scheduled
from wrikebackup_core.cli.hourly_look import HourlyLook
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.schedule import Schedule, next_runs
from wrikebackup_core.schedule.errands import slug

if TYPE_CHECKING:
    from wrikebackup_core.profile import Profile

__all__ = ["keep_time"]

_LONGEST_SLEEP = 30  # seconds: so much later a clock that jumped, or a machine that slept, is noticed
_NOTES = "schedule"


@dataclass(slots=True)
class _Due:
    """A profile, and when its next backup is."""

    path: Path
    name: str
    schedule: Schedule
    note: Path
    last: datetime
    moment: datetime

    def plan(self) -> None:
        """After the last start, or after now where the clock was set back since."""
        delay = random.uniform(0, self.schedule.random_delay.total_seconds())  # noqa: S311 - no secret
        self.moment = next(next_runs(self.schedule, self.last)) + timedelta(seconds=delay)


def keep_time(terminal: Terminal, profiles: Sequence[Profile]) -> None:
    """Never returns by itself: SIGTERM and Ctrl-C, which are KeyboardInterrupt by now, end it and the backup that is at work."""
    look = HourlyLook(terminal, [profile.path for profile in profiles if profile.monitors])
    try:
        dues = [_due(profile) for profile in profiles]
        for due in dues:
            _tell_next(terminal, due)
        look.start()
        while True:
            due = min(dues, key=lambda one: one.moment)
            if not _wait(due):
                due.plan()  # the clock was set back
                continue
            due.last = datetime.now(UTC)
            _back_up(terminal, due)
            _note(due)  # not before: one that was interrupted is gone on with at the next start
            due.plan()
            _tell_next(terminal, due)
    except KeyboardInterrupt:
        look.end()
        terminal.say("stopped")


def _due(profile: Profile) -> _Due:
    now = datetime.now(UTC)
    note = profile.state / _NOTES / f"{slug(profile.name)}.last"
    last = min(_noted(note) or now, now)
    due = _Due(profile.path, profile.name, scheduled(profile), note, last, now)
    _note(due)
    due.plan()
    return due


def _wait(due: _Due) -> bool:
    """Until its moment; False where the clock was set back meanwhile, to before the last start."""
    while (now := datetime.now(UTC)) < due.moment:
        if now < due.last:
            due.last = now
            return False
        time.sleep(min((due.moment - now).total_seconds(), _LONGEST_SLEEP))
    return True


def _back_up(terminal: Terminal, due: _Due) -> None:
    flags = [*(["--json"] if terminal.json else []), *(["-q"] if terminal.quiet else []), *["-v"] * terminal.verbosity]
    words = [program(), "backup", *flags, str(due.path)]
    sys.stdout.flush()
    # A group of its own: Ctrl-C is told to it once, by us.
    with subprocess.Popen(words, start_new_session=os.name == "posix") as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            _end(process)
            raise
    if code:
        terminal.warn(f"{due.name}: the backup ended with exit code {code}")


def _end(process: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            process.wait()
        except KeyboardInterrupt:  # told twice: it is ending already
            continue
        return


def _tell_next(terminal: Terminal, due: _Due) -> None:
    terminal.say(f"{due.name}: the next backup is at {due.moment:%Y-%m-%d %H:%M:%S %Z}")


def _noted(note: Path) -> datetime | None:
    """When the last backup was started; None where that is not known."""
    try:
        return datetime.fromtimestamp(float(note.read_text(encoding="ascii")), UTC)
    except (OSError, ValueError, OverflowError):
        return None


def _note(due: _Due) -> None:
    """So that the next process makes up for what falls between the two. A note that cannot be written costs that alone."""
    with contextlib.suppress(OSError):
        # Not rounded: half a second later may be the moment itself, which would then count as over.
        replace_file(due.note, f"{int(due.last.timestamp())}\n".encode())
