"""`wrikebackup unlock`: takes away the lease that a dead run on another host has left in a sink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from wrikebackup_core.ports import Sink

__all__ = ["unlock"]


@dataclass(frozen=True, slots=True)
class _Shown:
    sink: str
    account: str
    holder: str
    what: str


@click.command(short_help="Take away what a dead run has left.")
@click.argument("profile", type=PATH)
@click.option("--holder", metavar="HOST", help="The host whose lease is taken away, as this command shows it without.")
@options
@click.pass_obj
def unlock(session: Session, profile: Path, *, holder: str | None) -> None:
    """Show who has the lease of each sink, and with --holder take it away.

    A run that was killed on another host keeps its lease for 20 minutes, then it counts no more: there is nothing to unlock. Use this
    where you know that the run is dead and will not wait. If it lives after all, it ends with an error, and what it has stored stays.
    """
    from wrikebackup_core import profile as profiles

    terminal, codes, shown = session.terminal, [ExitCode.DONE], list[_Shown]()
    loaded = profiles.load(profile, session.plugins)
    with profiles.open_sinks(loaded, session.plugins) as sinks:
        for sink in sinks:
            try:
                shown += _of_sink(sink, loaded.state, holder)
            except WrikeBackupError as error:
                terminal.fail(error.message, error.hint)
                codes.append(error.exit_code)
    if terminal.json:
        terminal.document({"leases": shown})
    elif not terminal.quiet:
        for one in shown:
            terminal.line(f"{one.sink}: account {one.account}: {one.what} (holder {one.holder})")
        if not shown:
            terminal.line("nobody has a lease")
    if holder is not None and all(one.holder != holder for one in shown) and worst(codes) is ExitCode.DONE:
        raise UsageError(f"no lease is {holder}'s", hint="without --holder, this command shows whose they are")
    raise Ended(worst(codes))


def _of_sink(sink: Sink, state: Path, holder: str | None) -> Iterator[_Shown]:
    """The leases in one sink, of which those of `holder` are taken away. Raises Locked, SinkError."""
    from wrikebackup_core.engine.leases import lying
    from wrikebackup_core.engine.leases.unlocking import described
    from wrikebackup_core.engine.leases.unlocking import unlock as take_away
    from wrikebackup_core.store import accounts

    for account in accounts(sink):
        found = lying(sink, account)
        if found is None:
            continue
        host = found.lease.host if found.lease is not None else found.key.rpartition("/")[2]
        if host == holder:
            take_away(sink, account, found, state)
        yield _Shown(sink.name, account, host, "taken away" if host == holder else described(found))
