"""Pinning: that a backup is to stay whatever the rules say, in each sink that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wrikebackup_core.engine.leases import demand_free
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.engine.object_locks import until
from wrikebackup_core.errors import ExitCode, KeyLocked, Locked, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.format.pins import Pin
from wrikebackup_core.model import Account
from wrikebackup_core.ports import Locking, Sink
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import store

__all__ = ["Pinned", "pin", "unpin"]


@dataclass(frozen=True, slots=True)
class Pinned:
    """What became of a backup's pin in one sink: `what`, in a few words, or why that `failed`."""

    sink: str
    what: str = ""
    failed: str | None = None
    exit_code: ExitCode = ExitCode.DONE


@dataclass(frozen=True, slots=True)
class _Place:
    """What a lock is for."""

    sinks: Sequence[Sink]
    state: Path


def pin(sinks: Sequence[Sink], state: Path, account: str, uid: str, reason: str) -> list[Pinned]:
    """Says in each of the sinks that the backup is to stay. A pin that is there stays as it is."""
    key, said = layout.pin_key(account, uid), Pin(reason, datetime.now(UTC))

    def write(sink: Sink) -> str:
        if (before := AccountStore(sink, account).pinned(uid)) is not None:
            return f"pinned before: {before}"
        store(sink, key, [said.encode()])
        sink.sync()
        return f"pinned: {reason}"

    return list(_each(sinks, state, account, write))


def unpin(sinks: Sequence[Sink], state: Path, account: str, uid: str) -> list[Pinned]:
    """Takes the pin away in each of the sinks."""
    key = layout.pin_key(account, uid)

    def take(sink: Sink) -> str:
        if AccountStore(sink, account).pinned(uid) is None:
            return "was not pinned"
        try:
            sink.delete([key])
        except KeyLocked as error:
            end = sink.locked([key]).get(key) if isinstance(sink, Locking) else None
            raise KeyLocked(f"{sink.name}: {key} is locked {until(end)}: the backup stays pinned") from error
        return "not pinned any more"

    return list(_each(sinks, state, account, take))


def _each(sinks: Sequence[Sink], state: Path, account: str, work: Callable[[Sink], str]) -> Iterator[Pinned]:
    """One sink after the other, under its lock: a prune may be about to delete the backup."""
    for sink in sinks:
        try:
            with locked(_Place((sink,), state), Account(account, "")):
                demand_free(sink, account, state)
                what = work(sink)
        except WrikeBackupError as error:
            code = ExitCode.LOCKED if isinstance(error, Locked) else ExitCode.FAILED
            yield Pinned(sink.name, failed=error.message, exit_code=code)
        else:
            yield Pinned(sink.name, what)
