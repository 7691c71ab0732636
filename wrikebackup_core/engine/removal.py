"""Removing what is not as it should be, from stores that may refuse to delete it until a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.object_locks import until
from wrikebackup_core.errors import KeyLocked, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.ports import Locking, Sink

__all__ = ["SPOILED", "Unfinishable", "remove", "unfinishable"]

SPOILED = "spoiled"
"""The fact in the spool that says that the backup cannot be finished: the next attempt begins another."""


class Unfinishable(SinkError):
    """The backup that was begun can never be finished in a sink; another one can."""


def unfinishable(attempt: Attempt, sink: Sink, key: str, end: datetime | None) -> Unfinishable:
    """Writes down that this backup is given up, for the attempts to come, and returns the error that says so."""
    attempt.spool.note({SPOILED: key})
    return Unfinishable(
        f"{sink.name}: the backup {attempt.run.backup_uid} cannot be finished: {key} is not as it should be, and locked {until(end)}",
        hint="the next run begins a new backup; no file is fetched again",
    )


def remove(attempt: Attempt, number: int, sink: Sink, keys: Sequence[str]) -> None:
    """Deletes objects that are not what belongs under their keys (relative to the account's folder), so that that can be stored.

    A locked attachment stays: nothing can be stored in its place, which is a gap of this sink's backup. Raises Unfinishable for
    another locked object, SinkError where the store refuses without saying why, LeaseLost where another run has taken over.
    """
    if not keys:
        return
    attempt.leases.check(number)
    paths = {attempt.fan.path(key): key for key in keys}
    try:
        sink.delete(paths)
    except KeyLocked:
        locks = sink.locked(paths) if isinstance(sink, Locking) else {}
        held = {path: end for path, end in locks.items() if path in paths}
        if not held:
            raise
        for path, end in held.items():
            if not path.startswith(f"{layout.attachments_folder(attempt.run.account.id)}/"):
                raise unfinishable(attempt, sink, path, end) from None
            attempt.fan.bar(number, paths[path], f"what is stored is not this file, and is locked {until(end)}")
