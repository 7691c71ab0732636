"""Is all well? The verdict on an account and a profile, in plain sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from wrikebackup_core.engine.prune import State
from wrikebackup_core.engine.prune.deciding import SKEW
from wrikebackup_core.engine.reporting.days import limit
from wrikebackup_core.engine.reporting.facts import AccountFacts, DrillFacts, Level, Remark, SinkFacts

__all__ = ["of_account", "of_drills", "of_sinks", "pace", "span", "worst"]

_GRAVEST_FIRST = (Level.BAD, Level.LOOK, Level.GOOD)
_LATE_FOR_GOOD = 3
"""So many usual waits without a complete backup are no delay any more."""

_FRESH = timedelta(days=7)
"""So old an only backup may become where nobody says how old."""


def worst(remarks: Iterable[Remark]) -> Level:
    return min((one.level for one in remarks), key=_GRAVEST_FIRST.index, default=Level.GOOD)


def span(time: timedelta) -> str:
    """`3 hours`, `8 days`: the largest unit of which there are two, rounded down."""
    seconds = time.total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (unit == "minute" and seconds >= length):
            number = int(seconds // length)
            return f"{number:,} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def pace(wait: timedelta) -> str:
    """What comes after `every`: `hour`, `day`, `3 days`."""
    for unit, length in (("week", 604800), ("day", 86400), ("hour", 3600)):
        if abs(wait.total_seconds() - length) <= length / 12:
            return unit
    return span(wait)


def of_account(account: AccountFacts, now: datetime, objective: timedelta | None) -> Iterator[Remark]:
    """What is to be said of one account, good things too."""
    complete = account.complete
    if not complete:
        if account.newest is None:
            yield Remark(Level.BAD, "There is no backup that can be read.", "`wrikebackup verify` says what is damaged")
        else:
            gaps = f"{account.newest.gaps:,} gap{'' if account.newest.gaps == 1 else 's'}"
            yield Remark(Level.BAD, f"No backup is complete: the newest has {gaps}.", "the gaps are named below")
    else:
        yield _age(complete[-1].started, account.usual, now, objective)
        since = [one for one in account.backups if one.uid > complete[-1].uid and one.state is State.PARTIAL]
        if since:
            gaps = f"{since[-1].gaps:,} gap{'' if since[-1].gaps == 1 else 's'}"
            many = "The newest backup is" if len(since) == 1 else f"The newest {len(since):,} backups are"
            yield Remark(Level.LOOK, f"{many} not complete: the last of them has {gaps}.", "the gaps are named below")
        yield from _copies(account, complete[-1].uid)
    for held in account.holdings:
        if held.unreadable:
            what = (
                f"{held.unreadable[0]} cannot be read"
                if len(held.unreadable) == 1
                else f"{len(held.unreadable):,} backups cannot be read"
            )
            yield Remark(Level.LOOK, f"{held.sink}: {what}.", "`wrikebackup verify` says what is damaged")
        if held.differing:
            what = f"{held.differing[0]} is not what another sink holds under that name"
            yield Remark(Level.BAD, f"{held.sink}: {what}.", "`wrikebackup verify` says which of them is whole")
        if held.rolled_back is not None:
            yield Remark(Level.BAD, f"{held.sink}: {held.rolled_back}.")
    for place in account.plan:
        if place.failed is not None:
            yield Remark(Level.LOOK, f"{place.sink}: no retention plan: {place.failed}.", place.hint)


def _age(last: datetime, usual: timedelta | None, now: datetime, objective: timedelta | None) -> Remark:
    if last > now + SKEW:
        return Remark(
            Level.LOOK,
            "The last complete backup is from the future.",
            "set the clock of this machine, or of the one that took it",
        )
    age = now - last
    text = f"The last complete backup is {span(max(age, timedelta()))} old"
    if objective is not None:
        kept = age <= objective
        return Remark(
            Level.GOOD if kept else Level.BAD,
            f"{text}; it is to be no older than {span(objective)}.",
            None if kept else "`wrikebackup doctor` says what is in the way",
        )
    most = limit(usual, None)
    if usual is None or most is None:
        if age <= _FRESH:
            return Remark(Level.GOOD, f"{text}.")
        hint = "an `objective` or a `schedule` in the profile says how old it may become"
        return Remark(Level.LOOK, f"{text}, and nothing says when the next one is due.", hint)
    if age <= most:
        return Remark(Level.GOOD, f"{text}.")
    level = Level.LOOK if age <= usual * _LATE_FOR_GOOD else Level.BAD
    return Remark(
        level,
        f"{text}; one came every {pace(usual)} before.",
        "see whether the timer runs; `wrikebackup doctor` says what is in the way",
    )


def _copies(account: AccountFacts, newest: str) -> Iterator[Remark]:
    """Whether every sink has the newest complete backup."""
    without = [held.sink for held in account.holdings if newest in held.lacking]
    for sink in without:
        yield Remark(
            Level.LOOK, f"{sink} does not have the last complete backup.", "`wrikebackup copy` brings it there"
        )
    if not without and len(account.holdings) > 1:
        many = "Both sinks have" if len(account.holdings) == 2 else f"All {len(account.holdings)} sinks have"
        yield Remark(Level.GOOD, f"{many} it.")


def of_sinks(sinks: Sequence[SinkFacts]) -> Iterator[Remark]:
    """Those that nothing is known of."""
    lost = [one for one in sinks if one.failed is not None]
    for one in lost:
        why = (one.failed or "").removeprefix(f"{one.name}: ").rstrip(".")
        yield Remark(
            Level.BAD if len(lost) == len(sinks) else Level.LOOK, f"{one.name} cannot be looked into: {why}.", one.hint
        )


def of_drills(drills: Sequence[DrillFacts]) -> Iterator[Remark]:
    for one in drills:
        if not one.good:
            what = "failed" if one.tried else "could not be done"
            words = f": {one.words}" if one.words else ""
            hint = one.hint or "`wrikebackup drill` tries it again"
            yield Remark(Level.BAD if one.tried else Level.LOOK, f"{one.sink}: the last drill {what}{words}.", hint)
