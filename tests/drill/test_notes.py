"""How drills went is noted, and read by others whatever has become of the file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wrikebackup_core.engine.drill import Drilled, last_drills, note
from wrikebackup_core.engine.drill.job import Verdict

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)


def noted(state: Path, days: int, verdict: Verdict = "whole", sink: str = "local:/one") -> None:
    note(state, Drilled(sink, "IEAAAEDY", "20261101T153000Z-bbbbbb", verdict=verdict), NOW + timedelta(days=days))


def test_the_last_drill_and_the_last_that_went_well_are_told_by_sink(tmp_path: Path) -> None:
    noted(tmp_path, 0)
    noted(tmp_path, 1, "damaged")
    noted(tmp_path, 2, sink="s3:two")
    found = last_drills(tmp_path)
    assert set(found) == {("local:/one", "IEAAAEDY"), ("s3:two", "IEAAAEDY")}
    one = found["local:/one", "IEAAAEDY"]
    assert (one.last.at, one.last.verdict) == (NOW + timedelta(days=1), "damaged")
    assert one.last_well is not None
    assert one.last_well.at == NOW
    assert set(last_drills(tmp_path, "s3:two")) == {("s3:two", "IEAAAEDY")}


@pytest.mark.parametrize("verdicts", [("damaged", "whole"), ("whole", "damaged")])
def test_a_run_that_drilled_a_damaged_and_a_whole_backup_did_not_go_well(
    tmp_path: Path, verdicts: tuple[Verdict, Verdict]
) -> None:
    noted(tmp_path, 0)
    for verdict in verdicts:  # of the newest backup and of an older one, in either order
        noted(tmp_path, 1, verdict)
    one = last_drills(tmp_path)["local:/one", "IEAAAEDY"]
    assert one.last.verdict == "damaged"
    assert one.last_well is not None
    assert one.last_well.at == NOW


def test_a_clock_that_jumps_back_makes_no_older_drill_the_last_one(tmp_path: Path) -> None:
    noted(tmp_path, 5, "damaged")
    noted(tmp_path, 3)
    one = last_drills(tmp_path)["local:/one", "IEAAAEDY"]
    assert one.last.verdict == "damaged"
    assert one.last_well is not None


def test_garbage_cut_lines_and_an_absent_file_are_no_drills_and_lose_none(tmp_path: Path) -> None:
    assert last_drills(tmp_path / "absent") == {}
    path = tmp_path / "drills.jsonl"
    noted(tmp_path, 0)
    whole = path.read_bytes()
    path.write_bytes(
        b"\xff\x00[[[\n{}\n"
        + b"[" * 100_000
        + b"\n"
        + whole
        + b'{"at": "2026-11-27T06:00:00", "sink": "x"}\n'
        + whole[:50]
    )
    noted(tmp_path, 1)
    one = last_drills(tmp_path)
    assert list(one) == [("local:/one", "IEAAAEDY")]
    assert one["local:/one", "IEAAAEDY"].last.at == NOW + timedelta(days=1)
    path.unlink()
    path.mkdir()
    assert last_drills(tmp_path) == {}


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("whole", "all came back"),
        ("damaged", "not everything came back"),
        ("key refused", "the key did not fit"),
        ("unreachable", "the store could not be read"),
        ("no backup", "there was no complete backup"),
        ("not tried", "nothing could be tried: no key file"),
        ("failed", "this host failed: no key file"),
    ],
)
def test_what_came_of_a_drill_is_told_as_it_was(tmp_path: Path, verdict: Verdict, words: str) -> None:
    note(tmp_path, Drilled("local:/one", "IEAAAEDY", verdict=verdict, error="no key file"), NOW)
    assert last_drills(tmp_path)["local:/one", "IEAAAEDY"].last.words == words
