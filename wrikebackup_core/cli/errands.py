"""From a profile to what a scheduler is to do for it."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wrikebackup_core.errors import UsageError
from wrikebackup_core.homes import expand_home
from wrikebackup_core.schedule import Schedule
from wrikebackup_core.schedule.errands import Errand, named, slug

if TYPE_CHECKING:
    from wrikebackup_core.profile import Profile

__all__ = ["CHECK", "errands", "program", "scheduled"]

CHECK = Schedule("17 * * * *")


def errands(profile: Profile, *, quiet: bool, container: bool = False, user: str | None = None) -> list[Errand]:
    """The backup, and where the profile has monitors the hourly look whether one is missing.

    `quiet`: say only what is wrong, for cron's mail. `container`: paths are those inside one. `user`: who runs it, if not whoever asks.
    Raises UsageError.
    """
    schedule = scheduled(profile)
    path, base = named(profile.path), slug(profile.name)
    lot = path if container else f"{socket.gethostname()} {path}"
    around = _around(profile, container=container, user=user)

    def errand(name: str, words: tuple[str, ...], schedule: Schedule, title: str) -> Errand:
        return replace(
            around,
            name=name,
            base=base,
            words=("wrikebackup" if container else program(), *words, *(["-q"] if quiet else []), path),
            schedule=schedule,
            title=title,
            delay=_part_of(schedule, lot),
        )

    said = " ".join(profile.name.split())
    found = [errand(base, ("backup",), schedule, f"Back up the Wrike account of {said}")]
    if profile.monitors:
        title = f"Tell whoever is to hear of it when {said} has no fresh backup"
        # It tells of a disk that is away, too, so it waits for none.
        found.append(replace(errand(f"{base}-check", ("notify", "check"), CHECK, title), mounts=()))
    return found


def _around(profile: Profile, *, container: bool, user: str | None) -> Errand:
    """What all errands of a profile need around them; the rest is made up."""
    from wrikebackup_core.profile.marks import marked, marked_options

    secrets = list(marked(profile, "secret"))
    # A file is replaced as a whole, and has a lock beside it: its folder is what must be writable.
    beside = (os.path.dirname(one) or "." for one in marked(profile, "written"))  # noqa: PTH120 - a leading ~ or dot stays
    writes = list(dict.fromkeys((*marked(profile, "folder"), *beside)))
    relative = [one for one in (*writes, *_named(secrets, "file")) if not _place(one, user, container).is_absolute()]
    if container and relative:
        raise UsageError(f"{profile.path}: {relative[0]} is relative", hint="in a container write paths absolute")
    # A run has its other sinks where one of several is away.
    mounts = [one for _, one in marked_options(profile.sinks[0], "folder")] if len(profile.sinks) == 1 else []
    return Errand(
        name="",
        base="",
        profile=named(profile.path),
        words=(),
        schedule=CHECK,
        title="",
        folder=str(Path.cwd()) if relative else None,
        state=None if profile.state == _default_state() else str(profile.state.absolute()),
        writes=tuple(one if container else str(_place(one, user).absolute()) for one in writes),
        mounts=tuple(str(_place(one, user, container).absolute()) for one in mounts),
        credentials=tuple(dict.fromkeys(_named(secrets, "credential"))),
        variables=tuple(dict.fromkeys(_named(secrets, "env"))),
    )


def scheduled(profile: Profile) -> Schedule:
    """Raises UsageError for a profile that does not say when."""
    if profile.schedule is None:
        raise UsageError(
            f"{profile.path}: has no `schedule`", hint='add one, such as `schedule: "30 2 * * *"`, or `schedule: daily`'
        )
    return profile.schedule


def program() -> str:
    """The absolute path of this very program."""
    started = Path(sys.argv[0]).absolute()
    beside = Path(sys.executable).absolute().parent
    for path in (started, beside / "wrikebackup", beside / "wrikebackup.exe"):
        if path.stem == "wrikebackup" and path.is_file():
            return str(path)
    raise UsageError(
        "the program `wrikebackup` is not where it was installed", hint="install it with pip, and run that"
    )


def _place(name: str, user: str | None, container: bool = False) -> Path:
    """The path that is meant, `~` being the home of `user`. In a container nobody has one that lasts."""
    if container:
        return Path(name)
    if user is not None and not user.isdecimal() and (name == "~" or name.startswith("~/")):
        name = f"~{user}{name[1:]}"
    return expand_home(name)


def _default_state() -> Path:
    from wrikebackup_core.profile.reading import default_state

    return default_state()


def _named(references: list[str], scheme: str) -> list[str]:
    return [rest for found, _, rest in (one.partition(":") for one in references) if found == scheme]


def _part_of(schedule: Schedule, lot: str) -> int:
    """Seconds of the random delay, for schedulers that have none of their own: always as many for one lot."""
    most = int(schedule.random_delay.total_seconds())
    return int.from_bytes(hashlib.sha256(lot.encode(errors="replace")).digest()[:8], "big") % most if most else 0
