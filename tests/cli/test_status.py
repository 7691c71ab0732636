"""`wrikebackup status`: what is shown at a glance is true, and fits the line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from wrikebackup_core.cli.status_view import picture
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.engine.leases import Bearer, Hold, Memory, looking
from wrikebackup_core.engine.leases.bearer import process
from wrikebackup_core.monitors import SinkStanding, Standing
from wrikebackup_fsspec.local.sink import LocalSink

Cli = Callable[..., Ran]
PROFILE = "source:\n  mock: {tasks: 20}\nsinks:\n  - local: {path: ./one}\n  - local: {path: ./two}\nstate: ./state\n"


def test_a_sink_without_a_complete_backup_is_never_called_well_even_where_nothing_says_when_one_is_due(
    cli: Cli, place: Path
) -> None:
    (place / "acme.yaml").write_text(PROFILE)
    before = cli("status", "acme.yaml")
    assert (before.code, before.out.splitlines()[0]) == (3, "acme: no complete backup")
    told = json.loads(cli("status", "--json", "acme.yaml").out)
    assert (told["exit_code"], told["troubles"]) == (3, [])
    assert cli("backup", "-q", "acme.yaml").code == 0
    assert cli("status", "acme.yaml").out.startswith("acme: all is well\n")
    shutil.rmtree("two")  # a disk that was exchanged
    quiet = cli("status", "-q", "acme.yaml")
    assert (quiet.code, quiet.out.splitlines()[0]) == (3, "acme: no complete backup")


@pytest.mark.parametrize(
    ("ago", "age"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=-5), "now"),
        (timedelta(hours=6), "6 h"),
        (timedelta(days=-1, minutes=-5), "in 24 h"),
    ],
)
def test_a_backup_of_the_future_has_no_age_of_now(capsys: pytest.CaptureFixture[str], ago: timedelta, age: str) -> None:
    now = datetime(2027, 1, 10, 12, tzinfo=UTC)
    sink = SinkStanding("local:/one", backups=1, newest=now - ago, newest_complete=now - ago)
    Terminal().show(picture(Standing("acme", now, "host", None, (sink,))))
    assert f" {age}  " in capsys.readouterr().out.splitlines()[2]


def test_in_a_pipe_the_columns_are_as_wide_as_what_is_in_them(cli: Cli, place: Path) -> None:
    long = "/nowhere/" + "long/" * 39 + "long"
    (place / "acme.yaml").write_text(PROFILE)
    assert cli("status", "acme.yaml").out.splitlines()[2].startswith(f"none local:{place / 'one'} none ")
    (place / "acme.yaml").write_text(PROFILE.replace("./one", long))
    assert long in cli("status", "acme.yaml").out.splitlines()[2]


def test_a_sink_whose_library_is_missing_is_told_with_the_extra_that_brings_it(cli: Cli, place: Path) -> None:
    (place / "acme.yaml").write_text("source: {mock: {tasks: 20}}\nsinks: [heavy: {}]\nstate: ./state\n")
    told = cli("status", "acme.yaml")
    assert told.code == 3
    assert (
        '! heavy: the sink heavy needs a library that is not installed\n  pip install "wrikebackup[heavy]"\n'
        in told.out
    )
    assert "doctor" not in told.out


def _hold(place: Path, host: str, sink: str, ago: timedelta = timedelta(0)) -> Hold:
    memory, opened = Memory(place / host / "x.lease"), LocalSink(str(place / sink))
    hold = Hold(opened, "IEAGVQ2I", Bearer("backup", "spool", host=host), memory, now=lambda: looking.now() - ago)
    hold.acquire()
    return hold


@pytest.mark.parametrize("backups", [0, 1])
def test_a_run_that_is_at_work_is_told_of_and_changes_no_exit_code(cli: Cli, place: Path, backups: int) -> None:
    (place / "acme.yaml").write_text(PROFILE)
    for _ in range(backups):
        assert cli("backup", "-q", "acme.yaml").code == 0
    before = cli("status", "acme.yaml")
    assert "at work" not in before.out
    holds = [_hold(place, "db2", "one"), _hold(place, "db2", "two")]
    shown = cli("status", "acme.yaml")
    [line] = [line for line in shown.out.splitlines() if line.startswith("at work")]
    assert line.startswith("at work    a backup on db2, since 20")
    assert line.endswith(f" UTC: local:{place / 'one'}, local:{place / 'two'}")
    assert shown.code == before.code
    for hold in holds:
        hold.release(done=True)
    assert cli("status", "acme.yaml").out == before.out


def test_a_run_that_is_known_to_be_dead_is_not_at_work(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "acme.yaml").write_text(PROFILE)
    _hold(place, "db1", "one", ago=timedelta(hours=1))  # killed on another host
    with monkeypatch.context() as another:
        here = process()
        another.setattr("wrikebackup_core.engine.leases.hold.process", lambda: here.rpartition(":")[0] + ":1")
        _hold(place, "db2", "two")  # killed on this one
    sinks = json.loads(cli("status", "--json", "acme.yaml").out)["sinks"]
    if here:  # only Linux tells
        assert [one["at_work"] for one in sinks] == [None, None]
