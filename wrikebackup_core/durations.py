"""Lengths of time as profiles name them: `20h`, `1d12h`, `90m`."""

from __future__ import annotations

import re
from datetime import timedelta

__all__ = ["duration"]

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_TEXT = re.compile("".join(rf"(?:([0-9]{{1,6}}){unit})?" for unit in _UNITS))


def duration(text: str) -> timedelta:
    """`2w`, `1d12h`, `90m`, `30s`: weeks, days, hours, minutes and seconds, the longest first. Raises ValueError."""
    found = _TEXT.fullmatch(text)
    if found is None or not text:
        raise ValueError("must be a duration such as 24h, 1d12h, 90m or 30s")
    numbers = (int(number or 0) for number in found.groups())
    return timedelta(**dict(zip(_UNITS.values(), numbers, strict=True)))
