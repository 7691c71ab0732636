"""Whether the secrets that a profile refers to can be had. What they are is not told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wrikebackup_core.errors import WrikeBackupError
from wrikebackup_core.ports import Check

if TYPE_CHECKING:
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import Profile

__all__ = ["secret_checks"]


def secret_checks(profile: Profile, plugins: Plugins) -> Iterator[Check]:
    """A check for each reference, once, under the first option that has it."""
    from wrikebackup_core.profile.marks import marked_options

    seen = set[str]()
    for part in (profile.source, *profile.transforms, *profile.sinks, *profile.monitors):
        for option, reference in marked_options(part, "secret"):
            if reference in seen:
                continue
            seen.add(reference)
            name = f"{part.kind} {option}"
            try:
                plugins.secret(reference)
            except WrikeBackupError as error:
                yield Check(name, False, error.message, error.hint)
            else:
                yield Check(name, True, f"{reference} can be had")
