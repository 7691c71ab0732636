"""`~` in the names of files, as people write them in profiles and on command lines."""

from __future__ import annotations

from pathlib import Path

from wrikebackup_core.errors import UsageError

__all__ = ["expand_home"]


def expand_home(name: str) -> Path:
    """The path that is meant, `~` or `~user` at its beginning replaced. Raises UsageError where there is no such home folder."""
    try:
        return Path(name).expanduser()
    except RuntimeError:  # how pathlib says it
        hint = "~ is your own home folder; put ./ before other tildes"
        raise UsageError(f"{name}: there is no such home folder", hint=hint) from None
