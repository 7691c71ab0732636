"""`wrikebackup notify`: whether the profile's monitors can be told, and telling them what began and what is over."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from wrikebackup_core.cli.backup import reader_may_leave
from wrikebackup_core.cli.ending import Ended, ending, worst
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.words import plural
from wrikebackup_core.errors import ExitCode, UsageError

__all__ = ["notify"]

_NO_MONITORS = "add `monitors:` to the profile; `wrikebackup plugins` lists the kinds that there are"


@click.group(short_help="Tell the profile's monitors, or try whether they can be told.")
@options
def notify() -> None:
    """Tell the profile's monitors, or try whether they can be told."""


@notify.command(short_help="Send a test through each monitor.")
@click.argument("profile", type=PATH)
@options
@click.pass_obj
def test(session: Session, profile: Path) -> None:
    """Send a test through each of the profile's monitors, and say where it went.

    The exit code is 1 where one of them could not be told.
    """
    from wrikebackup_core.cli.listeners import listeners, tell_all
    from wrikebackup_core.cli.telling import LIMIT
    from wrikebackup_core.profile import load

    terminal, loaded = session.terminal, load(profile, session.plugins)
    if not loaded.monitors:
        raise UsageError(f"{profile}: has no monitors", hint=_NO_MONITORS)
    crew, all_made = listeners(loaded, session.plugins, terminal)
    asked = {one.key: (one, one.ask(lambda monitor: monitor.test(loaded.name))) for one in crew}
    done = tell_all(asked, LIMIT.total_seconds(), terminal)
    code = ExitCode.DONE if all_made and len(done) == len(asked) else ExitCode.FAILED
    with reader_may_leave():
        if terminal.json:
            told = [{"monitor": asked[key][0].kind, "words": one.words} for key, one in done.items()]
            terminal.document({"event": "notify_test", "profile": loaded.name, "told": told, "exit_code": int(code)})
        elif not terminal.quiet:
            for key, one in done.items():
                terminal.line(f"{asked[key][0].kind}: {one.words or 'done'}")
    raise Ended(code)


@notify.command(short_help="Look how profiles stand, and tell what began or is over.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@options
@click.pass_obj
def check(session: Session, profiles: tuple[Path, ...]) -> None:
    """Look how profiles stand, and tell their monitors which troubles began since the last look or run, and which are over: each once.

    Made for a timer: it is what tells that no backup came for longer than the profile's `objective`. Prints what it tells. The exit code is 0
    whether or not something is wrong, and 1 where a monitor could not be told; that one is told at the next look.
    """
    raise Ended(worst(_check(session, path) for path in profiles))


def _check(session: Session, path: Path) -> ExitCode:
    from wrikebackup_core import profile as profile_
    from wrikebackup_core.cli.listeners import listeners
    from wrikebackup_core.cli.telling import look_and_tell

    terminal = session.terminal
    try:
        profile = profile_.load(path, session.plugins)
        crew, all_made = listeners(profile, session.plugins, terminal)
        told = look_and_tell(profile, session.plugins, terminal, crew)
    except Exception as error:  # noqa: BLE001 - told here; the other profiles are looked at
        return ending(error, terminal)
    for one in crew:
        one.close()
    code = ExitCode.DONE if all_made and told.heard else ExitCode.FAILED
    judged = told.seen.judged
    with reader_may_leave():
        if terminal.json:
            troubles = msgspec.to_builtins({"begun": judged.begun, "lasting": judged.lasting, "over": judged.over})
            terminal.document({"event": "notify_check", "profile": profile.name, **troubles, "exit_code": int(code)})
        elif not terminal.quiet:
            for line in [
                *(f"began: {one.text}" for one in judged.begun),
                *(f"over: {one.text}" for one in judged.over),
            ]:
                terminal.line(f"{profile.name}: {line}")
            lasting = len(judged.lasting) - len(judged.begun)
            if not judged.begun and not judged.over:
                last = f"; {plural(lasting, 'trouble')} last{'s' if lasting == 1 else ''}" if lasting else ""
                terminal.line(f"{profile.name}: nothing new{last}")
    return code
