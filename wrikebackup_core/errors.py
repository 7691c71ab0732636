"""What can go wrong, as a tree; each error knows the exit code that it ends the program with.

WrikeBackupError                       1
├── UsageError                         2   the command line or the environment does not fit
│   ├── ProfileError                   2   the YAML profile: file, line and key
│   └── SecretError                    2   a secret reference that yields nothing
├── PluginError                        1   a plugin that cannot be used
│   └── MissingExtra                   1   a library that an extra brings
├── SourceError                        1   the account cannot be read
│   ├── Unauthorized                   1   the token is not accepted
│   ├── Forbidden                      1   the plan or the token does not allow it: a gap
│   ├── NotFound                       1   no such thing (any more): a gap
│   ├── NotOffered                     1   this source has no such thing at all: not a gap
│   ├── Interrupted                    1   a connection, a limit or a server in trouble: trying again may help
│   └── Withdrawn                      1   what a transform has added so far is not to be kept
├── SinkError                          1   the store cannot be used
│   ├── AlreadyExists                  1   keys are written once
│   ├── KeyLocked                      1   the store refuses until a date to delete it
│   ├── KeyNotFound                    1
│   ├── KeyUnfit                       1   the store cannot hold an object of this name
│   ├── LeaseLost                      5   another run has taken over
│   └── SinkFull                       1
├── FormatError                        4   stored bytes are not what the format says
├── Damaged                            4   verification found damage
├── Locked                             5   another run holds the account
└── KeyRefused                         6   a decryption key does not fit
    └── KeyMissing                     6   there is no key at all

Two results are no errors but have exit codes too: 3 (done, with gaps, without one of the sinks, or not pruned as the profile says) and 130 (interrupted).
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from wrikebackup_core.masking import masked

__all__ = [
    "AlreadyExists",
    "Damaged",
    "ExitCode",
    "Forbidden",
    "FormatError",
    "Interrupted",
    "KeyLocked",
    "KeyMissing",
    "KeyNotFound",
    "KeyRefused",
    "KeyUnfit",
    "LeaseLost",
    "Locked",
    "MissingExtra",
    "NotFound",
    "NotOffered",
    "PluginError",
    "ProfileError",
    "SecretError",
    "SinkError",
    "SinkFull",
    "SourceError",
    "Unauthorized",
    "UsageError",
    "Withdrawn",
    "WrikeBackupError",
]


class ExitCode(IntEnum):
    """How the program ends. Whoever reads these must take an unknown code for a failure."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    DAMAGED = 4
    LOCKED = 5
    KEY_REFUSED = 6
    INTERRUPTED = 130


class WrikeBackupError(Exception):
    """Anything that this program reports in one line, with a hint where one helps."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        # Whatever becomes of it, a line on the screen or a gap in a manifest: a library's words in it may repeat a secret.
        self.message = masked(message)
        self.hint = None if hint is None else masked(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class UsageError(WrikeBackupError):
    """The command line or the environment does not fit."""

    exit_code = ExitCode.USAGE


class ProfileError(UsageError):
    """A profile that cannot be used; `str()` starts with `file:line:`."""

    def __init__(
        self,
        message: str,
        *,
        file: Path | str,
        line: int | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = f"{file}:{line}" if line is not None else f"{file}"
        super().__init__(f"{where}: {message}", hint=hint)
        self.file, self.line, self.key = Path(file), line, key


class SecretError(UsageError):
    """A secret reference that yields nothing. Carries the reference, never a secret."""


class PluginError(WrikeBackupError):
    """A plugin that cannot be used."""


class MissingExtra(PluginError):
    """A library is missing that one of our extras brings."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs a library that is not installed", hint=f'pip install "wrikebackup[{extra}]"')
        self.extra = extra


class SourceError(WrikeBackupError):
    """The account cannot be read. `retryable` says whether trying again may help."""

    retryable = False


class Unauthorized(SourceError):
    """The token is unknown, expired or revoked."""


class Forbidden(SourceError):
    """The plan, the licence or the token's rights do not allow it."""


class NotFound(SourceError):
    """The API does not know such a thing, or no longer."""


class NotOffered(SourceError):
    """This source has no such thing at all, for anybody."""


class Interrupted(SourceError):
    """A broken connection, a rate limit, a server in trouble, or a body that ended early.

    `retry_after` is how many seconds the server asks to be left alone, where it says so. `outage`: it may be the server as a
    whole, not what was asked for.
    """

    retryable = True

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: float | None = None, outage: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after, self.outage = retry_after, outage


class Withdrawn(SourceError):
    """What a transform has added to the backup so far is not to be kept, as when a newer export took the place of the one that was
    being read. `retryable` says whether it is to be added again, from the start.
    """

    def __init__(self, message: str, *, hint: str | None = None, again: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.retryable = again


class SinkError(WrikeBackupError):
    """The store cannot be used."""


class AlreadyExists(SinkError):
    """Every key is written once and never changed."""


class KeyLocked(SinkError):
    """The store refuses to delete it before its lock ends."""


class KeyNotFound(SinkError):
    """The store has no such key."""


class KeyUnfit(SinkError):
    """The store cannot hold an object of this name, such as one that is too long for it; others it can."""


class LeaseLost(SinkError):
    """Another run has taken over the account in this sink, or has had it meanwhile."""

    exit_code = ExitCode.LOCKED


class SinkFull(SinkError):
    """The store has no room left."""


class FormatError(WrikeBackupError):
    """Stored bytes are not what the format says."""

    exit_code = ExitCode.DAMAGED


class Damaged(WrikeBackupError):
    """Verification found damage."""

    exit_code = ExitCode.DAMAGED


class Locked(WrikeBackupError):
    """Another run is at work on the same account and sinks."""

    exit_code = ExitCode.LOCKED


class KeyRefused(WrikeBackupError):
    """The decryption key does not fit."""

    exit_code = ExitCode.KEY_REFUSED


class KeyMissing(KeyRefused):
    """There is no key to decrypt with, and nobody who could give one: stored bytes can still be compared with their checksums."""
