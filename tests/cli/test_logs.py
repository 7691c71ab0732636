"""`--log-format json`: whatever the program says on stderr is one JSON object a line, and nothing else."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran
from wrikebackup_core.cli.logs import FORMAT_VARIABLE, JsonLines, log_uncaught
from wrikebackup_core.cli.terminal import Terminal, logging_to
from wrikebackup_core.masking import keep_secret
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

Cli = Callable[..., Ran]
PROFILE = "source:\n  mock: {tasks: 20}\nsinks:\n  - local: {path: ./backups}\nstate: ./state\n"


def lines(text: str) -> list[dict[str, Any]]:
    """Each line, after looking that it has what every line has."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("debug", "info", "warning", "error")
        assert line["logger"]
        assert line["message"]
    return found


@pytest.fixture
def profile(place: Path) -> str:
    (place / "acme.yaml").write_text(PROFILE)
    return "acme.yaml"


def test_a_run_is_told_stage_by_stage_with_numbers(cli: Cli, profile: str) -> None:
    ran = cli("--log-format", "json", "backup", profile)
    told = lines(ran.err)
    stages = {line["stage"]: line for line in told if line.get("event") == "stage_finished"}
    assert {"crawl", "plan", "transfer", "derive", "commit"} <= stages.keys()
    assert stages["transfer"]["count"] > 0
    assert stages["transfer"]["bytes"] > 0
    assert stages["transfer"]["seconds"] >= 0
    (outcome,) = [line for line in told if line.get("event") == "outcome"]
    assert (outcome["profile"], outcome["complete"], outcome["exit_code"]) == ("acme", True, 0)
    assert outcome["backup_uid"] in ran.out
    assert told[-1]["event"] == "exit"
    assert "acme: complete" in ran.out  # stdout is what it was


def test_quiet_says_nothing_of_a_run_that_went_well(cli: Cli, profile: str) -> None:
    assert cli("-q", "--log-format", "json", "backup", profile).err == ""


def test_json_on_stdout_stays_as_it_is(cli: Cli, profile: str) -> None:
    ran = cli("--json", "--log-format", "json", "backup", profile)
    events = [json.loads(line)["event"] for line in ran.out.splitlines()]
    assert events[0] == "stage_started"
    assert events[-1] == "outcome"
    assert [line["event"] for line in lines(ran.err)] == ["outcome", "exit"]


@pytest.mark.parametrize("words", [("nonsense",), ("backup", "nowhere.yaml"), ("list",)])
def test_an_error_is_a_line_with_its_exit_code_and_hint(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli("--log-format", "json", *words)
    error, end = lines(ran.err)
    assert (ran.code, error["exit_code"], end["exit_code"]) == (2, 2, 2)
    assert (error["level"], error["event"], end["event"]) == ("error", "error", "exit")
    assert error["hint"]


@pytest.mark.parametrize("words", [(), ("profile",), ("key",)])
def test_a_command_line_without_a_command_is_an_error_like_others(cli: Cli, words: tuple[str, ...]) -> None:
    error, _ = lines(cli("--log-format", "json", *words).err)
    assert error["message"] == "missing command"
    assert error["hint"] == f"`{' '.join(('wrikebackup', *words))} --help` says more"


def test_what_plugins_commands_say_is_a_line_and_what_they_make_is_on_stdout(cli: Cli) -> None:
    pytest.importorskip("cryptography", reason="needs the extra age")
    ran = cli("--log-format", "json", "keygen", "key.txt")
    told = lines(ran.err)
    assert told[0]["message"].startswith("the secret key is in key.txt")
    assert told[1]["event"] == "exit"
    assert ran.out.startswith("age1")
    assert cli("-q", "--log-format", "json", "keygen", "other.txt").err == ""


def test_tracebacks_are_a_field(cli: Cli) -> None:
    error = lines(cli("--log-format", "json", "-vv", "backup", "nowhere.yaml").err)[0]
    assert error["traceback"].startswith("Traceback")
    assert "traceback" not in lines(cli("--log-format", "json", "-v", "backup", "nowhere.yaml").err)[0]


@pytest.mark.parametrize("words", [("-vv", "backup"), ("backup", "-vv"), ("-v", "backup", "-v")])
def test_two_vs_have_a_line_for_each_request_wherever_they_stand(
    cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TOKEN", "a-token-of-ours")
    level = logging.getLogger().level
    with MockServer(MockAccount(tasks=20, attachments=3), token="a-token-of-ours") as server:
        (place / "acme.yaml").write_text(
            f"source:\n  wrike: {{base_url: '{server.base_url}', token: 'env:TOKEN', rate: 'off'}}\n"
            "sinks:\n  - local: {path: ./backups}\nstate: ./state\n"
        )
        for_people = cli(*words, "acme.yaml").err
        told = lines(cli("--log-format", "json", *words, "acme.yaml").err)
        one_v = cli("backup", "-v", "acme.yaml").err
    assert re.search(r"wrikebackup_wrike\.client: GET /account: 200 in .* \(request id \w+\)\n", for_people)
    assert "a-token-of-ours" not in for_people
    asked = [line for line in told if line.get("event") == "request"]
    assert {"/account", "/tasks", "/folders"} <= {line["path"] for line in asked}
    assert all(line["status"] == 200 and line["request_id"] for line in asked)
    assert "GET " not in one_v
    assert logging.getLogger().level == level


def test_the_environment_says_it_for_every_run_and_the_command_line_for_one(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FORMAT_VARIABLE, "json")
    assert len(lines(cli("nonsense").err)) == 2
    assert cli("--log-format", "text", "nonsense").err.startswith("wrikebackup: error: no such command")
    monkeypatch.setenv(FORMAT_VARIABLE, "xml")
    ran = cli("plugins")
    assert (ran.code, ran.err) == (
        2,
        "wrikebackup: error: WRIKEBACKUP_LOG_FORMAT is 'xml'\nhint: it may be text or json\n",
    )


def test_what_libraries_log_is_told_with_their_fields(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest's own would keep the lone surrogate for its report, which cannot be sent between its processes.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    terminal = Terminal(verbosity=2, lines=JsonLines())
    keep_secret("hunter22")
    with logging_to(terminal):
        log = logging.getLogger("wrikebackup_x")
        log.debug("asked %s", "hunter22", extra={"status": 503, "request_id": "abc", "path": "/hunter22"})
        try:
            raise ValueError("not hunter22")
        except ValueError:
            log.exception("broken")
        logging.getLogger("of.others").warning("two\nlines \udcff %s", {"hunter22"})
        logging.getLogger("of.others").info("no business of ours")
    asked, broken, foreign = lines(capsys.readouterr().err)
    assert (asked["message"], asked["status"], asked["request_id"], asked["path"]) == ("asked ***", 503, "abc", "/***")
    assert broken["message"] == "broken: ValueError: not ***"
    assert broken["traceback"].endswith("ValueError: not ***\n")
    assert (foreign["level"], foreign["logger"], foreign["message"]) == (
        "warning",
        "of.others",
        "two\nlines \udcff {'***'}",
    )


def test_a_line_that_cannot_be_made_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Unspeakable:
        def __str__(self) -> str:
            raise TypeError

    with logging_to(Terminal(lines=JsonLines())):
        logging.getLogger("x").warning("said", extra={"what": Unspeakable()})
    (line,) = lines(capsys.readouterr().err)
    assert line["message"] == "x: a message that cannot be told: TypeError"


def test_a_line_that_a_signal_cut_off_does_not_spoil_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe:
        """Of which only the beginning of a line is taken, once."""

        def __init__(self) -> None:
            self.text, self.cut = "", True

        def write(self, text: str) -> None:
            self.text += text[:10] if self.cut else text
            if self.cut:
                self.cut = False
                raise KeyboardInterrupt

        def flush(self) -> None: ...

    pipe, log = Pipe(), JsonLines()
    monkeypatch.setattr(sys, "stderr", pipe)
    with pytest.raises(KeyboardInterrupt):
        log.write("info", "one")
    log.write("error", "interrupted")
    assert pipe.text.endswith("\n")
    assert json.loads(pipe.text.splitlines()[1])["message"] == "interrupted"


def test_threads_that_die_are_logged_like_all_else(capsys: pytest.CaptureFixture[str]) -> None:
    keep_secret("hunter22")

    def die() -> None:
        raise ValueError("hunter22")

    undo = log_uncaught()
    try:
        with logging_to(Terminal(lines=JsonLines())):
            thread = threading.Thread(target=die, name="doomed")
            thread.start()
            thread.join()
    finally:
        undo()
    (line,) = lines(capsys.readouterr().err)
    assert line["message"] == "a thread has died: doomed: ValueError: ***"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program hears")
def test_after_a_kill_the_last_line_is_whole(place: Path) -> None:
    (place / "slow.yaml").write_text(PROFILE.replace("tasks: 20", "tasks: 300000"))
    program = subprocess.Popen(
        [Path(sys.executable).with_name("wrikebackup"), "--log-format", "json", "backup", "slow.yaml"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"HOME": str(place)},
    )
    assert program.stderr is not None
    first = program.stderr.readline()  # it is at work
    program.send_signal(signal.SIGTERM)
    rest = program.stderr.read()
    program.stderr.close()
    assert program.wait() == 130
    assert rest.endswith(b"\n")
    told = lines((first + rest.replace(b"\n\n", b"\n").lstrip(b"\n")).decode())
    assert [(line["event"], line["exit_code"]) for line in told[-2:]] == [("error", 130), ("exit", 130)]
    assert told[-2]["message"] == "interrupted"
