"""One word for why a run failed: a trouble is the same as long as its cause is."""

from __future__ import annotations

import errno

from wrikebackup_core.errors import (
    Damaged,
    Forbidden,
    FormatError,
    KeyRefused,
    LeaseLost,
    Locked,
    PluginError,
    SecretError,
    SinkError,
    SinkFull,
    SourceError,
    Unauthorized,
    UsageError,
    WrikeBackupError,
)

__all__ = ["BUSY", "INTERRUPTED", "STORES", "cause_of"]

INTERRUPTED, BUSY = "interrupted", "busy"
STORES = ("sink", "full")
"""Causes that lie in a sink."""

_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (Unauthorized, "unauthorized"),
    (Forbidden, "forbidden"),
    (SourceError, "source"),
    (SinkFull, "full"),
    (LeaseLost, BUSY),
    (Locked, BUSY),
    (SinkError, "sink"),
    (KeyRefused, "key"),
    (SecretError, "secret"),
    (UsageError, "usage"),
    (PluginError, "plugin"),
    (FormatError, "damaged"),
    (Damaged, "damaged"),
    (WrikeBackupError, "failed"),
    (MemoryError, "machine"),
)


def cause_of(error: BaseException) -> str:
    """`bug` for what nobody foresaw; `disk` for one of this machine that is full, which is no sink's."""
    if isinstance(error, OSError):
        return "disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "machine"
    if type(error).__module__ == "sqlite3":  # the spool; not imported for the sake of this line
        return "disk" if "full" in str(error) else "machine"
    if not isinstance(error, Exception):
        return INTERRUPTED
    return next((word for kind, word in _CAUSES if isinstance(error, kind)), "bug")
