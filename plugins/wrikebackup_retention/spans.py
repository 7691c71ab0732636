"""Lengths of time as rules name them: `30d`, `1y6m`."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["Span"]

_WORDS = {"y": "year", "m": "month", "w": "week", "d": "day", "h": "hour"}
_TEXT = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _WORDS))
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """Years, months, weeks and days of the calendar, and hours of the clock."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0

    @classmethod
    def parse(cls, text: str) -> Span:
        """From numbers with their units, the longest first. Raises ValueError for anything else, and for no time at all."""
        found = _TEXT.fullmatch(text)
        if found is None or not text:
            raise ValueError(
                "must be a duration with its units, the longest first: y, m (months), w, d, h, such as 30d or 1y6m"
            )
        span = cls(*(int(number or 0) for number in found.groups()))
        if span == cls():
            raise ValueError("must be longer than no time at all, such as 30d or 1y6m")
        return span

    def before(self, moment: datetime, zone: tzinfo | None) -> datetime:
        """So long before a moment, UTC: the same time of day in the zone (None: this machine's), and the month's last day where it has
        no such day. 0001-01-01 where that is earlier than time can tell.
        """
        try:
            local = moment.astimezone(zone)
            month = 12 * (local.year - self.years) + local.month - 1 - self.months
            year, month = month // 12, month % 12 + 1
            day = min(local.day, calendar.monthrange(year, month)[1])
            wall = local.replace(year=year, month=month, day=day, tzinfo=zone) - timedelta(
                days=self.days, weeks=self.weeks
            )
            return wall.astimezone(UTC) - timedelta(hours=self.hours)
        except (OverflowError, ValueError, OSError):
            return _EARLIEST

    def __str__(self) -> str:
        """In words: `1 year 6 months`."""
        numbers = (self.years, self.months, self.weeks, self.days, self.hours)
        parts = zip(numbers, _WORDS.values(), strict=True)
        return " ".join(f"{number} {word}{'s' if number != 1 else ''}" for number, word in parts if number)
