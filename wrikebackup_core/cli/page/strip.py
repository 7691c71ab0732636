"""The calendar: a square for each day, a column for each week, one path for all days of a kind, so that years of them stay small. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from wrikebackup_core.engine.reporting.facts import Day, Mark

__all__ = ["Strip", "strips"]

_STEP, _CELL = 15, 12  # pixels: from square to square, and of a square
_TOP = 18
_MOST_ROWS = 12
_WEEKS = {"wide": 54, "narrow": 20}


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of weeks. `paths` by mark, `months` with their places."""

    title: str
    width: int
    height: int
    paths: dict[str, str]
    months: tuple[tuple[int, str], ...]


def strips(days: Sequence[Day], size: str) -> list[Strip]:
    """Rows of so many weeks as fit, the newest last; at most twelve of them."""
    if not days:
        return []
    rows = list(_rows(days, _WEEKS[size]))[-_MOST_ROWS:]
    return [_strip(row, _WEEKS[size]) for row in rows]


def _rows(days: Sequence[Day], weeks: int) -> Iterator[list[Day]]:
    """From the last week backwards, so that the newest row is full."""
    last = days[-1].day
    end = last + timedelta(days=6 - last.weekday())
    parts = defaultdict[int, list[Day]](list)
    for day in days:
        parts[(end - day.day).days // (7 * weeks)].append(day)
    for number in sorted(parts, reverse=True):
        yield parts[number]


def _strip(days: Sequence[Day], weeks: int) -> Strip:
    monday = days[0].day - timedelta(days=days[0].day.weekday())
    pieces = defaultdict[str, list[str]](list)
    months: list[tuple[int, str]] = []
    for day in days:
        x, y = (day.day - monday).days // 7 * _STEP, _TOP + day.day.weekday() * _STEP
        pieces[day.mark.value].append(_square(x, y, day.mark))
        if (day.day.day <= 7 and day.day.weekday() == 0) and x < (weeks - 2) * _STEP:
            months.append((x, _month(day.day)))
    if not months or months[0][0] > 3 * _STEP:
        months.insert(0, (0, f"{days[0].day:%b %Y}"))
    columns = (days[-1].day - monday).days // 7 + 1
    title = f"{days[0].day:%d %B %Y} to {days[-1].day:%d %B %Y}"
    return Strip(
        title, max(columns * _STEP, 60), _TOP + 7 * _STEP, {m: "".join(p) for m, p in pieces.items()}, tuple(months)
    )


def _month(day: date) -> str:
    return f"{day:%b %Y}" if day.month == 1 else f"{day:%b}"


def _square(x: int, y: int, mark: Mark) -> str:
    """Told apart by form too: whole, half, with a cross, a frame, a dot, a line."""
    if mark is Mark.COMPLETE:
        return f"M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z"
    if mark is Mark.PARTIAL:
        return f"M{x} {y + _CELL}v-{_CELL}h{_CELL}z"
    if mark is Mark.MISSING:
        return f"M{x + 1} {y + 1}h{_CELL - 2}v{_CELL - 2}h-{_CELL - 2}z"
    if mark is Mark.UNREADABLE:
        return f"M{x + 1} {y + 1}l{_CELL - 2} {_CELL - 2}m0 -{_CELL - 2}l-{_CELL - 2} {_CELL - 2}"
    if mark is Mark.PRUNED:
        return f"M{x + 3} {y + _CELL // 2}h{_CELL - 6}"
    return f"M{x + 5} {y + 5}h2v2h-2z"
