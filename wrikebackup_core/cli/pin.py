"""`wrikebackup pin` and `wrikebackup unpin`: a backup that is to stay whatever the rules say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.shelves import named, shelves
from wrikebackup_core.errors import ExitCode, SinkError, UsageError

if TYPE_CHECKING:
    from wrikebackup_core.engine.pins import Pinned
    from wrikebackup_core.ports import Sink

__all__ = ["pin", "unpin"]

_Work = Callable[[Sequence["Sink"], Path, str, str], "list[Pinned]"]
_LONGEST = 500


@click.command(short_help="Keep a backup whatever the rules say.")
@click.argument("profile", type=PATH)
@click.argument("backup")
@click.option("--reason", metavar="TEXT", required=True, help="Why, in one line: `list`, `show` and `prune` tell it.")
@options
@click.pass_obj
def pin(session: Session, profile: Path, backup: str, *, reason: str) -> None:
    """Keep a backup whatever the rules say, in each sink of the profile that holds it.

    `prune` never deletes a pinned backup nor the attachments that it needs. BACKUP is its name, or the beginning of it. A sink that locks
    what it is given locks the pin too: until that ends, it cannot be taken away.
    """
    from wrikebackup_core.engine import pins

    words = " ".join(reason.split())
    if not words or len(words) > _LONGEST:
        raise UsageError(f"--reason takes one line of 1 to {_LONGEST} characters")
    _apply(session, profile, backup, lambda sinks, state, account, uid: pins.pin(sinks, state, account, uid, words))


@click.command(short_help="Let the rules decide on a backup again.")
@click.argument("profile", type=PATH)
@click.argument("backup")
@options
@click.pass_obj
def unpin(session: Session, profile: Path, backup: str) -> None:
    """Let the rules decide on a backup again, in each sink of the profile that holds it."""
    from wrikebackup_core.engine import pins

    _apply(session, profile, backup, pins.unpin)


def _apply(session: Session, profile: Path, backup: str, work: _Work) -> None:
    from wrikebackup_core import profile as profiles

    terminal, codes = session.terminal, [ExitCode.DONE]
    loaded = profiles.load(profile, session.plugins)
    with profiles.open_sinks(loaded, session.plugins) as sinks:
        held: list[tuple[Sink, str, str]] = []
        for sink in sinks:
            try:
                held += [(sink, shelf.account, one.uid) for shelf in shelves(sink) for one in shelf.backups]
            except SinkError as error:  # it may hold the backup too
                terminal.fail(error.message, error.hint)
                codes.append(ExitCode.PARTIAL)
        uid = named([one for _, _, one in held], backup)
        account = next(account for _, account, one in held if one == uid)
        results = work([sink for sink, of, one in held if (of, one) == (account, uid)], loaded.state, account, uid)
    codes += [_graver(one, results) for one in results]
    for one in results:
        if one.failed is not None:
            terminal.fail(one.failed)
    if terminal.json:
        terminal.document({"backup_uid": uid, "account": account, "sinks": results})
    elif not terminal.quiet:
        for one in results:
            if one.failed is None:
                terminal.line(f"{uid} in {one.sink}: {one.what}")
    raise Ended(worst(codes))


def _graver(one: Pinned, results: Sequence[Pinned]) -> ExitCode:
    """What fails in some sinks only is done in part."""
    in_part = any(other.failed is None for other in results)
    return ExitCode.PARTIAL if one.failed is not None and in_part else one.exit_code
