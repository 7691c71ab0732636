"""`wrikebackup report` on a command line: one file, whole or not at all, in which nothing of the data is code."""

# ruff: noqa: F811 - the fixtures of the command line's tests are arguments here
from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, cli, place  # noqa: F401 - fixtures of the command line's tests
from tests.report.accounts import grow, put
from wrikebackup_core import Account, Gap
from wrikebackup_fsspec.local.sink import LocalSink

pytest.importorskip("vl_convert", reason="the extra report is not installed")
pytest.importorskip("jinja2", reason="the extra report is not installed")

Cli = Callable[..., Ran]
NOW = datetime.now(UTC)
PROFILE = (
    "source: mock\ntransforms: [retain: {last: 3}]\nstate: state\nsinks: [local: {path: one}, local: {path: two}]\n"
)
HOSTILE = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"


@pytest.fixture
def sinks(place: Path) -> tuple[LocalSink, LocalSink]:
    (place / "p.yaml").write_text(PROFILE)
    return LocalSink(str(place / "one")), LocalSink(str(place / "two"))


def test_the_report_is_one_file_that_allows_no_script_and_no_request(
    sinks: tuple[LocalSink, LocalSink],
    cli: Cli,
    place: Path,
) -> None:
    for sink in sinks:
        grow(sink, 30, NOW)
    ran = cli("report", "p.yaml", "-o", "r.html")
    assert (ran.code, ran.out) == (0, "")
    page = (place / "r.html").read_text("utf-8")
    assert "All is well." in page
    assert "default-src 'none'" in page
    assert not re.search(r"<script|\son\w+=|(?:src|href)=\"(?!data:,|#)", page)
    assert 'style="' not in page  # the policy allows the one style sheet by its hash, and no other
    assert [path.name for path in place.glob("*r.html*")] == ["r.html"]


def test_what_the_account_says_is_text_and_never_markup(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    gaps = [Gap(HOSTILE, HOSTILE, HOSTILE, HOSTILE)]
    for days in (3, 2, 1):
        put(
            sinks[0],
            NOW - timedelta(days=days),
            {HOSTILE: days},
            account=Account("IEAAAEDY", HOSTILE),
            gaps=gaps if days == 1 else (),
        )
    cli("pin", "p.yaml", "2", "--reason", HOSTILE)
    (place / "p.yaml").write_text(f"name: {json.dumps(HOSTILE[:90])}\n{PROFILE}")
    ran = cli("report", "p.yaml", "-o", "r.html")
    assert ran.code == 0, ran.err
    page = (place / "r.html").read_text("utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_an_account_without_backups_has_a_report_that_says_so(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    ran = cli("report", "p.yaml", "-o", "r.html")
    assert ran.code == 0, ran.err
    assert "There is no backup yet." in (place / "r.html").read_text("utf-8")


def test_a_sink_that_cannot_be_opened_is_told_of_and_the_others_are_shown(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    grow(sinks[0], 3, NOW)
    (place / "two").write_text("no folder")
    ran = cli("report", "p.yaml", "-o", "r.html")
    assert ran.code == 3
    page = (place / "r.html").read_text("utf-8")
    assert "cannot be looked into" in page
    assert "The last complete backup is 3 hours old." in page


def test_json_has_the_same_facts(sinks: tuple[LocalSink, LocalSink], cli: Cli) -> None:
    grow(sinks[0], 3, NOW)
    ran = cli("report", "--json", "p.yaml")
    told = json.loads(ran.out)
    assert told["level"] == "look"
    (account,) = told["profiles"][0]["accounts"]
    assert len(account["backups"]) == 3
    marks = [one["mark"] for one in account["days"]]
    assert marks[:3] == ["complete"] * 3
    assert marks[3:] in ([], ["idle"])  # before three in the morning the newest is of yesterday, and none is of today


def test_a_dash_writes_to_stdout(
    sinks: tuple[LocalSink, LocalSink], place: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from wrikebackup_core.cli.program import run

    assert run(["report", "p.yaml", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--output is missing"),
        (["-o", "-", "--json"], "both --json and -o - want stdout"),
        (["-o", "one"], "one is a folder"),
        (["-o", "nowhere/r.html"], "nowhere/r.html cannot be written"),
    ],
)
def test_what_cannot_be_written_is_one_clear_line(
    sinks: tuple[LocalSink, LocalSink],
    cli: Cli,
    place: Path,
    words: list[str],
    says: str,
) -> None:
    (place / "one").mkdir(exist_ok=True)
    ran = cli("report", "p.yaml", *words)
    assert ran.code == 2
    assert says in ran.err


def test_an_older_report_stays_as_it_was_where_a_new_one_cannot_be_made(
    sinks: tuple[LocalSink, LocalSink],
    cli: Cli,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (place / "r.html").write_text("older")
    monkeypatch.setattr("os.fsync", full)
    assert cli("report", "p.yaml", "-o", "r.html").code == 1
    assert (place / "r.html").read_text() == "older"
    assert [path.name for path in place.glob("*.new")] == []


def test_two_backups_are_compared_record_by_record_where_that_is_asked_for(cli: Cli, place: Path) -> None:
    (place / "p.yaml").write_text("source: {mock: {tasks: 20}}\nstate: state\nsinks: [local: {path: one}]\n")
    for _ in range(2):
        assert cli("backup", "-q", "p.yaml").code == 0
    told = json.loads(cli("report", "--json", "--compare", "p.yaml").out)
    compared = told["profiles"][0]["accounts"][0]["compared"]
    assert compared["failed"] is None
    assert {"kind": "tasks", "added": 0, "removed": 0, "changed": 0, "first": []} in compared["kinds"]


def test_a_thousand_backups_are_a_small_file(sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path) -> None:
    grow(sinks[0], 1000, NOW)
    ran = cli("report", "p.yaml", "-o", "r.html")
    assert ran.code == 0, ran.err
    assert (place / "r.html").stat().st_size < 1_000_000


def test_the_last_drill_of_each_sink_is_told(sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path) -> None:
    grow(sinks[0], 3, NOW)
    (place / "state").mkdir(exist_ok=True)
    drill = {
        "at": "2026-11-01T03:00:00Z",
        "sink": sinks[0].name,
        "account": "IEAAAEDY",
        "verdict": "damaged",
        "files": 7,
    }
    (place / "state" / "drills.jsonl").write_text("garbage\n" + json.dumps(drill) + "\n")
    told = json.loads(cli("report", "--json", "p.yaml").out)["profiles"][0]
    assert [(one["sink"], one["good"]) for one in told["drills"]] == [(sinks[0].name, False)]
    assert told["level"] == "bad"


def test_a_drill_that_got_no_further_than_the_sink_is_over_once_a_later_one_went_well_and_status_says_the_same(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    for sink in sinks:
        grow(sink, 3, NOW)
    (place / "state").mkdir(exist_ok=True)
    lost = {"at": "2026-11-01T03:00:00Z", "sink": sinks[0].name, "account": "", "verdict": "failed"}
    well = {"at": "2026-11-02T03:00:00Z", "sink": sinks[0].name, "account": "IEAAAEDY", "verdict": "whole"}
    for noted, level in (
        ([lost], "bad"),
        ([lost, well], "good"),
        ([well, lost | {"at": "2026-11-03T03:00:00Z"}], "bad"),
    ):
        (place / "state" / "drills.jsonl").write_text("".join(json.dumps(one) + "\n" for one in noted))
        assert json.loads(cli("report", "--json", "p.yaml").out)["profiles"][0]["level"] == level
        troubles = json.loads(cli("status", "--json", "p.yaml").out)["troubles"]
        assert [one["id"] for one in troubles] == ([f"drill {sinks[0].name}"] if level == "bad" else [])


def test_a_schedule_says_how_old_the_newest_backup_may_become_where_no_objective_does(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    for sink in sinks:
        put(sink, NOW - timedelta(days=2))
    for schedule, level in (("daily", "bad"), ("weekly", "good")):
        (place / "p.yaml").write_text(f"schedule: {schedule}\n{PROFILE}")
        assert json.loads(cli("report", "--json", "p.yaml").out)["profiles"][0]["level"] == level


def test_several_profiles_are_one_file_and_the_headline_counts_those_that_need_somebody(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    for sink in sinks:
        grow(sink, 3, NOW)
    (place / "q.yaml").write_text("source: mock\nstate: state\nsinks: [local: {path: three}]\n")
    assert cli("report", "p.yaml", "q.yaml", "-o", "r.html").code == 0
    page = (place / "r.html").read_text("utf-8")
    assert '<h1 class="bad">1 of 2 profiles needs you now.</h1>' in page
    assert "<h2><bdi>p</bdi></h2>" in page


def test_nothing_of_an_encrypted_backup_is_told_but_what_its_manifest_says(cli: Cli, place: Path) -> None:
    pytest.importorskip("cryptography", reason="the extra age is not installed")
    assert cli("keygen", "--classic", "key.txt").code == 0
    recipient = next(line.split()[-1] for line in (place / "key.txt").read_text().splitlines() if "public key" in line)
    (place / "p.yaml").write_text(
        f"source: {{mock: {{tasks: 20, seed: 1}}}}\nstate: state\ntransforms: [encrypt: {{recipients: ['{recipient}']}}]\nsinks: [local: {{path: one}}]\n"
    )
    assert cli("backup", "-q", "p.yaml").code == 0
    (place / "p.yaml").write_text((place / "p.yaml").read_text().replace("tasks: 20", "tasks: 30"))
    assert cli("backup", "-q", "p.yaml").code == 0
    without = json.loads(cli("report", "--json", "--compare", "p.yaml").out)["profiles"][0]["accounts"][0]["compared"]
    assert without["failed"] is not None
    compared = json.loads(cli("report", "--json", "--compare", "-i", "key.txt", "p.yaml").out)
    (tasks,) = [one for one in compared["profiles"][0]["accounts"][0]["compared"]["kinds"] if one["kind"] == "tasks"]
    assert tasks["added"] + tasks["removed"] + tasks["changed"] > 0
    assert tasks["first"] == []


def test_one_profile_that_cannot_be_used_is_told_of_in_the_report_of_the_others(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    grow(sinks[0], 3, NOW)
    grow(sinks[1], 3, NOW)
    (place / "broken.yaml").write_text("source: [mock\n")
    ran = cli("report", "broken.yaml", "p.yaml", "-o", "r.html")
    assert ran.code == 2
    assert ran.err.startswith("wrikebackup: error: broken.yaml:")
    page = (place / "r.html").read_text("utf-8")
    assert '<h1 class="bad">' in page
    assert ">unknown</td>" in page
    assert "The profile cannot be used: broken.yaml:" in page
    assert "Both sinks have it." in page
    told = json.loads(cli("report", "--json", "broken.yaml", "p.yaml").out)
    assert [(one["name"], one["level"]) for one in told["profiles"]] == [("broken", "bad"), ("p", "good")]
    (place / "r.html").unlink()
    assert cli("report", "broken.yaml", "-o", "r.html").code == 2
    assert not (place / "r.html").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_or_device_is_written_into_and_a_link_stays_one(
    sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path
) -> None:
    grow(sinks[0], 3, NOW)
    os.mkfifo(place / "pipe")
    (place / "link").symlink_to("page.html")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((place / "pipe").read_bytes()), daemon=True)
    reader.start()
    assert cli("report", "p.yaml", "-o", "pipe").code == 0
    reader.join(60)
    assert read[0].startswith(b"<!DOCTYPE html>")
    assert (place / "pipe").is_fifo()
    assert cli("report", "p.yaml", "-o", "link").code == 0
    assert (place / "link").is_symlink()
    assert (place / "page.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_one_record_more_or_fewer_is_named_as_one(sinks: tuple[LocalSink, LocalSink], cli: Cli, place: Path) -> None:
    for days, counts in ((2, {"tasks": 3, "dependencies": 5}), (1, {"tasks": 4, "dependencies": 4})):
        put(sinks[0], NOW - timedelta(days=days), counts)
    assert cli("report", "p.yaml", "-o", "r.html").code == 0
    assert "\N{MINUS SIGN}1 dependency, +1 task</td>" in (place / "r.html").read_text("utf-8")
