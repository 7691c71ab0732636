"""The transform `retain`, as the engine sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.retention import policies
from wrikebackup_core import Backup, Context, Transform
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import TransformContract
from wrikebackup_retention import RetainOptions

NEWEST = datetime(2026, 11, 24, 3, tzinfo=UTC)


class TestSeveralRules(TransformContract):
    @pytest.fixture
    def transform(self) -> Transform:
        return policies.transform("{last: 3, daily: 7, weekly: 5, monthly: all, within: 2d}")


class TestThisMachinesZone(TransformContract):
    @pytest.fixture
    def transform(self) -> Transform:
        return Plugins.load().make_transform("retain", RetainOptions(daily=7), Context(str))


def _daily(count: int, **complete: bool | None) -> list[Backup]:
    return [policies.backup(NEWEST - timedelta(days=day), **complete) for day in range(count)]


@pytest.mark.parametrize("complete", [False, None])
def test_what_is_not_complete_is_neither_kept_nor_counted(complete: bool | None) -> None:
    whole = _daily(10)
    partial = [policies.backup(NEWEST + timedelta(hours=hour), complete=complete) for hour in range(-200, 20, 7)]
    policy = policies.transform("{daily: 3}")
    now = NEWEST + timedelta(days=1)
    assert policy.keep([*partial, *whole], now) == policy.keep(whole, now)
    assert list(policy.keep(whole, now)) == [backup.uid for backup in whole[:3]]
    assert policy.keep(partial, now) == {}


def test_it_tells_each_reason() -> None:
    votes = policies.transform("{last: 1, daily: 2, within: 30h}").keep(_daily(3), NEWEST)
    assert list(votes.values()) == [
        "newest, last 1 of 1, daily 1 of 2 (2026-11-24), within 30 hours",
        "daily 2 of 2 (2026-11-23), within 30 hours",
    ]


@pytest.mark.parametrize("prune", [True, False])
def test_a_run_prunes_only_where_the_profile_says_so(prune: bool) -> None:
    transform = Plugins.load().make_transform("retain", RetainOptions(daily=7, prune=prune), Context(str))
    assert getattr(transform, "prunes", None) is prune


def test_it_changes_nothing_of_a_backup_and_needs_nothing_to_read_one() -> None:
    transform = policies.transform("{daily: 7}")
    assert (transform.suffix, transform.describe(), transform.hides_names) == ("", {}, False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows takes no zone from the environment")
@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland", "America/Los_Angeles"]
)
def test_without_a_zone_days_are_those_of_this_machine(zone: str) -> None:
    """Decided in a process whose clock is there: through changes of the clock the same as with the zone's name."""
    program = """
import sys
from tests.retention import policies
zone = sys.argv[1]
backups = list(map(policies.backup, policies.times("every 1h from 2026-09-20T00:00 to 2026-11-20T00:30")))
for rules in ("hourly: all", "daily: 99", "weekly: 30", "monthly: 9", "yearly: all", "within: 1m", "within: 8w", "within: 57d12h"):
    here = policies.transform(f"{{{rules}}}", zone=None)
    there = policies.transform(f"{{{rules}}}", zone=zone)
    now = backups[-1].started
    assert here.keep(backups, now) == there.keep(backups, now), rules
"""
    environment = {**os.environ, "TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, zone], env=environment, check=True, timeout=120)
