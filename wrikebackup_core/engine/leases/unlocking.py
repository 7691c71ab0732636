"""Taking a lease away from a run that is known to be dead, ahead of its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wrikebackup_core.engine.leases import looking
from wrikebackup_core.engine.leases.bearer import Bearer
from wrikebackup_core.engine.leases.hold import Hold
from wrikebackup_core.engine.leases.keeping import memory_of
from wrikebackup_core.engine.leases.looking import Lying
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.model import Account
from wrikebackup_core.ports import Sink

__all__ = ["described", "unlock"]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a lock is for."""

    sinks: Sequence[Sink]
    state: Path


def unlock(sink: Sink, account: str, lying: Lying, state: Path) -> None:
    """Nobody has the account's lease in the sink after this. Raises Locked where a run of this host is at work, or the lease is another
    one by now; SinkError.
    """
    with locked(_Place((sink,), state), Account(account, "")):
        hold = Hold(sink, account, Bearer("unlock", "unlock"), memory_of(state, account, sink))
        hold.seize(lying)
        hold.release(done=True)


def described(lying: Lying) -> str:
    """One line on a lease, without the sink."""
    if lying.lease is None:
        return f"{lying.key} is a lease that cannot be read"
    if lying.lease.released:
        return f"{lying.lease.who} was cut off, and holds it no more"
    if lying.is_over(looking.now()):
        return f"{lying.lease.who} held it, {lying.lease.when}: it counts no more"
    return f"{lying.lease.who} is writing here, {lying.lease.when}"
