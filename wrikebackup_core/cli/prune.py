"""`wrikebackup prune`: which backups the rules keep, and on demand the end of the others."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
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
from wrikebackup_core.errors import ExitCode, SinkError, UsageError

if TYPE_CHECKING:
    from wrikebackup_core.engine.prune import Pruned
    from wrikebackup_core.ports import Sink

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
        job = PruneJob(chosen, loaded.state, session.plugins, parts, account or _whose(chosen))
        result = act(job, notify) if yes else plan_prune(job, notify)
    if not any(
        place.failed is not None or place.goes or place.backups or place.attachments.files for place in result.places
    ):
        where = ", ".join(sink.name for sink in chosen)
        raise UsageError(f"there are no backups {f'of the account {account} ' if account else ''}in {where}")
    _tell(terminal, loaded.name, result)
    raise Ended(result.exit_code)


def _whose(sinks: Sequence[Sink]) -> str | None:
    """The only account that has a backup, where one of the sinks has the folders of several: one that is empty says nothing of whose
    the profile is. None where that does not tell."""
    from wrikebackup_core.store import AccountStore, accounts

    folders: list[tuple[Sink, str]] = []
    several = False
    for sink in sinks:
        with contextlib.suppress(SinkError):  # which the prune tells of
            its = accounts(sink)
            folders += [(sink, account) for account in its]
            several = several or len(its) > 1
    if not several:
        return None
    try:
        held = {account for sink, account in folders if AccountStore(sink, account).uids()[0]}
    except SinkError:
        return None  # one that cannot be looked into may not be passed over
    return min(held or {account for _, account in folders}) if len(held) < 2 else None


def _tell(terminal: Terminal, profile: str, result: Pruned) -> None:
    from wrikebackup_core.cli import prune_summary

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
            terminal.show(prune_summary.pruned(result, profile, terminal.out.width))
