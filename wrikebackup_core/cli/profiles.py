"""`wrikebackup profile`: check one, show it with its defaults, print the schema for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from wrikebackup_core.cli.ending import Ended, ending, worst
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.words import clean
from wrikebackup_core.errors import ExitCode, ProfileError

__all__ = ["profile"]


@click.group()
@options
def profile() -> None:
    """Check, show and describe profiles. Nothing is run, and no secret is resolved."""


@profile.command()
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@options
@click.pass_obj
def check(session: Session, profiles: tuple[Path, ...]) -> None:
    """Read profiles and say what is wrong with them."""
    from wrikebackup_core.profile import load

    terminal, codes, results = session.terminal, list[ExitCode](), list[dict[str, object]]()
    for path in profiles:
        try:
            load(path, session.plugins)
        except ProfileError as error:
            problems = getattr(error, "problems", (error,))
            results.append({"profile": str(path), "ok": False, "problems": [_plain(one) for one in problems]})
            codes.append(error.exit_code if terminal.json else ending(error, terminal))
            continue
        codes.append(ExitCode.DONE)
        results.append({"profile": str(path), "ok": True, "problems": []})
        if not terminal.json and not terminal.quiet:
            terminal.show(f"{clean(str(path))}: in order")
    if terminal.json:
        terminal.document(results)
    raise Ended(worst(codes))


def _plain(error: ProfileError) -> dict[str, object]:
    return {"message": error.message, "line": error.line, "key": error.key, "hint": error.hint}


@profile.command()
@click.argument("path", metavar="PROFILE", type=PATH)
@options
@click.pass_obj
def show(session: Session, path: Path) -> None:
    """Print a profile with every default filled in. Secrets stay references."""
    from wrikebackup_core.profile import effective, load, plain

    loaded = load(path, session.plugins)
    if session.terminal.json:
        session.terminal.document(plain(loaded))
    else:
        sys.stdout.write(effective(loaded))


@profile.command()
@options
@click.pass_obj
def schema(session: Session) -> None:
    """Print the JSON schema of a profile, with the options of every installed plugin.

    Editors use it to complete and to check. Save it, and begin a profile with the line
    `# yaml-language-server: $schema=FILE`.
    """
    from wrikebackup_core.profile import schema as described

    sys.stdout.write(json.dumps(described(session.plugins), indent=None if session.terminal.json else 2) + "\n")
