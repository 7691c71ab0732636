"""Which days have a backup, and what is known of those that have none. Pure.

A day without a backup may be one on which none was due, or one that a prune has taken since, or one that was missed. A manifest names the
backup that was the newest when it was begun: that tells the last two apart, also after years of pruning.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from wrikebackup_core.engine.prune import State
from wrikebackup_core.engine.reporting.facts import Day, Mark, Taken
from wrikebackup_core.format import layout

__all__ = ["calendar", "limit", "usual_wait"]

_INTERVALS = 30
_ROUND_ABOUT = timedelta(hours=36)  # after a daily backup, whatever the hour
_MARKS = {State.COMPLETE: Mark.COMPLETE, State.PARTIAL: Mark.PARTIAL, State.UNREADABLE: Mark.UNREADABLE}
_BEST_FIRST = tuple(_MARKS.values())
_Span = tuple[datetime, datetime]


def usual_wait(backups: Sequence[Taken]) -> timedelta | None:
    """The median of the latest waits between one backup and the next that was taken; None where that cannot be told."""
    waits = [later.started - _before(earlier, later) for earlier, later in pairwise(backups)]
    known = [one for one in waits if one > timedelta()][-_INTERVALS:]
    return timedelta(seconds=statistics.median(one.total_seconds() for one in known)) if known else None


def limit(usual: timedelta | None, objective: timedelta | None) -> timedelta | None:
    """By how long after a backup the next one is missed."""
    if objective is not None:
        return objective
    return None if usual is None else max(usual * 1.5, _ROUND_ABOUT)


def calendar(
    backups: Sequence[Taken],
    now: datetime,
    usual: timedelta | None,
    objective: timedelta | None = None,
    *,
    pruned: bool,
    zone: tzinfo | None = None,
) -> Iterator[Day]:
    """Every day from the first backup to today, by the clock of `zone` (None: this machine's). `pruned`: backups may have been deleted that
    no manifest tells of, as those of older versions do not. A wait is too long by `limit`; in one, those days are missed on which the next
    backup was due already."""
    if not backups:
        return
    due, most = objective or usual, limit(usual, objective)
    found, gone, unknown = defaultdict[date, list[Mark]](list), set[date](), list[_Span]()
    for one in backups:
        found[one.started.astimezone(zone).date()].append(_MARKS[one.state])
    known = [one.started for one in backups]
    for earlier, later in pairwise(backups):
        before = _before(earlier, later)
        if before > earlier.started:  # a backup that is there no more
            known.append(before)
            gone.add(before.astimezone(zone).date())
            unknown.append((earlier.started, before))
        elif later.previous is None and pruned:
            unknown.append((earlier.started, later.started))
    known.sort()
    day, today, at = backups[0].started.astimezone(zone).date(), now.astimezone(zone).date(), 0
    while day <= max(today, backups[-1].started.astimezone(zone).date()):
        begins, ends = _midnight(day, zone), min(_midnight(day + timedelta(days=1), zone), max(now, known[-1]))
        while at + 1 < len(known) and known[at + 1] < ends:
            at += 1
        if day in found:
            yield Day(day, min(found[day], key=_BEST_FIRST.index), len(found[day]))
        elif day in gone or any(start < ends and end > begins for start, end in unknown):
            yield Day(day, Mark.PRUNED)
        else:
            until = known[at + 1] if at + 1 < len(known) else max(now, ends)
            late = due is not None and most is not None and until - known[at] > most and ends > known[at] + due
            yield Day(day, Mark.MISSING if late else Mark.IDLE)
        day += timedelta(days=1)


def _before(earlier: Taken, later: Taken) -> datetime:
    """When the backup was begun that `later` came after: `earlier`, or one between them that is there no more."""
    told = None if later.previous is None else layout.started(later.previous)
    return earlier.started if told is None or not earlier.started < told < later.started else told


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    at = datetime.combine(day, time(), zone)
    return at if zone is not None else at.astimezone()
