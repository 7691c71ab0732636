"""`~` in the names of files, as people write them in profiles and on command lines, the user whose home that is, and folders of theirs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wrikebackup_core.errors import UsageError

__all__ = ["expand_home", "private_folder", "who_may_read"]


def expand_home(name: str) -> Path:
    """The path that is meant, `~` or `~user` at its beginning replaced. Raises UsageError where there is no such home folder."""
    try:
        return Path(name).expanduser()
    except RuntimeError:  # how pathlib says it
        hint = "~ is your own home folder; put ./ before other tildes"
        raise UsageError(f"{name}: there is no such home folder", hint=hint) from None


def private_folder(path: Path) -> None:
    """Makes a folder and those above it that are not there, for the owner only: their names say what there is. Raises OSError."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        if path.parent == path:  # a Windows drive that is not there
            raise
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def who_may_read(error: BaseException) -> str | None:
    """The hint for a file that cannot be read: who has to be allowed to. None where that is not what is in the way."""
    if not isinstance(error, PermissionError):
        return None
    return f"{_user()} has to be able to read it, and to enter the folders above it"


def _user() -> str:
    """As numbers, too: in containers and beside shared folders it is the number that counts."""
    if sys.platform == "win32":
        return "the user that runs this"
    import pwd

    number = os.geteuid()
    try:
        return f"the user {pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:
        return f"the user {number}"
