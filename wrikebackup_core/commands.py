"""What a plugin's command may ask of the program: what a profile says of its source, and a secret."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from wrikebackup_core.ports import Context

__all__ = ["command_context", "source_options"]


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
