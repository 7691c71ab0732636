"""When a schedule fires: over changes of the clocks as Debian's cron has it, which runs once what falls into an hour that is left
out or comes twice, unless the schedule is for every hour or minute.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from cronsim import CronSim

from wrikebackup_core.schedule.expressions import Fields, Schedule

__all__ = ["longest_wait", "next_runs", "shortest_wait"]

_DAY = timedelta(days=1)
_ANY_DAY = date(2000, 1, 1)
_YEARS = 13  # from one 29 February to the next it can be eight, and the first is up to four away


def next_runs(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The moments at which it fires after that one, which has a zone, ever later, in the schedule's own zone and without the random
    delay. There is always a next one, up to the year 9999.
    """
    return _runs(schedule.expression, after.astimezone(schedule.zone))


def _runs(expression: str, local: datetime) -> Iterator[datetime]:
    zone, last = local.tzinfo, local
    # Begun a day earlier: the library takes the wall clock, and of an hour that comes twice the first.
    for found in CronSim(expression, local - _DAY):
        run = found.astimezone(UTC).astimezone(zone)
        if run.astimezone(UTC) > last.astimezone(UTC):
            yield run
            last = run


def longest_wait(schedule: Schedule, after: datetime) -> timedelta:
    """The longest time between two runs, of those of the thirteen years after that moment, with the random delay of the later one."""
    local = after.astimezone(schedule.zone)
    return _longest(schedule.expression, schedule.fields, local.date(), schedule.zone) + schedule.random_delay


def shortest_wait(schedule: Schedule) -> timedelta:
    """The shortest time between two runs by the clock on the wall, changes of the clocks and the random delay left aside."""
    return _shortest(schedule.fields)


@lru_cache(maxsize=64)
def _shortest(fields: Fields) -> timedelta:
    clock = [timedelta(hours=hour, minutes=minute) for hour in fields.hours for minute in fields.minutes]
    over_night, waits = clock[0] - clock[-1], [later - earlier for earlier, later in itertools.pairwise(clock)]
    before: int | None = None
    for number in range(366 * _YEARS):
        if _fits(_ANY_DAY + timedelta(days=number), fields):
            if before is not None:
                waits.append(over_night + (number - before) * _DAY)
                if number - before == 1:
                    break  # it cannot be shorter
            before = number
    return min(waits)


@lru_cache(maxsize=64)
def _longest(expression: str, fields: Fields, start: date, zone: tzinfo) -> timedelta:
    clock = [timedelta(hours=hour, minutes=minute) for hour in fields.hours for minute in fields.minutes]
    longest = max((later - earlier for earlier, later in itertools.pairwise(clock)), default=timedelta(0))
    before: date | None = None
    for number in range(366 * _YEARS):
        day = start + timedelta(days=number)
        if not _fits(day, fields):
            continue
        if before is not None:
            by_the_wall = day - before + clock[0] - clock[-1]
            # Else it is as long as that, or shorter where the clocks leave out the later moment.
            if by_the_wall > longest or _offset(before, clock[-1], zone) != _offset(day, clock[0], zone):
                longest = max(longest, _moment(day, clock[0], zone) - _moment(before, clock[-1], zone))
        if number < 2 * 366 and _clocks_change(day, zone):
            longest = max(longest, _longest_around(expression, day, zone))
        before = day
    return longest


def _longest_around(expression: str, day: date, zone: tzinfo) -> timedelta:
    """Of the runs from the day before to the day after."""
    first = datetime.combine(day - _DAY, time(), zone)
    last = datetime.combine(day + 2 * _DAY, time(), UTC)
    runs = itertools.takewhile(lambda run: run.astimezone(UTC) < last, _runs(expression, first))
    moments = (run.astimezone(UTC) for run in runs)
    return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=timedelta(0))


def _fits(day: date, fields: Fields) -> bool:
    if day.month not in fields.months:
        return False
    by_month, by_week = day.day in fields.days, day.isoweekday() % 7 in fields.weekdays
    return by_month or by_week if fields.either_day else by_month and by_week


def _clocks_change(day: date, zone: tzinfo) -> bool:
    midnight = datetime.combine(day, time(), zone)
    return midnight.utcoffset() != datetime.combine(day + _DAY, time(), zone).utcoffset()


def _offset(day: date, clock: timedelta, zone: tzinfo) -> timedelta | None:
    return (datetime.combine(day, time(), zone) + clock).utcoffset()


def _moment(day: date, clock: timedelta, zone: tzinfo) -> datetime:
    """UTC. A time that the clocks leave out is the first after it that they show."""
    wall = datetime.combine(day, time()) + clock
    while (moment := wall.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != wall:
        wall += timedelta(minutes=1)
    return moment
