"""What a plugin's command may ask of the program: what a profile says of its source, a secret, to say something, and to answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from wrikebackup_core.ports import Context

__all__ = ["answer", "command_context", "say", "source_options"]


def source_options(profile: Path) -> tuple[str, BaseModel, Context]:
    """The kind of a profile's source, its options as the plugin's model, and the context that its factory would get.

    Raises ProfileError.
    """
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import load, part_context

    plugins = Plugins.load()
    loaded = load(profile, plugins)
    return loaded.source.kind, loaded.source.options, part_context(loaded, plugins)


def command_context() -> Context:
    """A context without a profile: `secret` resolves references, `state` is empty."""
    from wrikebackup_core.plugins import Plugins

    return Context(secret=Plugins.load().secret)


def say(text: str, *, needed: bool = False) -> None:
    """Talk, which goes to stderr: lines for people, or one JSON object with `--log-format json`. With `--quiet` only what is `needed`.

    Results go to stdout, and questions are click's. Who has something to say in a thread takes the command's context there: `with context.scope(cleanup=False)`.
    """
    terminal = _terminal()
    if terminal is None:
        click.echo(text, err=True)
    elif needed or not terminal.quiet:
        for line in [text] if terminal.lines is not None else text.splitlines():
            terminal.tell(line)


def answer(text: str, **facts: object) -> None:
    """A result, which goes to stdout: the text for people, or with `--json` the facts, as one JSON object on a line of its own."""
    terminal = _terminal()
    if terminal is not None and terminal.json:
        terminal.document(facts)
    else:
        click.echo(text)


def _terminal() -> Any:
    """The program's, which nothing below its commands knows; None where the command is run by itself, as tests do."""
    context = click.get_current_context(silent=True)
    return getattr(context.obj if context else None, "terminal", None)
