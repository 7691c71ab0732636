"""`wrikebackup status`: how profiles stand, at a glance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from wrikebackup_core.cli.backup import reader_may_leave
from wrikebackup_core.cli.ending import Ended, ending, worst
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.errors import ExitCode

if TYPE_CHECKING:
    from wrikebackup_core.cli.standings import Seen

__all__ = ["status"]


@click.command(short_help="Show how profiles stand, at a glance.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--within",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="How long to wait for sinks; one that has not answered by then counts as unreachable.",
)
@options
@click.pass_obj
def status(session: Session, profiles: tuple[Path, ...], *, within: float) -> None:
    """Show how profiles stand: for each sink the last complete backup, its age, size, files and gaps; the last run and the next; and what is
    wrong.

    What is shown is read from the sinks now; only the last run is what this host remembers. No key is needed, the account is not asked, and
    nothing is written.

    For monitors, the exit code is 0 where all is well and 3 where something is wrong: a sink is late by the profile's `objective` or cannot be
    reached, or has no complete backup; the newest backup has gaps, the last run failed, a lock ends soon.
    """
    codes = [_status(session, path, within) for path in profiles]
    raise Ended(worst(codes))


def _status(session: Session, path: Path, within: float) -> ExitCode:
    from wrikebackup_core import profile as profile_
    from wrikebackup_core.cli.standings import see
    from wrikebackup_core.cli.status_view import lacks_backup, picture

    terminal = session.terminal
    try:
        seen = see(profile_.load(path, session.plugins), session.plugins, seconds=within)
    except Exception as error:  # noqa: BLE001 - told here; the other profiles are shown
        return ending(error, terminal)
    for line in seen.strange:
        terminal.warn(line)
    code = ExitCode.PARTIAL if seen.standing.troubles or lacks_backup(seen.standing) else ExitCode.DONE
    with reader_may_leave():
        if terminal.json:
            terminal.document(_facts(seen, code))
        elif not terminal.quiet or code is not ExitCode.DONE:
            terminal.show(picture(seen.standing))
    return code


def _facts(seen: Seen, code: ExitCode) -> dict[str, object]:
    standing = seen.standing
    facts: dict[str, object] = msgspec.to_builtins(standing)
    sinks = [
        {
            **msgspec.to_builtins(one),
            "age": None
            if one.newest_complete is None
            else max(0.0, (standing.at - one.newest_complete).total_seconds()),
            "objective": None if standing.objective is None else standing.objective.total_seconds(),
        }
        for one in standing.sinks
    ]
    return {
        "event": "status",
        **facts,
        "objective": sinks[0]["objective"] if sinks else None,
        "sinks": sinks,
        "exit_code": int(code),
    }
