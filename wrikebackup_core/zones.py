"""Time zones by their IANA names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["machine_zone", "time_zone"]


def time_zone(name: str) -> ZoneInfo:
    """The zone of this name. Raises ValueError, with the nearest known names and without the one that was given."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; no name at all; a folder of names
        raise ValueError(f"no such time zone is known; {_nearest(name)}") from None


def _nearest(name: str) -> str:
    import difflib
    from zoneinfo import available_timezones

    known = available_timezones() - {"Factory", "localtime"}  # of this machine's database, and no places
    if not known:
        return "this machine has no database of them, which `pip install tzdata` brings"
    # A place may be meant by itself, as in Berlin.
    spelt = {form.casefold(): zone for zone in sorted(known) for form in (zone.rpartition("/")[2], zone)}
    meant = name.casefold().replace(" ", "_")
    found = [meant] if meant in spelt else difflib.get_close_matches(meant, spelt, n=3, cutoff=0.6)
    if not found:
        return "they are called like Europe/Berlin, America/New_York or UTC"
    return f"did you mean {', '.join(dict.fromkeys(spelt[form] for form in found))}?"


def machine_zone() -> ZoneInfo:
    """This machine's own, as the environment variable TZ or its files name it; UTC where they name none."""
    import warnings
    from zoneinfo import ZoneInfo

    import tzlocal

    with warnings.catch_warnings(action="ignore"):  # that two files of the machine disagree is no matter of ours
        try:
            return tzlocal.get_localzone()
        except (LookupError, OSError, ValueError):
            return ZoneInfo("UTC")
