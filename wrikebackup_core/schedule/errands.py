"""What a machine's scheduler is to do for a profile: a command, and what it needs around it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from wrikebackup_core.schedule.expressions import Schedule

__all__ = ["Errand", "Marked", "inspect", "mark", "named", "slug"]

_UNSAFE = re.compile(r"[^a-z0-9]+")
# Of a name: a CronJob's has 52 characters at most, of which `wrikebackup-`, a hash and `-check` take 25.
_LONGEST = 27
_BY = "Written by `wrikebackup schedule install`; `wrikebackup schedule remove` takes it away."
_HEAD = re.compile(
    r"# Written by `wrikebackup schedule install`[^\n]*\n# For the profile (?P<profile>\"[^\n]*\"); of what follows: sha256 (?P<hash>[0-9a-f]{64})\n"
)


@dataclass(frozen=True, slots=True)
class Errand:
    """A command at the times of a schedule. Paths are absolute; `words` is the command line, the program first.

    `base` is the name of the profile's first errand. `folder` is the working directory, where the profile has relative paths. `writes` are folders that must exist and are written to,
    `mounts` are paths without whose file systems the command is not begun, `credentials` names of systemd credentials, `variables` those of the environment that the profile's secrets are in. `delay` is how many
    seconds a scheduler that knows no random delay waits, always as many on one host.
    """

    name: str
    base: str
    profile: str
    words: tuple[str, ...]
    schedule: Schedule
    title: str
    folder: str | None = None
    state: str | None = None
    writes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    delay: int = 0


def named(profile: Path) -> str:
    """The path of a profile, the same however it is spelled; it need not be there. A link stays itself: what it leads to may change."""
    return str(profile.parent.resolve() / profile.name)


def slug(name: str) -> str:
    """A profile's name as units, crontabs and clusters take it: `acme`. One that had to be changed has a hash of itself at its end."""
    plain = _UNSAFE.sub("-", name.lower()).strip("-")[:_LONGEST].strip("-")
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:6]}".lstrip("-")


@dataclass(frozen=True, slots=True)
class Marked:
    """What a file of ours says of itself: the profile it is for, and whether it is still as it was written."""

    profile: str
    intact: bool


def mark(body: str, profile: str) -> str:
    """The text with two comments ahead that say whose it is, and what it was."""
    digest = hashlib.sha256(body.encode(errors="surrogateescape")).hexdigest()
    return f"# {_BY}\n# For the profile {json.dumps(profile)}; of what follows: sha256 {digest}\n{body}"


def inspect(text: str) -> Marked | None:
    """None for what is not ours."""
    found = _HEAD.match(text)
    if found is None:
        return None
    try:
        profile = str(json.loads(found["profile"]))
    except ValueError:
        return None
    digest = hashlib.sha256(text[found.end() :].encode(errors="surrogateescape")).hexdigest()
    return Marked(profile, digest == found["hash"])
