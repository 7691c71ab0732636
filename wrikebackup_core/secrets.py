"""Secrets by reference: a profile says where a secret is, never what it is.

`env:NAME`, `file:PATH` (first line), `keyring:SERVICE/USER` and `command:SHELL WORDS` are built in; plugins add schemes through
the hook `resolve_secret`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import Annotated

from pydantic import AfterValidator, Field

from wrikebackup_core.errors import MissingExtra, SecretError, UsageError
from wrikebackup_core.homes import expand_home

_REFERENCE = re.compile(r"[a-z][a-z0-9+.-]*:.+", re.DOTALL)
_COMMAND_SECONDS = 60


def _reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        # The value is not repeated: it may be the secret itself.
        raise ValueError(
            "must be a reference such as env:NAME, file:PATH, keyring:SERVICE/USER or command:..., not the secret itself"
        )
    return value


Secret = Annotated[
    str,
    AfterValidator(_reference),
    Field(
        description="a reference to a secret: env:NAME, file:PATH, keyring:SERVICE/USER or command:...",
        # Not as a constraint of pydantic's own: its message would be less of a help than ours.
        json_schema_extra={"secret": True, "pattern": f"^{_REFERENCE.pattern}"},
    ),
]
"""The type of a plugin option that refers to a secret; `Context.secret` resolves it."""


def resolve(reference: str) -> str | None:
    """The secret that a built-in reference names; None for a scheme that is not built in. Raises SecretError."""
    scheme, _, rest = reference.partition(":")
    resolver = {
        "env": _from_environment,
        "file": _from_file,
        "keyring": _from_keyring,
        "command": _from_command,
    }.get(scheme)
    if resolver is None:
        return None
    secret = resolver(rest)
    if not secret:
        raise SecretError(f"the secret {reference} is empty")
    return secret


def _from_environment(name: str) -> str:
    try:
        return os.environ[name].strip()
    except KeyError:
        raise SecretError(
            f"the environment variable {name} is not set", hint=f"export {name}=… before the run"
        ) from None


def _from_file(path: str) -> str:
    try:
        # Windows editors put a byte order mark ahead, which is no part of the secret.
        lines = expand_home(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SecretError(f"cannot read the secret file {path}: it is not UTF-8 text") from None
    except UsageError as error:
        raise SecretError(f"cannot read the secret file {error.message}", hint=error.hint) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it names no file"
        raise SecretError(f"cannot read the secret file {path}: {reason.lower()}") from None
    return lines[0].strip() if lines else ""


def _from_keyring(entry: str) -> str:
    try:
        import keyring
    except ImportError:
        raise MissingExtra(f"the secret keyring:{entry}", "keyring") from None
    service, _, user = entry.rpartition("/")
    if not service or not user:
        raise SecretError(f"keyring:{entry} names no password", hint="write keyring:SERVICE/USER")
    try:
        found = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - backends are strangers, and raise what their systems raise
        raise SecretError(
            f"the keyring does not answer for {entry}: {type(error).__name__}",
            hint="use env:, file: or command: on a machine without a desktop",
        ) from None
    if found is None:
        raise SecretError(f"the keyring has no password for {entry}", hint=f"keyring set {service} {user}")
    return found


def _from_command(line: str) -> str:
    try:
        # Windows programs take their command line whole, and its backslashes are no escapes.
        words = line if sys.platform == "win32" else shlex.split(line)
        done = subprocess.run(words, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        raise SecretError(f"the secret command `{line}` cannot be run: {type(error).__name__}") from None
    if done.returncode != 0:
        # Neither stdout nor stderr is repeated: both may hold the secret.
        raise SecretError(f"the secret command `{line}` ended with exit code {done.returncode}")
    return done.stdout.strip()
