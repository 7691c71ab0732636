"""Files with keys, as people name them."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from wrikebackup_core import UsageError, expand_home

__all__ = ["LONGEST", "located", "others_read", "read"]

LONGEST = 1 << 20
"""Bytes of a file of keys."""

_KEY = re.compile(r"\A\s*AGE-SECRET-KEY-|AGE-SECRET-KEY-[A-Z0-9-]{20}|-----BEGIN ", re.IGNORECASE)


def others_read(path: Path, mode: int) -> str | None:
    """That others than its owner can read a file of this mode, and what to do about it; None where they cannot."""
    if sys.platform == "win32" or not mode & (stat.S_IRGRP | stat.S_IROTH):
        return None
    return f"others on this machine can read the key file {path}: chmod 600 {path}"


def located(name: str, refusal: str) -> Path:
    """The path that is meant, `~` replaced. Raises UsageError beginning with `refusal`, which says what was to be done with the file.

    A key in the place of its file's name is refused too, and nothing of it repeated.
    """
    if _KEY.search(name):
        raise UsageError(
            f"{refusal}: this is a secret key, not the name of a file",
            hint="write the key into a file that only you can read, and give that file's name",
        )
    try:
        return expand_home(name)
    except UsageError as error:
        raise UsageError(f"{refusal} {error.message}", hint=error.hint) from None


def read(name: str, refusal: str) -> tuple[Path, bytes, int]:
    """The path, the content and the mode of the file. Raises UsageError as `located` does.

    Of what is longer than `LONGEST`, or has no end, one byte more is read, and it is refused.
    """
    path = located(name, refusal)
    try:
        with path.open("rb") as file:
            data, mode = file.read(LONGEST + 1), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise UsageError(f"{refusal} {path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError:  # a NUL, or half of a pair of surrogates
        raise UsageError(f"{refusal} {str(path)!r}: this is no name of a file") from None
    if len(data) > LONGEST:
        raise UsageError(f"{refusal} {path}: it is too long for a file of keys")
    return path, data, mode
