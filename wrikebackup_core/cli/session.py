"""What every command works with, and the options that every command has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from wrikebackup_core.cli.logs import FORMAT_VARIABLE, FORMATS, JsonLines
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.plugins import Plugins

__all__ = ["PATH", "Session", "give_options", "options"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--json",), {"is_flag": True, "help": "For machines: JSON on stdout."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Say only what is wrong."}),
    (("-v", "--verbose"), {"count": True, "help": "Say more; -vv shows tracebacks."}),
    (
        ("--log-format",),
        {
            "type": click.Choice(FORMATS),
            "help": f"How stderr is written: for people, or as JSON lines; {FORMAT_VARIABLE} says it for every run.",
        },
    ),
    (("--no-color",), {"is_flag": True, "help": "No colours; the environment variable NO_COLOR does the same."}),
)
PATH = click.Path(readable=False, path_type=Path)  # whether it can be read is for its reader to say, with the reason


@dataclass
class Session:
    """`click.Context.obj`."""

    terminal: Terminal
    plugins: Plugins


def _set(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    session = context.find_object(Session)
    if session is None or not value:
        return
    terminal = session.terminal
    if parameter.name == "verbose":
        terminal.say_more(value)
    elif parameter.name == "no_color":
        terminal.color = False
    elif parameter.name == "quiet":
        terminal.quiet = True
    elif parameter.name == "log_format":
        terminal.lines = JsonLines() if value == "json" else None
    else:
        terminal.json = True


def options(function: _Function) -> _Function:
    """`--json`, `-q`, `-v`, `--log-format` and `--no-color`, which count before and after the command's name alike."""
    for flags, keywords in reversed(_OPTIONS):
        function = click.option(*flags, **keywords, expose_value=False, callback=_set)(function)
    return function


def give_options(command: click.Command) -> None:
    """The same for a command that a plugin brings, and those below it; an option that it has under one of these flags stays its own."""
    taken = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    for flags, keywords in _OPTIONS:
        if taken.isdisjoint(flags):
            click.option(*flags, **keywords, expose_value=False, callback=_set)(command)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            give_options(below)
