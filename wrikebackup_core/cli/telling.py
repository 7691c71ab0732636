"""Monitors are told how a profile stands, and each of them once of each trouble that begins and of its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from wrikebackup_core.cli.listeners import Asked, Listener, tell_all
from wrikebackup_core.cli.standings import Seen, folder_of, see
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.engine.standing import NotesFile
from wrikebackup_core.engine.standing.troubles import Open
from wrikebackup_core.monitors import Monitor, Ran, Report

if TYPE_CHECKING:
    from wrikebackup_core.engine.standing.looking import Look
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import Profile

__all__ = ["LIMIT", "Told", "look_and_tell"]

LIMIT = timedelta(seconds=60)
"""How long monitors may take, how long a look, and how long another process that does the same is waited for."""


class Told:
    """`seen` is how the profile stands; `heard` says whether every monitor was told."""

    def __init__(self, seen: Seen, *, heard: bool) -> None:
        self.seen, self.heard = seen, heard


def look_and_tell(
    profile: Profile,
    plugins: Plugins,
    terminal: Terminal,
    crew: Sequence[Listener],
    *,
    ran: Ran | None = None,
    log: Sequence[str] = (),
    known: Look | None = None,
    limit: timedelta | None = None,
) -> Told:
    """Looks, tells all monitors, and notes what each was told once it has been. `ran` is the run that has just ended, if one has.

    Where that cannot be noted, the terminal tells of it, and monitors are told the same again at the next look.
    `limit` is for all of it; without one, each part may take `LIMIT`.
    """
    most, whole = (limit or LIMIT).total_seconds(), (limit or 3 * LIMIT).total_seconds()
    # The lock, the look and the telling have a third each, and what those before leave of theirs.
    end = time.monotonic() + whole
    file = NotesFile(folder_of(profile, plugins))
    with file.locked(whole / 3):
        seconds = min(most, (end - time.monotonic()) / 2)
        seen = see(profile, plugins, seconds=seconds, ran=ran, known=known, hurried=limit is not None)
        for line in seen.strange:
            terminal.warn(line)
        asked = {one.key: (one, one.ask(_telling(_report(seen, one.key, ran, log)))) for one in crew}
        done = tell_all(asked, min(most, max(end - time.monotonic(), 0)), terminal)
        _note(seen, done, [one.key for one in crew])
        _keep(file, seen, terminal)
    return Told(seen, heard=len(done) == len(crew))


def _keep(file: NotesFile, seen: Seen, terminal: Terminal) -> None:
    try:
        file.write(seen.notes)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        terminal.warn(f"what the monitors were told cannot be noted, so they are told it again: {file.path}: {reason}")


def _report(seen: Seen, key: str, ran: Ran | None, log: Sequence[str]) -> Report:
    """By what this monitor was told before, and not by what another was: one of them may have been out of reach."""
    before = {one.id: one for one in seen.notes.told.get(key, ())}
    now = {one.id: one for one in seen.judged.lasting}
    begun = [one.trouble for id_, one in now.items() if id_ not in before]
    over = [one.trouble for id_, one in before.items() if id_ not in now]
    return Report(seen.standing, ran, begun, over, log)


def _telling(report: Report) -> Callable[[Monitor], None]:
    return lambda monitor: monitor.told(report)


def _note(seen: Seen, done: dict[str, Asked], keys: Sequence[str]) -> None:
    """A monitor that the profile no longer has is forgotten; one that was not told keeps what it was told before."""
    lasting: list[Open] = list(seen.judged.lasting)
    notes = seen.notes
    notes.open = lasting
    notes.told = {key: lasting if key in done else notes.told.get(key, []) for key in keys}
    notes.sinks = {**notes.sinks, **seen.look.names}
