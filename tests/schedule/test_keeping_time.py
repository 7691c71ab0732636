"""`wrikebackup schedule run`: a process that stays, with real backups and the clock of libfaketime, which goes faster than ours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

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
def start(tmp_path: Path) -> Start:
    """Starts `wrikebackup schedule run` at a moment, with a clock so many times as fast."""

    def begin(moment: str, speed: int, tasks: int = 20) -> subprocess.Popen[str]:
        text = PROFILE.replace("DIR", str(tmp_path)).replace("TASKS", str(tasks))
        (tmp_path / "acme.yaml").write_text(text, encoding="utf-8")
        program = str(Path(sys.executable).with_name("wrikebackup"))
        return subprocess.Popen(
            ["faketime", "-f", f"@{moment} x{speed}", program, "schedule", "run", "acme.yaml"],
            cwd=tmp_path,
            env={**os.environ, "TZ": "UTC"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return begin


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
    os.killpg(process.pid, signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 0, out
    return out


def test_the_night_of_the_change_of_clocks_has_its_backup_and_the_next_one_is_a_day_later(
    start: Start, tmp_path: Path
) -> None:
    process = start("2027-03-28 00:59:50", 1)  # at one o'clock in UTC, Berlin's clocks go from two to three
    until(lambda: bool(backups(tmp_path)))
    until(lambda: (tmp_path / "state/schedule/acme.last").exists())
    out = stop(process)
    assert backups(tmp_path)[0].startswith("20270328T0100")
    assert "acme: the next backup is at 2027-03-28 03:00:00 CEST" in out


def test_a_time_that_nobody_was_there_for_is_made_up_for(start: Start, tmp_path: Path) -> None:
    (tmp_path / "state/schedule").mkdir(parents=True)
    (tmp_path / "state/schedule/acme.last").write_text("1800000000\n")  # 15 January 2027
    process = start("2027-01-20 12:00:00", 1)
    until(lambda: bool(backups(tmp_path)))
    stop(process)
    assert len(backups(tmp_path)) == 1  # five nights, one backup


@pytest.mark.parametrize("note", ["garbage\n", "", "99999999999\n", "nan\n"])
def test_a_note_of_garbage_or_of_the_future_silences_nothing(start: Start, tmp_path: Path, note: str) -> None:
    (tmp_path / "state/schedule").mkdir(parents=True)
    (tmp_path / "state/schedule/acme.last").write_text(note)
    process = start("2027-01-20 01:29:50", 1)
    until(lambda: bool(backups(tmp_path)))
    stop(process)


def test_told_to_stop_in_the_middle_of_a_backup_it_stops_that_first_and_the_next_run_goes_on(
    start: Start, tmp_path: Path
) -> None:
    process = start("2027-01-20 01:29:58", 1, tasks=20_000)
    until(lambda: any(tmp_path.glob("state/*/spool.sqlite")))
    out = stop(process)
    assert "interrupted" in out
    assert out.rstrip().endswith("stopped")
    assert backups(tmp_path) == []
    again = start("2027-01-20 02:00:00", 1, tasks=20_000)
    assert "2027-01-21 02:30:00 CET" in stop_after(again, "the next backup")


def stop_after(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert text in line
    return line + stop(process)
