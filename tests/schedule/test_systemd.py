"""Units of systemd, read by systemd's own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from tests.schedule.errand import AWKWARD, errand
from wrikebackup_core.errors import UsageError
from wrikebackup_core.schedule import Schedule, next_runs
from wrikebackup_core.schedule.calendars import calendar_events
from wrikebackup_core.schedule.systemd import service, timer

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")

CRONS = (
    """
* * * * *|*/15 * * * *|0 */6 * * *|5,35 1-3 * * *|0-30/10 * * * *|30 2 * * 1|30 2 * * 0|30 2 * * 7|0 0 * * 5-7|0 0 * * mon-fri
0 0 1 * *|0 0 29 2 *|0 0 31 * *|0 0 13 * 5|0 0 1,15 * sun|0 0 1-31 * 1|0 0 1-31/2 * 1|0 0 */2 * *|0 0 * * */2|0 12 * jan,jul mon
0 0 1 1 *|59 23 31 12 *|1 2 3 4 5|0 9-17/2 * * 1-5|15,45 8-10,20 10-20 3,6,9-11 *|0 0 * * 0,6|0 0 28-31 2 *|hourly|daily|weekly|monthly
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", "/tmp")}
    return subprocess.run(
        ["systemd-analyze", *words], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def elapses(event: str, after: datetime, count: int) -> list[datetime]:
    base = f"{after:%Y-%m-%d %H:%M:%S} UTC"
    done = analyze("calendar", f"--iterations={count}", f"--base-time={base}", event)
    assert done.returncode == 0, done.stderr
    # One line for each: in local time, and where that is not UTC in UTC too.
    lines = re.findall(
        r"(?:Next elapse|Iteration? #\d+|Iter\. #\d+): \w+ (\S+ \S+) UTC(?:\n\s+\(in UTC\): \w+ (\S+ \S+) UTC)?",
        done.stdout,
    )
    return [datetime.strptime(second or first, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for first, second in lines]


@pytest.mark.parametrize("cron", CRONS)
def test_systemd_fires_when_the_schedule_does(cron: str) -> None:
    after, schedule = datetime(2027, 1, 30, 12, 0, 1, tzinfo=UTC), Schedule(cron, "UTC")
    found = sorted({moment for event in calendar_events(schedule) for moment in elapses(event, after, 20)})
    assert found[:20] == [run.astimezone(UTC) for run in islice(next_runs(schedule, after), 20)]


def test_systemd_knows_the_zone_of_the_schedule() -> None:
    [event] = calendar_events(Schedule("30 2 * * *", "America/New_York"))
    [moment] = elapses(event, datetime(2027, 7, 1, tzinfo=UTC), 1)
    assert moment == datetime(2027, 7, 1, 6, 30, tzinfo=UTC)


def written(where: Path, system: bool = True, **more: object) -> list[str]:
    one = errand(**more)
    (where / "wrikebackup-acme.service").write_text(service(one, system=system, user="daemon" if system else None))
    (where / "wrikebackup-acme.timer").write_text(timer(one))
    return [str(where / "wrikebackup-acme.service"), str(where / "wrikebackup-acme.timer")]


@pytest.mark.parametrize("system", [True, False])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, system: bool) -> None:
    units = written(
        tmp_path, system, state="/srv/my state", writes=("/srv/back ups %", '/srv/"q"'), folder="/srv/at 100%",
        credentials=("wrike-token",), variables=("WRIKE_TOKEN",),
    )  # fmt: skip
    done = analyze(*(() if system else ("--user",)), "verify", *units)
    own = [line for line in done.stderr.splitlines() if "wrikebackup" in line]
    assert (done.returncode, own) == (0, [])


@pytest.mark.parametrize("path", [path for path in AWKWARD if '"' not in path])
def test_any_path_reaches_the_program_as_it_is(tmp_path: Path, path: str) -> None:
    """A unit whose program is not there makes systemd name the program that it understood: here the path itself."""
    program = str(tmp_path / path.lstrip("/"))
    units = written(tmp_path, words=(program, "backup", path), writes=(path,), folder=path)
    missing = analyze("verify", units[0])
    assert f"Command {program} is not executable" in missing.stderr
    Path(program).parent.mkdir(parents=True)
    Path(program).write_text("#!/bin/sh\n")
    Path(program).chmod(0o755)
    there = analyze("verify", units[0])
    assert [line for line in there.stderr.splitlines() if "wrikebackup" in line] == []


def test_a_blank_that_is_no_ascii_is_written_byte_by_byte() -> None:
    text = service(errand(words=("/bin/echo", "/etc/a\u00a0b\u202fc\udcff.yaml")), system=True)
    assert r'ExecStart=:/bin/echo "/etc/a\xc2\xa0b\xe2\x80\xafc\xff.yaml"' in text


def test_a_program_that_systemd_does_not_run_is_refused() -> None:
    with pytest.raises(UsageError, match="quotes in its path"):
        service(errand(words=("/opt/it's/wrikebackup", "backup")), system=True)


def test_the_service_may_do_little(tmp_path: Path) -> None:
    """systemd's own mark: 0 is no exposure, 10 is all of it."""
    units = written(tmp_path, writes=("/srv/backups",))
    done = analyze("security", "--offline=true", "--threshold=20", units[0])
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_timer_makes_up_for_what_was_slept_through_and_spreads_the_load() -> None:
    text = timer(errand(schedule=Schedule("0 0 13 * 5", "Europe/Berlin", timedelta(minutes=20))))
    assert text.count("OnCalendar=") == 2
    assert "Persistent=true\nRandomizedDelaySec=1200\n" in text


def test_a_folder_that_is_gone_does_not_keep_the_run_from_beginning() -> None:
    """It tells who is to hear of it, and has its other sinks."""
    one = errand(state="/srv/state", writes=("/srv/backups", "/srv/back ups"), mounts=("/srv/backups",))
    text = service(one, system=True)
    assert 'ReadWritePaths=-/srv/state -/srv/backups "-/srv/back ups"\n' in text
    assert "RequiresMountsFor=/srv/backups\n" in text
    assert "RequiresMountsFor" not in service(errand(writes=("/srv/backups",)), system=True)


def test_the_service_sees_the_boot_id_by_which_leases_of_killed_runs_are_known() -> None:
    assert "ProcSubset" not in service(errand(), system=True)


def test_a_run_that_was_told_to_stop_has_not_failed() -> None:
    for system in (True, False):
        assert "SuccessExitStatus=130\n" in service(errand(), system=system)


def test_the_manager_of_a_user_is_told_where_credentials_are() -> None:
    one = errand(credentials=("wrike-token",))
    assert "LoadCredential=wrike-token\n" in service(one, system=True)
    assert "LoadCredential=wrike-token:%h/.config/credstore/wrike-token\n" in service(one, system=False)
