"""`wrikebackup prune`: which backups the rules keep, and on demand the end of the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from wrikebackup_core.cli.backup import reader_may_leave
from wrikebackup_core.cli.ending import Ended
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.cli.places import named_sink
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wrikebackup_core.engine.prune import Pruned

__all__ = ["prune"]


@click.command(short_help="Delete the backups that no rule keeps.")
@click.argument("profile", type=PATH)
@click.option("--yes", is_flag=True, help="Delete. Without it the plan is shown, and nothing is deleted.")
@click.option("--sink", "name", metavar="SINK", help="In this sink only. By default in all sinks of the profile.")
@click.option("--account", metavar="ID", help="Of this account, where a sink holds several.")
@options
@click.pass_obj
def prune(session: Session, profile: Path, *, yes: bool, name: str | None, account: str | None) -> None:
    """Show which backups the profile's rules keep, and why; with --yes, delete the others.

    The rules are those of the profile's transforms, such as `retain: {daily: 7, weekly: 5, monthly: 12}`. They count complete backups
    only. The newest complete backup stays always, and so does one with gaps that is newer, one that is pinned, one that cannot be
    read, and one that the store keeps locked. Attachments go when no backup that is left names them.

    No key is needed, and the account is not asked. A prune that was interrupted leaves every backup that stays as it was; the next one
    finishes it.
    """
    from wrikebackup_core import profile as profiles
    from wrikebackup_core.engine.prune import PruneJob, plan_prune
    from wrikebackup_core.engine.prune import prune as act

    keep_heaps_small()
    terminal = session.terminal
    terminal.interrupted = "the backups that stay are whole; run the same command again to finish" if yes else None
    loaded = profiles.load(profile, session.plugins)
    with profiles.open_sinks(loaded, session.plugins) as sinks, progress(terminal, loaded.name) as notify:
        context = profiles.part_context(loaded, session.plugins)
        parts = [session.plugins.make_transform(part.kind, part.options, context) for part in loaded.transforms]
        chosen = sinks if name is None else [named_sink(loaded, sinks, name)]
        job = PruneJob(chosen, loaded.state, session.plugins, parts, account)
        result = act(job, notify) if yes else plan_prune(job, notify)
    if result.empty:
        where = ", ".join(sink.name for sink in chosen)
        raise UsageError(f"there are no backups {f'of the account {account} ' if account else ''}in {where}")
    _tell(terminal, loaded.name, result)
    raise Ended(result.exit_code)


def _tell(terminal: Terminal, profile: str, result: Pruned) -> None:
    code = result.exit_code
    for place in result.places:
        if place.failed is not None:
            terminal.fail(place.failed, place.hint)
    with reader_may_leave():
        if terminal.json:
            event = "pruned" if result.done else "prune_plan"
            facts = msgspec.to_builtins(result) | {"exit_code": int(code)}
            terminal.document({"event": event, "profile": profile, **facts})
        elif not terminal.quiet or code is not ExitCode.DONE:
            from wrikebackup_core.cli import prune_summary  # and with it what draws tables

            terminal.show(prune_summary.pruned(result, profile, terminal.out.width))
