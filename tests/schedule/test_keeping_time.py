"""`wrikebackup schedule run`: a process that stays, with real backups and the clock of libfaketime, which goes faster than ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clocks import swept
from wrikebackup_core.cli import keeping_time
from wrikebackup_core.schedule import Schedule, next_runs

pytestmark = pytest.mark.skipif(
    shutil.which("faketime") is None or not Path(sys.executable).with_name("wrikebackup").exists(),
    reason="needs faketime, and the program installed",
)
PROFILE = """
name: acme
source: {mock: {tasks: TASKS}}
state: DIR/state
schedule: {cron: "30 2 * * *", time_zone: Europe/Berlin}
sinks:
  - local: {path: DIR/backups}
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `wrikebackup schedule run` at a moment. Each process begins at it, the backups too."""
    # Not by way of the program faketime, which would stand between us and the signal.
    library = subprocess.run(
        ["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )

    def begin(moment: str, tasks: int = 20, more: str = "") -> subprocess.Popen[str]:
        text = (PROFILE + more).replace("DIR", str(tmp_path)).replace("TASKS", str(tasks))
        (tmp_path / "acme.yaml").write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("wrikebackup")), "schedule", "run", "acme.yaml"],
            cwd=tmp_path,
            env={**os.environ, "TZ": "UTC", "LD_PRELOAD": library.stdout.strip(), "FAKETIME": f"@{moment}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        return process

    begun: list[subprocess.Popen[str]] = []
    with swept():
        yield begin
        for process in begun:
            process.kill()  # where the test has not come to its end
            process.communicate()


def until(condition: Callable[[], bool]) -> None:
    """However busy the machine is; a minute is for ever."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come to that")


def backups(folder: Path) -> list[str]:
    return sorted(path.parent.name[7:] for path in folder.glob("backups/account-*/backup-*/manifest.json"))


def stop(process: subprocess.Popen[str]) -> str:
    process.terminate()
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 0, out
    return out


def test_the_night_of_the_change_of_clocks_has_its_backup_and_the_next_one_is_a_day_later(
    start: Start, tmp_path: Path
) -> None:
    process = start("2027-03-28 00:59:57")  # at one o'clock in UTC, Berlin's clocks go from two to three
    until(lambda: bool(backups(tmp_path)))
    until((tmp_path / "state/schedule/acme.last").exists)
    out = stop(process)
    assert "acme: the next backup is at 2027-03-28 03:00:00 CEST" in out


def test_a_time_that_nobody_was_there_for_is_made_up_for(start: Start, tmp_path: Path) -> None:
    (tmp_path / "state/schedule").mkdir(parents=True)
    (tmp_path / "state/schedule/acme.last").write_text("1800000000\n")  # 15 January 2027
    process = start("2027-01-20 12:00:00")
    until(lambda: bool(backups(tmp_path)))
    stop(process)
    assert len(backups(tmp_path)) == 1  # five nights, one backup


@pytest.mark.parametrize("note", ["garbage\n", "", "99999999999\n", "nan\n"])
def test_a_note_of_garbage_or_of_the_future_silences_nothing(start: Start, tmp_path: Path, note: str) -> None:
    (tmp_path / "state/schedule").mkdir(parents=True)
    (tmp_path / "state/schedule/acme.last").write_text(note)
    process = start("2027-01-20 01:29:57")
    until(lambda: bool(backups(tmp_path)))
    stop(process)


def test_told_to_stop_in_the_middle_of_a_backup_it_stops_that_first_and_the_next_run_goes_on(
    start: Start, tmp_path: Path
) -> None:
    process = start("2027-01-20 01:29:58", tasks=8_000)
    until(lambda: any(tmp_path.glob("state/*/spool.sqlite")))
    out = stop(process)
    assert "interrupted" in out
    assert out.rstrip().endswith("stopped")
    assert backups(tmp_path) == []
    again = start("2027-01-20 02:00:00", tasks=8_000)
    assert again.stdout is not None
    found = next(line for line in again.stdout if "unfinished backup" in line or "next backup is at 2027-01-21" in line)
    assert "going on with the unfinished backup" in found
    stop(again)


def test_a_start_is_noted_no_later_than_it_was(tmp_path: Path) -> None:
    """Half a second before the moment is not the moment: after a restart, that backup would never be taken."""
    last = datetime(2027, 1, 20, 1, 29, 59, 600_000, tzinfo=UTC)
    schedule = Schedule("30 2 * * *", "Europe/Berlin")
    due = keeping_time._Due(tmp_path / "acme.yaml", "acme", schedule, tmp_path / "state" / "acme.last", last, last)
    keeping_time._note(due)
    noted = keeping_time._noted(due.note)
    assert noted is not None
    assert next(next_runs(schedule, noted)).astimezone(UTC) == datetime(2027, 1, 20, 1, 30, tzinfo=UTC)


def test_told_to_stop_while_it_waits_it_stops(start: Start) -> None:
    process = start("2027-01-20 12:00:00")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "acme: the next backup is at 2027-01-21 02:30:00 CET\n"
    assert stop(process).endswith("stopped\n")


def test_a_profile_with_monitors_is_looked_at_every_hour(start: Start, tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="the extra metrics is not installed")
    process = start("2027-01-20 12:16:58", more="monitors:\n  - prometheus: {textfile: DIR/acme.prom}\n")
    until((tmp_path / "acme.prom").exists)
    stop(process)
    assert backups(tmp_path) == []
