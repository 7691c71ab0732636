"""What happens in a profile's life, again and again, and what is to be told of it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

__all__ = ["AWAY", "BACK", "CHANGED", "FULL", "PERIOD", "REFUSED", "TOLD", "ZONE"]

ZONE = ZoneInfo("Europe/Berlin")  # 400 days have two changes of the clocks in them, or three
PERIOD = 40
"""Days, after which all of it comes again."""
AWAY = range(4, 11)
"""Wrike is not there for a week."""
FULL = (14, 15)
"""The second sink has no room."""
REFUSED = (20, 21)
"""Wrike refuses the token."""
CHANGED = (22, 23)
"""The signing key is another file."""
BACK = 30
"""The clock is a day back at first, so that it is day 29 once more."""

_SECOND, _LATE = "sink local:second", ["late local:first", "late local:second"]
TOLD: tuple[tuple[int, list[str], list[str]], ...] = (
    (4, ["run source"], []),
    (5, _LATE, []),
    (11, [], ["run source", *_LATE]),
    (14, [_SECOND], []),
    (15, ["late local:second"], []),
    (16, [], [_SECOND, "late local:second"]),
    (20, ["run unauthorized"], []),
    (21, _LATE, []),
    (22, ["run usage"], ["run unauthorized"]),
    (24, [], ["run usage", *_LATE]),
    (29, ["clock"], ["clock"]),
)
"""The day, what begins and what ends on it."""
