"""`schedule` and `min_interval` in a profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wrikebackup_core.cli.standings import freshness
from wrikebackup_core.errors import ProfileError
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile import Profile, effective, load
from wrikebackup_core.schedule import Schedule

BASE = "source: mock\nsinks:\n  - local: {path: /backups}\n"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load()


def loaded(folder: Path, plugins: Plugins, text: str) -> Profile:
    path = folder / "acme.yaml"
    path.write_text(BASE + text, encoding="utf-8")
    return load(path, plugins)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("schedule: daily", Schedule("daily")),
        ("schedule: 30 2 * * *", Schedule("30 2 * * *")),
        (
            'schedule: {cron: "30 2 * * *", time_zone: Europe/Berlin, random_delay: 20m}',
            Schedule("30 2 * * *", "Europe/Berlin", timedelta(minutes=20)),
        ),
        ("", None),
    ],
)
def test_a_schedule_is_a_text_or_a_mapping(tmp_path: Path, plugins: Plugins, text: str, meant: Schedule | None) -> None:
    assert loaded(tmp_path, plugins, text).schedule == meant


def test_the_profile_with_its_defaults_means_the_same(tmp_path: Path, plugins: Plugins) -> None:
    first = loaded(
        tmp_path, plugins, "schedule: {cron: hourly, time_zone: UTC, random_delay: 90s}\nmin_interval: 1d2h\n"
    )
    (tmp_path / "shown.yaml").write_text(effective(first), encoding="utf-8")
    again = load(tmp_path / "shown.yaml", plugins)
    assert (again.schedule, again.min_interval) == (first.schedule, timedelta(hours=26))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('schedule: "0 0 30 2 *"', "acme.yaml:4: schedule: can never fire"),
        ("schedule: fortnightly", "acme.yaml:4: schedule: must have five fields"),
        ("schedule: 5", "acme.yaml:4: schedule: must be text"),
        (
            "schedule:\n  cron: daily\n  time_zone: Berlin",
            "acme.yaml:6: schedule.time_zone: no such time zone is known",
        ),
        ("schedule:\n  time_zone: UTC", "acme.yaml:4: schedule.cron: is missing"),
        ("schedule:\n  cron: daily\n  delay: 5m", "acme.yaml:6: schedule.delay: unknown key"),
        (
            "schedule:\n  cron: daily\n  random_delay: 2d",
            "acme.yaml:4: schedule: the random delay must be a day at most",
        ),
        ("min_interval: 20", "acme.yaml:4: min_interval: must be a duration"),
        ("min_interval: soon", "acme.yaml:4: min_interval: must be a duration"),
        ("min_interval: 0h", "acme.yaml:4: min_interval: must be longer"),
        ("objective: 20h\nmin_interval: 20h", "acme.yaml:5: min_interval: is as long as the objective"),
        ("schedule: daily\nmin_interval: 24h", "acme.yaml:5: min_interval: is as long as the schedule's wait"),
        ("min_interval: 1d1h\nschedule: daily", "acme.yaml:4: min_interval: is as long as the schedule's wait"),
        ("schedule: 0 2 * * 1,4\nmin_interval: 3d", "acme.yaml:5: min_interval: is as long as the schedule's wait"),
        ("schedule: 0 1,23 * * *\nmin_interval: 2h", "acme.yaml:5: min_interval: is as long as the schedule's wait"),
        (
            "schedule: {cron: daily, random_delay: 4h}\nmin_interval: 20h",
            "acme.yaml:5: min_interval: is as long as the schedule's wait",
        ),
    ],
)
def test_mistakes_are_told_with_file_line_and_key(tmp_path: Path, plugins: Plugins, text: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, plugins, text)
    assert message in str(caught.value)
    assert not hasattr(caught.value, "problems")  # once, whatever the branches of the key


@pytest.mark.parametrize("number", ["12", "'12'"])
@pytest.mark.parametrize("key", ["objective", "min_interval", "schedule: {cron: daily, random_delay"])
def test_a_duration_without_a_unit_is_answered_with_the_unit(
    tmp_path: Path, plugins: Plugins, key: str, number: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, plugins, f"{key}: {number}{'}' if '{' in key else ''}")
    assert caught.value.hint == "a unit is missing: 12h for hours, 12m for minutes"


def test_a_schedule_that_never_fires_has_a_hint(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, plugins, 'schedule: "0 0 30 2 *"')
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "schedule: {cron: daily, random_delay: 3h}\nmin_interval: 20h",
        "schedule: hourly\nmin_interval: 20h",
        "schedule: 30 2,14 * * *\nmin_interval: 20h",
        "schedule: 0 0 29 2 *\nmin_interval: 4w",
    ],
)
def test_an_interval_that_passes_over_no_run_that_is_due_is_taken(tmp_path: Path, plugins: Plugins, text: str) -> None:
    assert loaded(tmp_path, plugins, text).min_interval


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("schedule: hourly", 3),
        ("schedule: hourly\nmin_interval: 20h", 26.25),
        ("schedule: daily\nmin_interval: 20h", 30),
        ("schedule: hourly\nmin_interval: 20h\nobjective: 22h", 22),
        ("min_interval: 20h", None),
    ],
)
def test_a_backup_that_min_interval_has_wait_is_not_late(
    tmp_path: Path, plugins: Plugins, text: str, hours: float | None
) -> None:
    found = freshness(loaded(tmp_path, plugins, text), datetime(2027, 1, 10, tzinfo=UTC))
    assert found == (None if hours is None else timedelta(hours=hours))
