"""What an error of one of fsspec's file systems, which may be any, means to the owner of a backup."""

from __future__ import annotations

import errno
import socket

from wrikebackup_core import SinkError, SinkFull, masked, without_passwords

__all__ = ["failed"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LONGEST = 200


def failed(what: str, place: str, error: Exception) -> SinkError:
    """The error to raise in place of `error`; `what` was tried, such as `write`."""
    if isinstance(error, SinkError):
        return error
    number = error.errno if isinstance(error, OSError) else None
    message = f"cannot {what} {place}: {_reason(error)}"
    if number in _FULL:
        return SinkFull(message, hint="make room there")
    if isinstance(error, PermissionError):
        return SinkError(message, hint="see who may write there")
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
        return SinkError(message, hint="see whether the address is right, and the server and the network are up")
    return SinkError(message)


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    line = masked(without_passwords(text.splitlines()[0]))
    line = line[:1].lower() + line[1:]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
