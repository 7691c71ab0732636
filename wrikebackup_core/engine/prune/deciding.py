"""Which backups stay: decided from what is known of them, without any I/O.

- The newest complete backup stays, whatever the votes say.
- Of the other complete ones those stay that a vote names, and all that are pinned.
- One with gaps takes no other's place: it stays while it is newer than the newest complete one, and goes afterwards, unless it is pinned.
- One that cannot be read stays: nobody can say what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from wrikebackup_core.errors import UsageError, WrikeBackupError
from wrikebackup_core.model import Backup

__all__ = ["SKEW", "Decision", "State", "check_clock", "decide", "state_of"]

SKEW = timedelta(minutes=10)
"""By so much the clocks of two machines may differ."""


class State(StrEnum):
    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Decision:
    """`reasons` are why it stays, or the one for which it goes, each in a few words."""

    backup: Backup
    keep: bool
    reasons: tuple[str, ...]


def state_of(backup: Backup) -> State:
    if backup.complete is None:
        return State.UNREADABLE
    return State.COMPLETE if backup.complete else State.PARTIAL


def check_clock(backups: Sequence[Backup], now: datetime) -> None:
    """Raises WrikeBackupError where a backup is from the future: by such a clock nobody should delete."""
    newest = max(backups, key=lambda backup: backup.started, default=None)
    if newest is not None and newest.started > now + SKEW:
        raise WrikeBackupError(
            f"the backup {newest.uid} is from the future: it is {now:%Y-%m-%d %H:%M} UTC by this machine's clock",
            hint="set the clock; if the one that took this backup was wrong, delete its folder yourself, or wait until then",
        )


def decide(
    backups: Sequence[Backup], pins: Mapping[str, str], votes: Sequence[Mapping[str, str]], now: datetime
) -> list[Decision]:
    """All backups of one account in one sink, oldest first. `pins` and each of the `votes` map uids to reasons.

    Raises WrikeBackupError for a clock that cannot be right, UsageError where no complete backup has a vote.
    """
    check_clock(backups, now)
    complete = [backup.uid for backup in backups if state_of(backup) is State.COMPLETE]
    newest = max(complete, default=None)
    if len(complete) > 1 and not any(uid in vote for uid in complete for vote in votes):
        raise UsageError(
            f"the profile's rules keep none of {len(complete):,} complete backups: nothing is deleted",
            hint="look at the transform that retains, such as `retain: {daily: 7, weekly: 5, monthly: 12}`",
        )
    return [_decided(backup, newest, pins, votes) for backup in sorted(backups, key=lambda backup: backup.uid)]


def _decided(
    backup: Backup, newest: str | None, pins: Mapping[str, str], votes: Sequence[Mapping[str, str]]
) -> Decision:
    uid, state = backup.uid, state_of(backup)
    reasons = []
    if state is State.UNREADABLE:
        reasons.append("cannot be read")
    elif state is State.COMPLETE:
        reasons += [vote[uid] for vote in votes if uid in vote]
        if uid == newest and not reasons:
            reasons.append("the newest complete one")
    elif newest is None:
        reasons.append("there is no complete one")
    elif uid > newest:
        reasons.append("newer than the newest complete one")
    if uid in pins:
        reasons.append(f"pinned: {pins[uid]}")
    if reasons:
        return Decision(backup, True, tuple(reasons))
    return Decision(
        backup, False, ("no rule keeps it" if state is State.COMPLETE else "not complete, as a newer one is",)
    )
