"""`wrikebackup copy`: backups from one sink to others, and from a folder of Wrike's own tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from wrikebackup_core.cli.backup import reader_may_leave
from wrikebackup_core.cli.ending import Ended
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.cli.places import open_places
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import ExitCode

if TYPE_CHECKING:
    from wrikebackup_core.engine.copying import Copied, CopyPlan

__all__ = ["copy"]


@click.command(short_help="Copy backups to another sink.")
@click.argument("profile", type=PATH)
@click.argument("backups", metavar="[BACKUP]...", nargs=-1)
@click.option("--from", "source", metavar="SINK", help="Where from. By default the profile's first sink that answers.")
@click.option(
    "--to", "targets", metavar="SINK", multiple=True, help="Where to. By default all other sinks of the profile."
)
@click.option(
    "--account", "accounts", metavar="ID", multiple=True, help="Only this account. By default all in the source."
)
@click.option("--dry-run", is_flag=True, help="Say what would be copied; write nothing.")
@options
@click.pass_obj
def copy(
    session: Session,
    profile: Path,
    backups: tuple[str, ...],
    *,
    source: str | None,
    targets: tuple[str, ...],
    accounts: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Copy backups from one sink to others, or finish a copy that was interrupted.

    All backups, or those whose names begin with one of BACKUP, the oldest first. What a target has is not copied again, every byte is
    compared with its checksum on the way, and a backup becomes one in a target only when all of it is there. No key is needed and
    the account is not asked.

    SINK is a sink of the profile, by its kind, its number (1 is the first) or its name as `list` shows it; or the path of a folder
    that exists, such as a disk, or a folder in which Wrike's own backup tool has put its backups.

    Ends with exit code 4 when something in the source or in a target is damaged or missing, and with 3 when a target failed or a
    backup was not taken.
    """
    from wrikebackup_core import profile as profiles
    from wrikebackup_core.engine import copying

    keep_heaps_small()
    terminal = session.terminal
    terminal.interrupted = "run the same command again: it goes on where this run stopped"
    loaded = profiles.load(profile, session.plugins)
    with (
        open_places(loaded, session.plugins, terminal, source, targets) as places,
        progress(terminal, loaded.name) as notify,
    ):
        job = copying.CopyJob(
            source=places.source,
            targets=places.targets,
            state=loaded.state,
            plugins=session.plugins,
            accounts=accounts or places.accounts,
            backups=backups,
            transfers=loaded.transfers,
            transforms=[part.kind for part in loaded.transforms],
        )
        result = copying.plan_copy(job, notify) if dry_run else copying.copy(job, notify)
    _tell(terminal, loaded.name, result)
    raise Ended(result.exit_code)


def _tell(terminal: Terminal, profile: str, result: Copied | CopyPlan) -> None:
    from wrikebackup_core.cli import copy_summary
    from wrikebackup_core.engine.copying import Copied

    code = result.exit_code
    if isinstance(result, Copied):
        event, view = "copied", copy_summary.copied(result, profile)
    else:
        event, view = "copy_dry_run", copy_summary.plan(result, profile)
    with reader_may_leave():
        if terminal.json:
            terminal.document({"event": event, **msgspec.to_builtins(result), "exit_code": int(code)})
        elif not terminal.quiet or code is not ExitCode.DONE:
            terminal.show(view)
