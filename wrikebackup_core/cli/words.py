"""Values as people read them. What comes from outside is made harmless to a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from wrikebackup_core.masking import masked
from wrikebackup_core.plurals import of_kind, plural, singular

__all__ = ["among", "clean", "count", "duration", "escaped", "local_time", "of_kind", "plural", "singular", "size"]

_JOINERS = "\u200c\u200d"  # parts of emoji and of several scripts
_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, direction marks, lone surrogates, line separators


def clean(text: str) -> str:
    """The text without secrets, and `escaped`."""
    return escaped(masked(text))


def escaped(text: str) -> str:
    """The text with everything escaped that could move the cursor, change colours, reverse the line or break it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _ESCAPED and char not in _JOINERS
        else char
        for char in text
    )


def count(number: int) -> str:
    return f"{number:,}"


def size(number: float) -> str:
    """Bytes in powers of 1000: `999 B`, `1.5 kB`, `488 MB`."""
    if number < 1000:
        return f"{number:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        number /= 1000
        if number < 999.5:
            return f"{number:.1f} {unit}" if number < 99.95 else f"{number:.0f} {unit}"
    return f"{number / 1000:,.1f} PB"


def duration(seconds: float, *, whole: bool = False) -> str:
    """`0.4 s` (`0 s` where whole seconds are asked for), `12 s`, `3 min 07 s`, `2 h 05 min`."""
    if seconds < 9.95 and not whole:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02} s"
    return f"{rounded // 3600:,} h {rounded % 3600 // 60:02} min"


def local_time(when: datetime) -> str:
    """To the minute, in the time zone of this machine."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def among(names: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 17 more`."""
    names = list(names)
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
