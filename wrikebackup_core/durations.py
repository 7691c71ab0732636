"""Lengths of time as profiles name them: `20h`, `1d12h`, `90m`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

__all__ = ["Duration", "duration"]

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_TEXT = re.compile("".join(rf"(?:([0-9]{{1,6}}){unit})?" for unit in _UNITS))


class _NoDuration(ValueError):
    """`hint` is for whoever wrote a number and no unit: to YAML that is no text, and quotes would be no help."""

    def __init__(self, given: str) -> None:
        super().__init__("must be a duration such as 24h, 1d12h, 90m or 30s")
        plain = re.fullmatch("[0-9]{1,6}", given)
        self.hint = f"a unit is missing: {given}h for hours, {given}m for minutes" if plain else None


def duration(text: str) -> timedelta:
    """`2w`, `1d12h`, `90m`, `30s`: weeks, days, hours, minutes and seconds, the longest first. Raises ValueError."""
    found = _TEXT.fullmatch(text)
    if found is None or not text:
        raise _NoDuration(text)
    numbers = (int(number or 0) for number in found.groups())
    return timedelta(**dict(zip(_UNITS.values(), numbers, strict=True)))


def _written(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise _NoDuration(str(value))
    return value


def _legible(text: str) -> str:
    duration(text)
    return text


Duration = Annotated[str, BeforeValidator(_written), AfterValidator(_legible)]
"""The text of a duration, in the options of a plugin: what `duration` cannot read is refused, with a hint where its unit is missing."""
