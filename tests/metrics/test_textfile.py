"""The file of metrics: what is in it, who may read it, and whose it is."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra metrics")

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from wrikebackup_core import Monitor, WrikeBackupError
from wrikebackup_core.testing import MonitorContract
from wrikebackup_core.testing.reports import NASTY, NOW, bad_report, good_report, look, over_report, trouble
from wrikebackup_metrics import PrometheusOptions
from wrikebackup_metrics.monitor import Metrics
from wrikebackup_metrics.samples import METRICS

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def monitor(path: Path, form: str = "prometheus") -> Metrics:
    return Metrics(PrometheusOptions.model_validate_json(f'{{"textfile": "{path.as_posix()}", "format": "{form}"}}'))


def read(path: Path) -> Numbers:
    """By name and labels, without the prefix."""
    return {
        (sample.name.removeprefix("wrikebackup_"), frozenset(sample.labels.items())): sample.value
        for family in prometheus(path.read_text(encoding="utf-8"))
        for sample in family.samples
    }


def value(numbers: Numbers, name: str, **labels: str) -> float:
    """Of the one with those labels, among others."""
    found = [number for (own, all_), number in numbers.items() if own == name and set(labels.items()) <= all_]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def names(numbers: Numbers) -> set[str]:
    return {name for name, _ in numbers}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wrikebackup.prom"


class TestContract(MonitorContract):
    @pytest.fixture(params=["prometheus", "openmetrics"])
    def monitor(self, path: Path, request: pytest.FixtureRequest) -> Monitor:
        return monitor(path, str(request.param))

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Monitor:
        return monitor(tmp_path / "not there" / "wrikebackup.prom")


def test_times_are_unix_seconds_and_the_newest_complete_backup_has_one_in_each_sink(path: Path) -> None:
    monitor(path).told(good_report())
    numbers = read(path)
    begun = (NOW - timedelta(minutes=12)).timestamp()
    labels = {"profile": "example", "account": "IEAAAEDY", "sink": "local:/backups"}
    assert value(numbers, "sink_last_complete_timestamp_seconds", **labels) == begun
    assert value(numbers, "sink_locked_until_timestamp_seconds", **labels) == (NOW + timedelta(days=30)).timestamp()
    assert value(numbers, "sink_records", **labels, kind="tasks") == 1200
    assert value(numbers, "sink_up", **labels) == 1
    assert value(numbers, "last_run_duration_seconds", profile="example") == 720
    assert value(numbers, "last_run_exit_code", profile="example") == 0
    assert value(numbers, "last_run_new_bytes", profile="example") == 512_000
    assert value(numbers, "last_run_sink_ok", sink="local:/backups") == 1
    assert value(numbers, "age_objective_seconds", profile="example") == 26 * 3600
    assert value(numbers, "report_timestamp_seconds", profile="example") == NOW.timestamp()
    assert value(numbers, "troubles", profile="example") == 0


def test_each_trouble_has_a_line_as_long_as_it_lasts(path: Path) -> None:
    monitor(path).told(bad_report())
    numbers = read(path)
    assert value(numbers, "troubles") == 2
    assert value(numbers, "trouble", id="run") == 1
    assert value(numbers, "trouble", id=f"sink {NASTY}") == 1
    assert value(numbers, "trouble_since_timestamp_seconds", id="run") == trouble().since.timestamp()
    monitor(path).told(over_report())
    assert "trouble" not in names(read(path))


def test_where_there_is_no_complete_backup_its_age_is_endless_and_not_unknown(path: Path) -> None:
    monitor(path).told(look())
    assert value(read(path), "sink_last_complete_timestamp_seconds", sink="local:/backups") == 0


def test_a_sink_that_cannot_be_looked_at_keeps_its_last_known_age(path: Path) -> None:
    monitor(path).told(good_report())
    monitor(path).told(bad_report())
    numbers = read(path)
    begun = (NOW - timedelta(minutes=12)).timestamp()
    assert value(numbers, "sink_last_complete_timestamp_seconds", sink="local:/backups") == begun
    assert value(numbers, "sink_up", sink="local:/backups") == 0
    assert value(numbers, "last_run_exit_code") == 1


def test_after_a_look_the_last_run_is_still_told(path: Path) -> None:
    monitor(path).told(good_report())
    monitor(path).told(look())
    assert value(read(path), "last_run_duration_seconds") == 720


def test_the_start_of_a_run_is_told_at_once_and_alters_nothing_else(path: Path) -> None:
    monitor(path).told(good_report())
    before = read(path)
    monitor(path).started("example", NOW)
    after = read(path)
    assert value(after, "run_begun_timestamp_seconds", profile="example") == NOW.timestamp()
    assert {key: after[key] for key in before} == before


def test_profiles_that_share_a_file_leave_each_others_numbers(path: Path) -> None:
    monitor(path).told(good_report("one"))
    monitor(path).told(bad_report(NASTY))
    monitor(path).told(good_report("two"))
    numbers = read(path)
    assert value(numbers, "last_run_exit_code", profile="one") == 0
    assert value(numbers, "last_run_exit_code", profile=NASTY) == 1
    assert value(numbers, "last_run_exit_code", profile="two") == 0


def test_profiles_that_write_at_the_same_time_lose_nothing(path: Path) -> None:
    crew = [threading.Thread(target=monitor(path).told, args=(good_report(f"p{number}"),)) for number in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert {dict(labels)["profile"] for _, labels in read(path)} == {f"p{number}" for number in range(8)}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_other_users_can_read_it_whatever_the_umask(path: Path) -> None:
    old = os.umask(0o077)
    try:
        monitor(path).told(good_report())
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_nothing_that_the_collector_would_read_is_left_beside_it(path: Path) -> None:
    monitor(path).told(good_report())
    assert [one.name for one in path.parent.glob("*.prom")] == ["wrikebackup.prom"]
    assert [one.name for one in path.parent.iterdir() if ".lock" not in one.name] == ["wrikebackup.prom"]


def test_openmetrics_are_openmetrics(path: Path) -> None:
    for report in (good_report("one"), bad_report(NASTY)):
        monitor(path, "openmetrics").told(report)
    text = path.read_text(encoding="utf-8")
    assert text.endswith("# EOF\n")
    families = list(openmetrics(text))  # type: ignore[no-untyped-call] # this part of the library has no types
    assert {"one", NASTY} <= {sample.labels["profile"] for family in families for sample in family.samples}
    assert {family.type for family in families} == {"gauge"}


def test_every_metric_has_its_help_and_a_unit_of_the_base(path: Path) -> None:
    monitor(path).told(good_report())
    for family in prometheus(path.read_text(encoding="utf-8")):
        assert family.documentation == METRICS[family.name.removeprefix("wrikebackup_")]
        assert family.type == "gauge"
    assert not [name for name in METRICS if name.endswith(("_ms", "_minutes", "_hours", "_kb", "_mb", "_percent"))]


FOREIGN = ["node_load1 3\n", "no metrics {\n", "wrikebackup_troubles 1\n", "\x00\xff"]


@pytest.mark.parametrize("text", FOREIGN)
def test_a_file_that_is_not_ours_stays_as_it_is(path: Path, text: str) -> None:
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(WrikeBackupError, match="stays as it is"):
        monitor(path).told(good_report())
    assert path.read_bytes() == text.encode("latin-1")


def _broken(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.prom").mkdir()
    yield tmp_path / "not there" / "a.prom", "no folder"
    yield tmp_path / "file" / "a.prom", "no folder"
    yield tmp_path / "folder.prom", "is a folder"
    if Path("/sys/kernel").is_dir():
        yield Path("/sys/a.prom"), "written"  # not even root may


def test_what_cannot_be_written_is_one_clear_line_and_doctor_says_the_same(tmp_path: Path) -> None:
    for path, words in _broken(tmp_path):
        with pytest.raises(WrikeBackupError, match=words) as caught:
            monitor(path).test("example")
        assert str(path.parent) in str(caught.value)
        assert caught.value.hint
        assert "\n" not in str(caught.value)
        (check,) = monitor(path).checks()
        assert check.ok is False or path.parent == Path("/sys")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_folder_that_is_read_only_is_found_by_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    (check,) = monitor(folder / "a.prom").checks()
    assert check.ok is False
    assert "cannot be written to" in check.detail
    with pytest.raises(WrikeBackupError, match="cannot be written to"):
        monitor(folder / "a.prom").told(good_report())


def test_a_home_folder_is_found_when_the_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monitor(Path("~/a.prom")).told(good_report())
    assert (tmp_path / "a.prom").is_file()
    (check,) = monitor(Path("~nobody-of-this-name/a.prom")).checks()
    assert check.ok is False


def test_the_options_can_be_shown() -> None:
    """The suite takes warnings of pydantic for errors."""
    options = PrometheusOptions.model_validate({"textfile": "~/a.prom"})
    assert options.model_dump(mode="json") == {"textfile": "~/a.prom", "format": "prometheus"}


def test_a_file_that_node_exporter_would_pass_over_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ends in \.prom"):
        PrometheusOptions.model_validate({"textfile": "/var/lib/node_exporter/wrikebackup.txt"})


def test_a_run_that_was_pruned_or_not_says_so(path: Path) -> None:
    report = good_report()
    assert report.run is not None
    monitor(path).told(replace(report, run=replace(report.run, pruned=False)))
    assert value(read(path), "last_run_pruned") == 0
