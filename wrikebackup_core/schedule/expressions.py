"""A schedule as it is written: five fields of cron, or the name of a usual one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from wrikebackup_core.zones import machine_zone, time_zone

__all__ = ["NAMES", "Fields", "Schedule", "ScheduleError"]

NAMES = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 0", "monthly": "0 0 1 * *"}
"""As cron itself has them: on the hour, at midnight, in the night to Sunday, in the night to the first."""

LONGEST_DELAY = timedelta(days=1)
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_SHAPE = 'write five fields, minute hour day month weekday, such as "30 2 * * *", or hourly, daily, weekly or monthly'
_NEVER = ("can never fire: no month that it names has such a day", "see its days and months")
_STEP, _VALUE = r"(?:/[0-9]{1,2})", r"(?:[0-9]{1,2}|[A-Za-z]{3})"
_ITEM = rf"{_VALUE}(?:-{_VALUE}{_STEP}?)?"
_FIELD = re.compile(rf"\*{_STEP}?|{_ITEM}(?:,{_ITEM})*")
_ANY = datetime(2000, 1, 1, tzinfo=UTC)
_MONTHS_OF_30, _FEBRUARY = frozenset({4, 6, 9, 11}), 2


class ScheduleError(ValueError):
    """What is wrong with a schedule, and what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Fields:
    """What each field lets through, sorted; Sunday is 0. `either_day`: it is enough that one of the two day fields fits."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool


@dataclass(frozen=True)
class Schedule:
    """A checked schedule. Raises ScheduleError for one that cannot be made out, or can never fire.

    `cron` is an expression or one of `NAMES`, `time_zone` an IANA name (None: this machine's own), and each run is put off by a random
    part of `random_delay`, so that not everybody asks Wrike at the same second.
    """

    cron: str
    time_zone: str | None = None
    random_delay: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.time_zone is not None:
            try:
                time_zone(self.time_zone)
            except ValueError as error:
                raise ScheduleError(*str(error).split("; ", 1)) from None
        if self.random_delay > LONGEST_DELAY:
            raise ScheduleError("the random delay must be a day at most")
        _check(self.expression)
        if _never(self.fields):
            raise ScheduleError(*_NEVER)

    @property
    def expression(self) -> str:
        """The five fields, with one blank between them."""
        return " ".join(NAMES.get(self.cron, self.cron).split())

    @cached_property
    def fields(self) -> Fields:
        try:
            parsed = CronSim(self.expression, _ANY)
        except CronSimError as error:
            raise _complaint(self.expression, error) from None
        of_week = {day % 7 for day in parsed.weekdays if isinstance(day, int)}
        minutes, hours, days, months, weekdays = (
            tuple(sorted(one)) for one in (parsed.minutes, parsed.hours, parsed.days, parsed.months, of_week)
        )
        return Fields(minutes, hours, days, months, weekdays, either_day=not parsed.day_and)

    @property
    def zone(self) -> ZoneInfo:
        """The zone it is in, this machine's own where it names none."""
        return machine_zone() if self.time_zone is None else time_zone(self.time_zone)


def _check(expression: str) -> None:
    """What some crons take for granted and others refuse is refused."""
    given = expression.split()
    if len(given) != len(_FIELDS):
        hint = f"write {given[0][1:]} alone" if given and given[0][1:] in NAMES and given[0][0] == "@" else _SHAPE
        raise ScheduleError(f"must have five fields, and has {len(given)}", hint)
    for name, field in zip(_FIELDS, given, strict=True):
        if not _FIELD.fullmatch(field):
            hint = (
                "numbers and names, lists (1,15), ranges (1-5) and steps (*/15, 0-30/10) are understood by every cron"
            )
            raise ScheduleError(f"the {name} cannot be made out", hint)
    day, weekday = given[2], given[4]
    if (day.startswith("*/") and weekday != "*") or (weekday.startswith("*/") and day != "*"):
        hint = "leave one of the two a plain *, or write the steps as a range: 1-31/2"
        raise ScheduleError("crons do not agree what steps of one day field mean beside another day field", hint)


def _complaint(expression: str, error: CronSimError) -> ScheduleError:
    minute, hour, day, _, weekday = expression.split()
    try:  # the library says the same of a day that is none and of one that its months lack
        CronSim(f"{minute} {hour} {day} * {weekday}", _ANY)
    except CronSimError:
        pass
    else:
        if str(error) == "Bad day-of-month":
            return ScheduleError(*_NEVER)
    name = str(error).removeprefix("Bad ").replace("day-of-", "day of the ")
    ranges = "minutes are 0-59, hours 0-23, days 1-31, months 1-12, weekdays 0-7 (0 and 7 are Sunday)"
    return ScheduleError(f"the {name} cannot be made out", f"{ranges}; ranges go up, such as 1-5")


def _never(fields: Fields) -> bool:
    return not fields.either_day and not any(
        day <= (29 if month == _FEBRUARY else 30 if month in _MONTHS_OF_30 else 31)
        for month in fields.months
        for day in fields.days
    )
