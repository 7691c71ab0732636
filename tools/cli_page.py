"""The page on the command line: every command with its arguments and options, from the click commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from tools import markdown
from wrikebackup_core.cli import command

COMMON = {"no_color", "json", "verbose", "quiet", "log_format"}
EVERYWHERE = """\
`--no-color`, `--json`, `--log-format`, `-v` and `-q` count before and after a command's name, so they are listed here only. Results go to stdout, talk
and errors to stderr. [Exit codes](errors.md) are the same for every command.
"""


def _text(help_text: str | None) -> str:
    """Help as Markdown: click's sign for a paragraph that is not to be wrapped is for terminals only."""
    return inspect.cleandoc((help_text or "").replace("\b\n", "")) + "\n"


def _option(option: click.Option) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.secondary_opts:
        names += " / " + ", ".join(f"`{name}`" for name in option.secondary_opts)
    return names, _value(option), option.help or ""


def _value(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count):
        return ""
    if isinstance(parameter.type, click.Choice):
        value = ", ".join(f"`{getattr(choice, 'value', choice)}`" for choice in parameter.type.choices)
    else:
        name = str(parameter.metavar or parameter.type.name).lower()
        value = {"integer": "whole number", "float": "number"}.get(name.removesuffix(" range"), name)
    many = ", may be given more than once" if parameter.multiple else ""
    default = parameter.default
    shown = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    return f"{value}{many}{f'; `{default}` by default' if shown else ''}"


def _usage(path: str, found: click.Command, context: click.Context) -> str:
    return " ".join([path, *found.collect_usage_pieces(context)])


def _walk(path: str, found: click.Command, parent: click.Context | None) -> Iterator[str]:
    settings = found.context_settings  # as the program has them: the first context of a command decides on its -h
    context = click.Context(found, parent=parent, info_name=path.rpartition(" ")[2], **settings)
    yield f"{'##' if parent else '#'} {path if parent else 'Command line'}\n"
    yield markdown.code(_usage(path, found, context), "console")
    yield _text(found.help)
    options = [one for one in found.params if isinstance(one, click.Option) and not one.hidden]
    if parent is None:
        yield EVERYWHERE
    else:
        options = [one for one in options if one.name not in COMMON]
    if options:
        yield markdown.table(["Option", "Value", "Meaning"], [_option(one) for one in options])
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            child = found.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _walk(f"{path} {name}", child, context)


def render() -> str:
    return "\n".join([markdown.GENERATED, *_walk("wrikebackup", command(), None)])
