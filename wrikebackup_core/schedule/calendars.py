"""A schedule as systemd and as crons write it. What fields let through is written out, so that no program reads steps its own way."""

from __future__ import annotations

from collections.abc import Sequence

from wrikebackup_core.schedule.expressions import Schedule

__all__ = ["calendar_events", "cron_fields"]

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ALL = {"minute": range(60), "hour": range(24), "day": range(1, 32), "month": range(1, 13), "weekday": range(7)}


def calendar_events(schedule: Schedule) -> list[str]:
    """Values of `OnCalendar=`. Two where it is enough that one of the two day fields fits."""
    fields = schedule.fields
    month = _listed(fields.months, _ALL["month"], "..")
    day = _listed(fields.days, _ALL["day"], "..")
    clock = f"{_listed(fields.hours, _ALL['hour'], '..')}:{_listed(fields.minutes, _ALL['minute'], '..')}:00"
    zone = f" {schedule.time_zone}" if schedule.time_zone else ""
    # By name, and Monday first, as systemd counts them.
    monday_first = [_DAYS[number % 7] for number in range(1, 8) if number % 7 in fields.weekdays]
    week = "" if len(monday_first) == len(_DAYS) else ",".join(monday_first) + " "
    if fields.either_day and week and day != "*":
        return [f"*-{month}-{day} {clock}{zone}", f"{week}*-{month}-* {clock}{zone}"]
    if fields.either_day:  # one of the two lets everything through
        return [f"*-{month}-* {clock}{zone}"]
    return [f"{week}*-{month}-{day} {clock}{zone}"]


def cron_fields(schedule: Schedule) -> str:
    """The five fields in numbers, lists and ranges."""
    given, fields = schedule.expression.split(), schedule.fields
    values = (fields.minutes, fields.hours, fields.days, fields.months, fields.weekdays)
    return " ".join(
        # Whether a day field is a star says how the two go together: only what is one is written as one.
        "*" if text == "*" else _listed(numbers, range(0), "-")
        for text, numbers in zip(given, values, strict=True)
    )


def _listed(numbers: Sequence[int], every: range, to: str) -> str:
    """`*`, or `1-5,10`."""
    if tuple(numbers) == tuple(every):
        return "*"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}{to}{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)
