"""Reports made by hand, for tests of monitors: a good run, one with a trouble, its end, a look without a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from wrikebackup_core.monitors import Ran, Report, SinkStanding, Standing, Trouble

__all__ = ["NASTY", "NOW", "bad_report", "good_report", "look", "over_report", "trouble"]

NOW = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)
NASTY = 'a "sink"\n\\with <b>markup</b> & \x1b[31mcolour'


def good_report(profile: str = "example") -> Report:
    """Of a run that got everything."""
    sink = SinkStanding(
        "local:/backups",
        backups=3,
        newest=NOW - timedelta(minutes=12),
        newest_complete=NOW - timedelta(minutes=12),
        complete_uid="20261127T030000Z-7f3a9c",
        counts={"tasks": 1200, "comments": 3400},
        attachments=56,
        attachment_bytes=7_800_000,
        locked_until=NOW + timedelta(days=30),
    )
    run = Ran(
        NOW - timedelta(minutes=12),
        NOW,
        0,
        "complete",
        "IEAAAEDY",
        "20261127T030000Z-7f3a9c",
        complete=True,
        counts={"tasks": 1200, "comments": 3400},
        attachments_total=56,
        attachments_new=4,
        attachments_bytes=7_800_000,
        bytes_new=512_000,
        sinks={"local:/backups": None},
    )
    standing = Standing(
        profile, NOW, "vault", "IEAAAEDY", [sink], (), timedelta(hours=26), run, NOW + timedelta(hours=24)
    )
    return Report(standing, run, log=["03:00 crawling", "03:12 done"])


def trouble(identity: str = "run", text: str = "the last run failed: no space left") -> Trouble:
    return Trouble(identity, text, NOW - timedelta(hours=3), "make room, or add a sink")


def bad_report(profile: str = "example", *troubles: Trouble) -> Report:
    """Of a run that failed without a backup, while the sink could not be looked at."""
    good, found = good_report(profile), troubles or (trouble(), trouble(f"sink {NASTY}", f"the sink {NASTY} is away"))
    run = Ran(
        NOW - timedelta(minutes=1), NOW, 1, "no space left", sinks={"local:/backups": "no space left"}, hint="make room"
    )
    standing = replace(
        good.standing,
        sinks=[SinkStanding("local:/backups", problem="it does not answer")],
        troubles=found,
        last_run=run,
        account_id=None,
    )
    return Report(standing, run, begun=found, log=["03:11 crawling", "03:12 no space left"])


def over_report(profile: str = "example") -> Report:
    """Of a good run after a bad one."""
    return replace(good_report(profile), over=(trouble(),))


def look(profile: str = "example") -> Report:
    """Without a run, of a profile that has no backup at all and that nobody has run."""
    sink = SinkStanding("local:/backups")
    return Report(Standing(profile, NOW, "vault", None, [sink]))
