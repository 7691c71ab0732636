"""What a server's refusal means to the owner of a backup."""

from __future__ import annotations

from asyncssh import sftp  # noqa: TID253 - these modules are imported only for a profile that has such a sink

from wrikebackup_core import KeyUnfit, SinkError, SinkFull, masked
from wrikebackup_fsspec.sftp.place import Place

__all__ = ["ABSENT", "TROUBLE", "Lost", "failed", "full"]


class Lost(Exception):
    """The connection is gone, or was given up because the server was silent. The text says which."""


TROUBLE = (sftp.SFTPError, Lost)
ABSENT = (sftp.SFTPNoSuchFile, sftp.SFTPNoSuchPath, sftp.SFTPNotADirectory)

_UNFIT = (sftp.SFTPBadMessage, sftp.SFTPInvalidFilename)
_FULL = (sftp.SFTPNoSpaceOnFilesystem, sftp.SFTPQuotaExceeded)
# Protocol version 3 has no codes for these; some servers say it in words.
_FULL_WORDS = ("no space", "quota", "disk full", "disc full")
_LONG = 120  # of what a server says, as many characters are repeated

_HINTS: dict[type[sftp.SFTPError], str] = {
    sftp.SFTPPermissionDenied: "see who owns the folder on the server and who may write there",
    sftp.SFTPWriteProtect: "the server's file system is mounted read-only",
    sftp.SFTPFailure: "the server does not say why: look at its free space, quotas and log",
    sftp.SFTPBadMessage: "the server may not take a name of this length or with these characters",
    sftp.SFTPInvalidFilename: "the server does not take a name of this length or with these characters",
    sftp.SFTPNotADirectory: "a file stands where a folder is needed",
    sftp.SFTPOpUnsupported: "the server does not offer this",
}
_LOST_HINT = (
    "see whether the server and the network are in order; `timeout` says how long a silent server is waited for"
)


def failed(what: str, place: Place, path: bytes, error: sftp.SFTPError | Lost) -> SinkError:
    """The error to raise in place of `error`; `what` is what was tried, such as `write`."""
    message = f"cannot {what} {place.told(path)} on {place.server}: {_reason(error)}"
    if isinstance(error, Lost):
        return SinkError(message, hint=_LOST_HINT)
    if isinstance(error, _FULL) or any(word in str(error.reason).lower() for word in _FULL_WORDS):
        return full(what, place, path)
    kind = KeyUnfit if isinstance(error, _UNFIT) else SinkError
    return kind(message, hint=next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), None))


def full(what: str, place: Place, path: bytes) -> SinkFull:
    return SinkFull(
        f"cannot {what} {place.told(path)} on {place.server}: no space left there",
        hint="make room on the server (df -h, df -i), or see the account's quota",
    )


def _reason(error: sftp.SFTPError | Lost) -> str:
    text = str(error) if isinstance(error, Lost) else (error.reason or type(error).__name__.removeprefix("SFTP"))
    text = masked(" ".join(text.split()).rstrip("."))[:_LONG]
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text[:1].lower() + text[1:]
