"""The page on the public API: each name of `wrikebackup_core.__all__`, with its signature and docstring."""

from __future__ import annotations

import enum
import inspect
import textwrap
from collections.abc import Iterator
from types import ModuleType

import wrikebackup_core
from tools import markdown
from wrikebackup_core import (
    addresses,
    commands,
    decoders,
    durations,
    errors,
    homes,
    hookspecs,
    masking,
    model,
    monitors,
    plurals,
    ports,
    resuming,
    secrets,
    transforms,
    witnesses,
    zones,
)
from wrikebackup_core.format import ids

GROUPS: list[tuple[str, str, list[ModuleType]]] = [
    (
        "Ports",
        "What a source, a sink, a transform and a monitor are. Everything is synchronous; the engine brings the threads.",
        [ports, transforms, monitors, witnesses],
    ),
    ("Values", "What the parts hand to each other: frozen, without any I/O.", [model]),
    (
        "Plugins",
        "How a plugin makes itself known; the hooks have [a page of their own](hooks.md).",
        [hookspecs, secrets],
    ),
    (
        "Reading",
        "What a plugin need not write itself.",
        [resuming, homes, addresses, masking, ids, decoders, durations, plurals, zones],
    ),
    ("Commands", "What a command that a plugin adds may ask for.", [commands]),
]


def _definition(name: str) -> str:
    """A class as it stands in the code; of a function, what a caller sees."""
    thing = getattr(wrikebackup_core, name)
    if inspect.isclass(thing):
        return textwrap.dedent(inspect.getsource(thing))
    if not inspect.isfunction(thing):
        return ""
    docstring = textwrap.indent(f'"""{inspect.getdoc(thing) or ""}"""', "    ")
    return f"def {name}{str(inspect.signature(thing)).replace(chr(39), '')}:\n{docstring}"


def _constants(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Public names that are neither classes nor functions, with the lines that define them."""
    text = inspect.getsource(module)
    for name in wrikebackup_core.__all__:
        if f"\n{name} = " in text:
            yield name, text[text.index(f"\n{name} = ") + 1 :].partition("\n\n\n")[0].partition("\n\n")[0]


def _group(modules: list[ModuleType]) -> Iterator[str]:
    for module in modules:
        names = {name for name in wrikebackup_core.__all__ if hasattr(module, name)}
        constants = dict(_constants(module))
        own = [
            name
            for name in wrikebackup_core.__all__
            if name in constants
            or (name in names and getattr(getattr(module, name), "__module__", "") == module.__name__)
        ]
        for name in own:
            thing = getattr(wrikebackup_core, name)
            yield f"### `{name}`\n"
            if isinstance(thing, type) and issubclass(thing, enum.Enum):
                yield from _members(thing)
            else:
                yield markdown.code(constants.get(name) or _definition(name), "python")


def _members(thing: type[enum.Enum]) -> Iterator[str]:
    yield markdown.docstring(thing)
    yield markdown.table(["Name", "Value"], [(f"`{item.name}`", f"`{item.value}`") for item in thing])


def _errors() -> str:
    rows = [
        (f"`{name}`", inspect.getdoc(thing) or "")
        for name in wrikebackup_core.__all__
        if inspect.isclass(thing := getattr(errors, name, None)) and issubclass(thing, Exception)
    ]
    return markdown.table(["Error", "Raised for"], rows)


def render() -> str:
    parts = [
        markdown.GENERATED,
        "# Public API\n",
        (
            "A plugin imports from `wrikebackup_core`, from `wrikebackup_core.testing` in its tests, and from nothing else of "
            "ours. These names keep their meaning within a major version; all others may change in any release.\n"
        ),
    ]
    for title, text, modules in GROUPS:
        parts += [f"## {title}\n", text + "\n", *_group(modules)]
    parts += [
        "## Errors\n",
        "The whole tree, with exit codes, is on the page [Exit codes and errors](errors.md).\n",
        _errors(),
        "### `ExitCode`\n",
        *_members(errors.ExitCode),
    ]
    parts += ["## Version\n", "`__version__` is the version of the distribution, as a string.\n"]
    return "\n".join(parts)
