"""What a schedule may be, and when it fires."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import swept
from wrikebackup_core.schedule import Schedule, ScheduleError, longest_wait, next_runs

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
]


def runs(schedule: Schedule, after: datetime, count: int) -> list[str]:
    return [str(run) for run in itertools.islice(next_runs(schedule, after), count)]


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 0 30 2 *", "never fire"),
        ("0 0 31 4,6,9,11 *", "never fire"),
        ("0 0 31 feb *", "never fire"),
        ("", "five fields"),
        ("@daily", "five fields"),
        ("* * * *", "five fields"),
        ("0 0 0 * * *", "five fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 32 * *", "day of the month"),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of the week"),
        ("* * * * fri-mon", "day of the week"),
        ("*/0 * * * *", "minute"),
        ("5/10 * * * *", "minute"),
        ("0 0 L * *", "day of the month"),
        ("0 0 * * mon#2", "day of the week"),
        ("0 0 * * MONDAY", "day of the week"),
        ("*,5 * * * *", "minute"),
        ("0 0 */2 * 1", "do not agree"),
        ("-1 * * * *", "minute"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_hint(cron: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message) as caught:
        Schedule(cron)
    assert caught.value.hint


@pytest.mark.parametrize("zone", ["Mars/Phobos", "../../etc/passwd", "Europe", "", "Berlin"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ScheduleError, match="no such time zone"):
        Schedule("daily", zone)


def test_the_usual_ones_have_names() -> None:
    after = datetime(2026, 11, 27, 12, 0, 1, tzinfo=UTC)
    found = [runs(Schedule(name, "UTC"), after, 1)[0][:16] for name in ("hourly", "daily", "weekly", "monthly")]
    assert found == ["2026-11-27 13:00", "2026-11-28 00:00", "2026-11-29 00:00", "2026-12-01 00:00"]


def test_a_night_whose_hour_is_left_out_has_its_run_right_after() -> None:
    found = runs(Schedule("30 2 * * *", "Europe/Berlin"), datetime(2027, 3, 27, 12, tzinfo=BERLIN), 2)
    assert found == ["2027-03-28 03:00:00+02:00", "2027-03-29 02:30:00+02:00"]


def test_a_night_whose_hour_comes_twice_has_one_run() -> None:
    found = runs(Schedule("30 2 * * *", "Europe/Berlin"), datetime(2027, 10, 30, 12, tzinfo=BERLIN), 2)
    assert found == ["2027-10-31 02:30:00+02:00", "2027-11-01 02:30:00+01:00"]


def test_asked_within_the_hour_that_comes_twice_the_next_run_is_that_of_the_next_day() -> None:
    between = datetime(2027, 10, 31, 2, 10, tzinfo=BERLIN, fold=1)
    assert runs(Schedule("30 2 * * *", "Europe/Berlin"), between, 1) == ["2027-11-01 02:30:00+01:00"]


def test_what_runs_each_hour_runs_in_both_of_them() -> None:
    found = runs(Schedule("hourly", "Europe/Berlin"), datetime(2027, 10, 31, 1, 30, tzinfo=BERLIN), 3)
    assert found == ["2027-10-31 02:00:00+02:00", "2027-10-31 02:00:00+01:00", "2027-10-31 03:00:00+01:00"]


def test_a_leap_day_is_waited_for() -> None:
    schedule = Schedule("0 3 29 2 *", "UTC")
    assert runs(schedule, datetime(2026, 11, 27, tzinfo=UTC), 2) == [
        "2028-02-29 03:00:00+00:00",
        "2032-02-29 03:00:00+00:00",
    ]
    assert longest_wait(schedule, datetime(2095, 1, 1, tzinfo=UTC)) == timedelta(days=8 * 365 + 1)


@pytest.mark.parametrize(
    ("cron", "zone", "wait"),
    [
        ("daily", "UTC", timedelta(days=1)),
        ("daily", "Europe/Berlin", timedelta(hours=25)),
        ("hourly", "Europe/Berlin", timedelta(hours=1)),
        ("0 9-17 * * 1-5", "UTC", timedelta(days=2, hours=16)),
        ("*/5 * 1 1 *", "UTC", timedelta(days=365, minutes=5)),
        ("0 0 13 * 5", "UTC", timedelta(days=7)),
    ],
)
def test_the_longest_wait_between_two_runs_is_known(cron: str, zone: str, wait: timedelta) -> None:
    schedule = Schedule(cron, zone, timedelta(minutes=20))
    assert longest_wait(schedule, datetime(2026, 11, 27, tzinfo=UTC)) == wait + timedelta(minutes=20)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    values = st.integers(low, high)
    ranges = st.tuples(values, values).map(sorted).map(lambda two: f"{two[0]}-{two[1]}")
    return st.one_of(st.just("*"), st.lists(st.one_of(values.map(str), ranges), min_size=1, max_size=3).map(",".join))


MOMENTS = st.integers(0, 10 * 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
CRONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)


@given(CRONS, st.sampled_from(ZONES), MOMENTS)
def test_runs_go_up_fit_the_fields_and_are_never_further_apart_than_the_longest_wait(
    cron: str, zone: str, after: datetime
) -> None:
    schedule = Schedule(cron, zone)
    found = [after, *itertools.islice(next_runs(schedule, after), 12)]
    moments = [run.astimezone(UTC) for run in found]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert all(gap > timedelta(0) for gap in gaps)
    assert all(gap <= longest_wait(schedule, after) for gap in gaps[1:])
    fields = schedule.fields
    for run in found[1:]:
        moved = run.replace(tzinfo=None) in {
            run.replace(tzinfo=None).replace(minute=0),
            run.replace(tzinfo=None).replace(minute=30),
        }
        assert (run.minute in fields.minutes and run.hour in fields.hours) or moved  # after an hour that was left out
        assert run.month in fields.months


@pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")
def test_the_machines_own_zone_is_meant_where_none_is_named() -> None:
    """With the clock of a night in which an hour comes twice."""
    program = (
        "from datetime import datetime, UTC; from wrikebackup_core.schedule import Schedule, next_runs;"
        "print(next(next_runs(Schedule('30 2 * * *'), datetime.now(UTC))))"
    )
    with swept():
        done = subprocess.run(
            ["faketime", "-f", "@2027-10-30 20:00:00", sys.executable, "-c", program],
            env={**os.environ, "TZ": "Europe/Berlin", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert done.stdout.strip() == "2027-10-31 02:30:00+02:00"
