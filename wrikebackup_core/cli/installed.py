"""`wrikebackup plugins`: what is installed, what it brings, and what was set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.words import clean
from wrikebackup_core.plugins import Plugins

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["plugins"]


@click.command(short_help="List the plugins and what they bring.")
@options
@click.pass_obj
def plugins(session: Session) -> None:
    """List the plugins, the kinds that they bring, and those set aside with the reason."""
    terminal, found = session.terminal, session.plugins
    if terminal.json:
        loaded = [
            {
                "name": one.name,
                "distribution": one.distribution,
                "version": one.version,
                "kinds": _kinds(found, one.name),
            }
            for one in found.loaded
        ]
        terminal.document({"plugins": loaded, "set_aside": found.broken})
        return
    terminal.show(_table(found))
    for broken in found.broken:
        terminal.warn(f"the plugin {broken.name} of {broken.distribution} is set aside: {broken.reason}")


def _kinds(found: Plugins, plugin: str) -> dict[str, list[str]]:
    registries = {
        "sources": found.sources,
        "sinks": found.sinks,
        "transforms": found.transforms,
        "monitors": found.monitors,
    }
    return {
        what: sorted(kind for kind, registration in registry.items() if registration.plugin == plugin)
        for what, registry in registries.items()
    }


def _table(found: Plugins) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("plugin", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("brings")
    for one in found.loaded:
        kinds = _kinds(found, one.name)
        brings = [f"{what[:-1]} {', '.join(names)}" for what, names in kinds.items() if names]
        table.add_row(
            Text(clean(one.name), "bold"),
            clean(f"{one.distribution} {one.version}"),
            clean("; ".join(brings) or "hooks"),
        )
    return table
