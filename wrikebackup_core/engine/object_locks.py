"""Objects that a store refuses to delete until a date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import MAXYEAR, datetime

from wrikebackup_core.ports import Locking, Sink

__all__ = ["locks_of", "until"]


def locks_of(sink: Sink, keys: Sequence[str] | Iterator[str]) -> Mapping[str, datetime]:
    """Those of the keys that the store refuses to delete, and until when. An iterator is gone through only where stores do so at all.
    Raises SinkError."""
    return sink.locked(keys) if keys and isinstance(sink, Locking) else {}


def until(end: datetime | None) -> str:
    """When a lock ends, in words that fit after `locked`."""
    if end is None:
        return "until a date that the store does not tell"
    return "without an end" if end.year == MAXYEAR else f"until {end:%Y-%m-%d %H:%M} UTC"
