"""`unlock` and what `doctor` tells of other runs: who has a sink is shown, and taken away only by naming."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from wrikebackup_core.cli.program import run
from wrikebackup_core.engine.leases import Bearer, Hold, Memory, looking
from wrikebackup_core.errors import ExitCode, LeaseLost
from wrikebackup_fsspec.local.sink import LocalSink


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    text = f"source:\n  mock: {{tasks: 20}}\nsinks:\n  - local: {{path: {tmp_path / 'sink'}}}\nstate: {tmp_path / 'state'}\n"
    (tmp_path / "p.yaml").write_text(text)
    return tmp_path / "p.yaml"


def holder(tmp_path: Path, later: timedelta = timedelta(0)) -> Hold:
    """Another host's run."""
    memory = Memory(tmp_path / "other" / "locks" / "x.lease")
    sink = LocalSink(str(tmp_path / "sink"))
    hold = Hold(sink, "IEAGVQ2I", Bearer("backup", "spool", host="db2"), memory, now=lambda: looking.now() + later)
    hold.acquire()
    return hold


def test_a_run_that_is_held_up_ends_with_5_and_says_by_whom(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holder(tmp_path)
    assert run(["-q", "backup", str(profile)]) == ExitCode.LOCKED
    error, hint = capsys.readouterr().err.strip().splitlines()
    assert "a backup on db2 is writing here, since" in error
    assert "unlock" in hint


def test_it_shows_who_has_a_sink_and_takes_it_away_by_name_only(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hold = holder(tmp_path)
    assert run(["unlock", str(profile)]) == ExitCode.DONE
    assert "a backup on db2 is writing here" in capsys.readouterr().out
    assert run(["unlock", str(profile), "--holder", "db1"]) == ExitCode.USAGE
    hold.check()
    assert run(["unlock", str(profile), "--holder", "db2"]) == ExitCode.DONE
    with pytest.raises(LeaseLost):
        hold.check()
    assert list(LocalSink(str(tmp_path / "sink")).list("")) == []
    assert run(["-q", "backup", str(profile)]) == ExitCode.DONE
    capsys.readouterr()
    assert run(["unlock", str(profile)]) == ExitCode.DONE
    assert capsys.readouterr().out == "nobody has a lease\n"


def test_the_doctor_tells_of_a_run_at_work_and_of_a_dead_one(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> list[str]:
        assert run(["--json", "doctor", str(profile)]) == ExitCode.DONE
        checks = json.loads(capsys.readouterr().out)["checks"]
        return [one["detail"] for one in checks if one["name"] == "other runs"]

    assert told() == []
    hold = holder(tmp_path)
    assert "a backup on db2 is writing here" in told()[0]
    hold.release(done=False)
    assert told() == ["a backup on db2 was cut off, and holds it no more"]
