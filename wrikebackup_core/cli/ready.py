"""Whether a machine is ready for the services that `schedule install` writes: what is amiss is said now, and not by a journal at night."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from wrikebackup_core.errors import UsageError
from wrikebackup_core.schedule.errands import Errand, inspect
from wrikebackup_core.schedule.systemd import USER_CREDENTIALS, environment_file

__all__ = ["doubts", "refuse_shared_state", "refuse_unready"]

_STORES = ("/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore")
"""Where systemd looks for a credential of the machine."""
_SECONDS = 60
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def refuse_unready(errand: Errand, user: str | None) -> None:
    """Raises UsageError where a service of the machine, run as `user` (None: root), would fail at each run."""
    if user is not None:
        _known(user)
    folders = (*errand.writes, *([errand.state] if errand.state is not None else []))
    for folder in folders:
        if not Path(folder).is_dir():
            owner = f" -o {user}" if user else ""
            hint = f"install -d -m 0700{owner} '{folder}'"
            raise UsageError(f"there is no folder {folder}, and the service may not make it", hint=hint)
    if user is not None:
        _refuse_what_it_may_not(errand, user, folders)


def refuse_shared_state(errand: Errand, user: str | None, units: Path) -> None:
    """Raises UsageError where another user's service has the same state folder: systemd gives the whole of it to whoever begins."""
    if errand.state is not None:
        return
    for path in sorted(units.glob("wrikebackup-*.service")):
        text = path.read_bytes().decode(errors="replace")
        other = inspect(text)
        if other is None or other.profile == errand.profile or "\nStateDirectory=" not in text:
            continue
        found = re.search(r"^User=(.*)$", text, re.MULTILINE)
        who = found[1] if found else "root"
        if who != (user or "root"):
            hint = "have both run as one user, or give one of the two profiles a `state:` of its own"
            raise UsageError(f"{path} runs as {who} and has its state in /var/lib/wrikebackup, too", hint=hint)


def doubts(errand: Errand, *, system: bool) -> Iterator[tuple[str, str]]:
    """What the services lack as yet, each with a hint: credentials, and variables of the environment."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where there is none
    stores = _STORES if system else (f"{home}/{USER_CREDENTIALS}",)
    for name in errand.credentials:
        if not any(os.path.lexists(f"{store}/{name}") for store in stores):
            place = f"{stores[0]}/{name}"
            yield (
                f"{errand.profile} takes the credential {name}, and there is no {place}",
                f"install -D -m 0600 FILE '{place}'",
            )
    place = environment_file(errand, system=system).replace("%h", home)
    missing = [name for name in errand.variables if name not in _set_in(place)]
    if missing:
        yield (
            f"{errand.profile} takes {', '.join(missing)} from the environment, which a scheduler does not have",
            f"put them into {place}, of mode 0600, as lines NAME=VALUE; better still, use credential: or file:",
        )


def _set_in(place: str) -> set[str]:
    try:
        lines = Path(place).read_text(errors="replace").splitlines()
    except OSError:
        return set()
    return {line.partition("=")[0].strip() for line in lines if "=" in line}


def _known(user: str) -> None:
    if sys.platform == "win32" or user.isdecimal():
        return
    import pwd

    try:
        pwd.getpwnam(user)
    except KeyError:
        hint = f"useradd --system --home-dir /var/lib/{user} {user}"
        raise UsageError(f"there is no user {user} on this machine", hint=hint) from None


def _refuse_what_it_may_not(errand: Errand, user: str, folders: Sequence[str]) -> None:
    """Tried as that user, which only root can: modes, groups and access lists of all folders above count."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    program = errand.words[0]
    if not _ends_well([program, "--version"], user):
        hint = "install it where every user may run it: python3 -m venv /opt/wrikebackup"
        raise UsageError(f"the user {user} cannot run {program}", hint=hint)
    if not _ends_well(["test", "-r", errand.profile], user):
        hint = f"chgrp it to a group of {user}, chmod g+r, and let {user} enter the folders above it"
        raise UsageError(f"the user {user} cannot read {errand.profile}", hint=hint)
    for folder in folders:
        if not _ends_well(["test", "-w", folder, "-a", "-x", folder], user):
            hint = f"chown {user} '{folder}', and let {user} enter the folders above it"
            raise UsageError(f"the user {user} cannot write to the folder {folder}", hint=hint)


def _ends_well(words: Sequence[str], user: str) -> bool:
    if sys.platform == "win32":
        return True
    import pwd

    try:
        account = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        return True  # a number without a name: systemd runs it all the same, with groups that nobody can tell
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    try:
        done = subprocess.run(
            words, user=account.pw_uid, group=account.pw_gid, extra_groups=groups, cwd="/", capture_output=True,
            env={"PATH": _PATH, "HOME": account.pw_dir}, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0
