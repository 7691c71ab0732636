"""A backup that is not due yet, by the profile's `min_interval`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import duration

if TYPE_CHECKING:
    from wrikebackup_core.engine.recency import Recent
    from wrikebackup_core.profile import Profile

__all__ = ["tell_not_due"]


def tell_not_due(terminal: Terminal, profile: Profile, recent: Recent) -> str:
    """In one line, which is returned without the profile's name."""
    assert profile.min_interval is not None
    age, least = recent.age.total_seconds(), profile.min_interval.total_seconds()
    words = f"not due: every sink has a complete backup, {recent.backup_uid} or newer, begun {duration(age, whole=True)} ago"
    if terminal.json:
        facts = {"profile": profile.name, "backup_uid": recent.backup_uid, "age": age, "min_interval": least}
        terminal.document({"event": "not_due", **facts, "exit_code": 0})
    elif not terminal.quiet:
        terminal.line(
            f"{profile.name}: {words} (min_interval: {duration(least, whole=True)}); --force takes one anyway"
        )
    return words
