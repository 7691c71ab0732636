"""`min_interval`: a run that is not due ends at once, and nothing silences backups for ever. With real runs, and clocks of libfaketime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clocks import swept

pytestmark = pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")

PROFILE = """
name: acme
source: {mock: {tasks: 20}}
state: STATE
min_interval: 20h
sinks:
  - local: {path: FIRST}
  - local: {path: SECOND}
"""
PROGRAM = "import sys; from wrikebackup_core.cli.program import run; sys.exit(run(sys.argv[1:]))"
At = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    """Runs `wrikebackup` with that clock."""
    text = PROFILE.replace("STATE", str(tmp_path / "state"))
    text = text.replace("FIRST", str(tmp_path / "first")).replace("SECOND", str(tmp_path / "second"))
    (tmp_path / "acme.yaml").write_text(text, encoding="utf-8")

    def call(moment: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["faketime", "-f", f"@{moment}", sys.executable, "-c", PROGRAM, *(words or ("backup", "acme.yaml"))],
            cwd=tmp_path,
            env={**os.environ, "TZ": "UTC", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    with swept():
        yield call


def backups(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("account-*/backup-*/manifest.json"))


def test_a_run_that_is_not_due_says_so_in_one_line_and_one_that_is_due_or_forced_runs(at: At, tmp_path: Path) -> None:
    assert at("2027-01-10 02:00:00").returncode == 0
    early = at("2027-01-10 21:59:00")
    assert (early.returncode, early.stderr) == (0, "")
    [line] = early.stdout.splitlines()
    assert line.startswith("acme: not due: every sink has a complete backup, 20270110T02000")
    assert len(backups(tmp_path / "first")) == 1
    assert at("2027-01-10 21:59:00", "backup", "-q", "acme.yaml").stdout == ""
    told = json.loads(at("2027-01-10 21:59:00", "backup", "--json", "acme.yaml").stdout)
    assert (told["event"], told["exit_code"], told["min_interval"]) == ("not_due", 0, 72000)
    assert at("2027-01-10 22:01:00").returncode == 0
    assert len(backups(tmp_path / "second")) == 2
    assert at("2027-01-10 22:05:00", "backup", "acme.yaml", "--force").returncode == 0
    assert len(backups(tmp_path / "second")) == 3


def test_a_sink_that_lacks_the_backup_has_it_made_whatever_this_host_remembers(at: At, tmp_path: Path) -> None:
    at("2027-01-10 02:00:00")
    shutil.rmtree(tmp_path / "second")
    assert at("2027-01-10 03:00:00").returncode == 0
    assert len(backups(tmp_path / "first")) == 2
    assert len(backups(tmp_path / "second")) == 1


def test_a_host_that_knows_nothing_asks_the_sinks(at: At, tmp_path: Path) -> None:
    at("2027-01-10 02:00:00")
    shutil.rmtree(tmp_path / "state")
    assert "not due" in at("2027-01-10 03:00:00").stdout


def test_a_clock_that_jumped_back_a_day_silences_nothing(at: At, tmp_path: Path) -> None:
    at("2027-01-10 02:00:00")
    back = at("2027-01-09 01:00:00")
    assert back.returncode == 0
    assert "was begun in the future" in back.stderr
    assert len(backups(tmp_path / "first")) == 2
    assert "not due" in at("2027-01-09 02:00:00").stdout  # once is enough: the one just made counts


def test_an_unfinished_run_is_gone_on_with(at: At, tmp_path: Path) -> None:
    at("2027-01-10 02:00:00")
    at("2027-01-10 03:00:00", "backup", "acme.yaml", "--dry-run")  # what it read is there for the next run
    assert at("2027-01-10 03:10:00").returncode == 0
    assert len(backups(tmp_path / "first")) == 2


def test_a_backup_with_gaps_does_not_count(at: At, tmp_path: Path) -> None:
    at("2027-01-10 02:00:00")
    for manifest in tmp_path.glob("*/account-*/backup-*/manifest.json"):
        manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    assert at("2027-01-10 03:00:00").returncode == 0
    assert len(backups(tmp_path / "first")) == 2


@pytest.mark.parametrize("less", ["attachments: none", "skip: [timelogs]"])
def test_the_smaller_backup_of_another_profile_does_not_count(at: At, tmp_path: Path, less: str) -> None:
    text = (tmp_path / "acme.yaml").read_text()
    (tmp_path / "small.yaml").write_text(f"{text.replace('name: acme', 'name: small')}{less}\n")
    assert at("2027-01-10 02:00:00", "backup", "small.yaml").returncode == 0
    assert at("2027-01-10 03:00:00").returncode == 0
    assert len(backups(tmp_path / "first")) == 2
    assert "not due" in at("2027-01-10 04:00:00").stdout
