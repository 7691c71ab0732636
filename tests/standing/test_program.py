"""Runs, looks and monitors, with the program itself: what is remembered, what is told, and that none of it fails a run."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.standing.conftest import WatchedHouse


def test_a_monitor_hears_of_the_start_and_of_the_end_with_the_last_of_what_was_said(house: WatchedHouse) -> None:
    assert house.run("backup", "-q", "acme.yaml").returncode == 0
    started, told = house.told()
    assert started == {"event": "started", "profile": "acme"}
    assert (told["run"], told["begun"], told["over"]) == ([0, None, "complete"], [], [])
    assert told["log"][-1].endswith("ended: complete")
    assert any("crawl" in line for line in told["log"])


def test_a_refused_token_is_told_once_when_it_begins_and_once_when_it_ends(house: WatchedHouse) -> None:
    for token in ("expired", "expired", "standing-token", "standing-token"):
        house.run("backup", "-q", "acme.yaml", ACME_TOKEN=token)
    told = [one for one in house.told() if one["event"] == "told"]
    assert [(one["begun"], one["over"]) for one in told] == [
        (["run unauthorized"], []),
        ([], []),
        ([], ["run unauthorized"]),
        ([], []),
    ]
    assert told[0]["run"][:2] == [1, "unauthorized"]


def test_a_profile_whose_secret_is_gone_tells_so(house: WatchedHouse) -> None:
    del house.environment["ACME_TOKEN"]
    assert house.run("backup", "-q", "acme.yaml").returncode == 2
    assert [one["begun"] for one in house.told()] == [["run secret"]]


def test_a_sink_that_is_down_is_one_trouble_whether_a_run_or_a_look_meets_it_first(house: WatchedHouse) -> None:
    house.run("backup", "-q", "acme.yaml")
    house.second.rename(house.root / "away")
    house.second.touch()
    looked = house.run("notify", "check", "acme.yaml")
    assert (looked.returncode, looked.stdout.count("began:")) == (0, 1)
    assert house.run("backup", "-q", "acme.yaml").returncode == 1
    status = house.run("status", "acme.yaml")
    assert status.returncode == 3
    assert "lost" in status.stdout
    house.second.unlink()
    (house.root / "away").rename(house.second)
    assert house.run("backup", "-q", "acme.yaml").returncode == 0
    assert house.run("status", "-q", "acme.yaml").returncode == 0
    told = [(one["begun"], one["over"]) for one in house.told() if one["event"] == "told"]
    sink = f"sink local:{house.second}"
    assert told == [([], []), ([sink], []), ([], []), ([], [sink])]


@pytest.mark.parametrize("does", ["fails", "cannot be made"])
def test_a_monitor_that_fails_is_a_line_of_warning_and_not_the_end_of_the_run(house: WatchedHouse, does: str) -> None:
    house.write(monitors=(does, "well"))
    done = house.run("backup", "-q", "acme.yaml")
    assert done.returncode == 0
    assert (
        f"warning: the monitor recorder {'was not told' if does == 'fails' else 'cannot be used'}: the recorder is"
        in done.stderr
    )
    assert len(house.told()) == 2


def test_who_could_not_be_told_is_told_at_the_next_look_and_nobody_else_again(house: WatchedHouse) -> None:
    house.write(monitors=("well", "fails"))
    house.run("backup", "-q", "acme.yaml", ACME_TOKEN="expired")
    text = house.profile.read_text().replace("fails.jsonl", "later.jsonl").replace('does: "fails"', 'does: "well"')
    house.profile.write_text(text)
    house.run("notify", "check", "acme.yaml")
    assert [one["begun"] for one in house.told() if one["event"] == "told"] == [["run unauthorized"], []]
    assert [one["begun"] for one in house.told("later")] == [["run unauthorized"]]


def test_a_kill_between_telling_and_noting_tells_again_rather_than_never(house: WatchedHouse) -> None:
    house.write(monitors=("dies",))
    assert house.run("backup", "-q", "acme.yaml", ACME_TOKEN="expired").returncode == 9
    house.run("notify", "check", "acme.yaml")
    assert [one["begun"] for one in house.told("dies")] == [["run unauthorized"], ["run unauthorized"]]


def test_a_state_folder_that_cannot_be_written_keeps_nobody_from_being_told(house: WatchedHouse) -> None:
    (house.root / "state").mkdir()
    (house.root / "state" / "profiles").touch()
    run = house.run("backup", "-q", "acme.yaml", ACME_TOKEN="expired")
    assert run.returncode == 1
    look = house.run("notify", "check", "-q", "acme.yaml")
    assert look.returncode == 0
    begun = [one["begun"] for one in house.told() if one["event"] == "told"]
    assert begun[0] == ["run unauthorized"]
    assert len(begun) == 2
    assert "cannot be noted, so they are told it again" in run.stderr
    assert "cannot be noted, so they are told it again" in look.stderr


def test_a_monitor_that_hangs_is_left_behind_and_the_others_are_told(house: WatchedHouse) -> None:
    house.write(monitors=("hangs", "well"))
    words = "import sys, datetime; from wrikebackup_core.cli import program, telling\n"
    words += "telling.LIMIT = datetime.timedelta(seconds=2)\nsys.exit(program.run(sys.argv[1:]))"
    done = house.run_with(words, "backup", "-q", "acme.yaml")
    assert done.returncode == 0
    assert done.stderr == "warning: the monitor recorder has not answered within 2 seconds, and is left behind\n"
    assert len(house.told()) == 2


def test_an_interrupted_run_is_remembered_and_told_and_no_trouble(house: WatchedHouse) -> None:
    house.run("backup", "-q", "acme.yaml")
    words = "import signal, sys, os, threading; from wrikebackup_core.cli import program; from wrikebackup_core.engine import backup as b\n"
    words += "def stop(*_): os.kill(os.getpid(), signal.SIGTERM); signal.pause()\nb.derive = stop\nsys.exit(program.run(sys.argv[1:]))"
    process = house.run_with(words, "backup", "-q", "acme.yaml")
    assert process.returncode == 130
    last = house.told()[-1]
    assert (last["run"][:2], last["begun"]) == ([130, "interrupted"], [])
    assert '"exit_code":130' in (house.state / "runs.jsonl").read_text().splitlines()[-1]


@pytest.mark.parametrize(("token", "code"), [("standing-token", 0), ("expired", 1)])
def test_who_stops_the_waiting_for_monitors_does_not_change_how_the_run_ended(
    house: WatchedHouse, token: str, code: int
) -> None:
    words = "import signal, sys, os; from wrikebackup_core.cli import program, telling\n"
    words += "def stop(*_): os.kill(os.getpid(), signal.SIGTERM); signal.pause()\ntelling.tell_all = stop\n"
    words += "sys.exit(program.run(sys.argv[1:]))"
    assert house.run_with(words, "backup", "-q", "acme.yaml", ACME_TOKEN=token).returncode == code
    assert house.run_with(words, "backup", "-q", "acme.yaml", "acme.yaml", ACME_TOKEN=token).returncode == 130


def test_with_a_deleted_state_the_sinks_tell_the_ages_and_what_is_wrong_is_told_anew(house: WatchedHouse) -> None:
    house.write("objective: 1s")
    house.run("backup", "-q", "acme.yaml")
    time.sleep(1.1)  # older than the objective, whatever the machine does
    house.run("notify", "check", "acme.yaml")
    shutil.rmtree(house.root / "state")
    status = json.loads(house.run("status", "--json", "acme.yaml").stdout)
    assert status["last_run"] is None
    assert all(one["age"] > 1 and one["backups"] == 1 for one in status["sinks"])
    house.run("notify", "check", "acme.yaml")
    late = [f"late local:{house.first}", f"late local:{house.second}"]
    assert house.told()[-1]["begun"] == late


def test_with_a_deleted_state_and_two_accounts_in_a_sink_neither_is_taken_for_the_profile_s(
    house: WatchedHouse,
) -> None:
    house.run("backup", "-q", "acme.yaml")
    shutil.rmtree(house.root / "state")
    (account,) = (path for path in house.first.iterdir() if path.is_dir() and not path.name.startswith("."))
    shutil.copytree(account, account.with_name("account-IEAAZZZZ"))
    status = json.loads(house.run("status", "--json", "acme.yaml").stdout)
    assert status["sinks"][0]["problem"].startswith("the sinks hold several accounts")
    house.run("backup", "-q", "acme.yaml")
    status = json.loads(house.run("status", "--json", "acme.yaml").stdout)
    assert [one["problem"] for one in status["sinks"]] == [None, None]


def test_a_state_of_another_machine_is_said_once_and_gone_on_with(house: WatchedHouse) -> None:
    house.run("backup", "-q", "acme.yaml", ACME_TOKEN="expired")
    path = house.state / "standing.json"
    notes = json.loads(path.read_text())
    if not notes["machine"]:
        pytest.skip("this system has no name for the machine")
    path.write_text(json.dumps({**notes, "host": "elsewhere", "machine": "f" * 32}))
    said = [house.run("notify", "check", "acme.yaml").stderr for _ in range(2)]
    assert ["another machine, elsewhere" in one for one in said] == [True, False]
    told = [one["begun"] for one in house.told() if one["event"] == "told"]
    assert told == [["run unauthorized"], [], []]
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "renamed"}))
    assert house.run("notify", "check", "acme.yaml").stderr == ""


@pytest.mark.parametrize("garbage", [b"\x00\xff\n", b"{", b'{"open": 3}', b"[" * 100_000])
def test_garbage_in_the_state_is_said_and_ends_nothing(house: WatchedHouse, garbage: bytes) -> None:
    house.run("backup", "-q", "acme.yaml")
    for name in ("standing.json", "runs.jsonl"):
        (house.state / name).write_bytes(garbage)
    looked = house.run("notify", "check", "acme.yaml")
    assert looked.returncode == 0
    assert "cannot be read" in looked.stderr
    assert "cannot be made out" in looked.stderr
    assert house.run("backup", "-q", "acme.yaml").returncode == 0
    assert house.run("status", "-q", "acme.yaml").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows says that access is denied")
def test_a_note_that_cannot_be_read_is_told_in_plain_words(house: WatchedHouse) -> None:
    house.run("backup", "-q", "acme.yaml")
    note = house.state / "standing.json"
    note.unlink()
    note.mkdir()
    said = house.run("status", "acme.yaml").stderr
    assert f"warning: {note} cannot be read, so what is wrong now is told anew: is a directory\n" in said


def test_a_test_says_where_it_went_and_fails_where_one_did_not_arrive(house: WatchedHouse) -> None:
    done = house.run("notify", "test", "acme.yaml")
    assert (done.returncode, done.stdout) == (0, "recorder: written to well.jsonl\n")
    house.write(monitors=("well", "fails"))
    done = house.run("notify", "test", "acme.yaml")
    assert (done.returncode, done.stdout) == (1, "recorder: written to well.jsonl\n")
    assert "hint: buy some" in done.stderr
    house.write(monitors=())
    assert house.run("notify", "test", "acme.yaml").returncode == 2


def test_the_doctor_tries_monitors(house: WatchedHouse) -> None:
    house.write(monitors=("well", "fails"))
    done = house.run("doctor", "acme.yaml")
    assert done.returncode == 1
    assert "there is none" in done.stdout


def test_the_history_is_bounded_and_a_cut_line_spoils_no_other(house: WatchedHouse) -> None:
    house.run("backup", "-q", "acme.yaml")
    path = house.state / "runs.jsonl"
    line = path.read_bytes()
    path.write_bytes(line * 650 + line[:40])
    house.run("backup", "-q", "acme.yaml")
    lines = path.read_bytes().splitlines()
    assert len(lines) == 500
    assert json.loads(lines[-1])["exit_code"] == 0
    assert len([one for one in lines if not one.endswith(b"}")]) == 1
