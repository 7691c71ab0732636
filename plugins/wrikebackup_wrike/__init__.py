"""The source kind `wrike`: an account over the REST API v4, and the command `login`."""

from __future__ import annotations

import click

from wrikebackup_core import Context, Register, Source, hookimpl
from wrikebackup_wrike.options import WrikeOptions

__all__ = ["register_commands", "register_sources"]


def make_source(options: WrikeOptions, context: Context) -> Source:
    """Opens the account. Asks nothing of the network yet. Raises SecretError, UsageError."""
    from wrikebackup_wrike.source import open_source

    return open_source(options, context)


@hookimpl
def register_sources(register: Register) -> None:
    register("wrike", options=WrikeOptions, make=make_source)


@hookimpl
def register_commands(cli: click.Group) -> None:
    from wrikebackup_wrike.login import login

    cli.add_command(login)
