"""What a real process does with a terminal, a pipe and signals, and what it takes to start."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
AWKWARD = Path(__file__).parent / "awkward"
SCRIPT = [sys.executable, "-c", "from wrikebackup import main; main()"]
PROGRAM = [sys.executable, "-c", "from wrikebackup_core.cli import main; main()"]
MOCK = "source: {mock: {tasks: 40, attachment_size: 1000}}\nsinks: [local: {path: backups}]\n"
posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals as POSIX has them")


def _environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(AWKWARD), str(ROOT), str(ROOT / "plugins")])
    return {**os.environ, "PYTHONPATH": path, "TERM": "xterm-256color", **more}


def _run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = _environment(**more)
    return subprocess.run(
        [*PROGRAM, *words], capture_output=True, encoding="utf-8", env=environment, timeout=60, check=False
    )


def _in_terminal(*words: str, columns: int = 80, **more: str) -> tuple[int, str]:
    """Runs the program in a terminal of that width; (exit code, everything that was written there)."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([*PROGRAM, *words], stdin=slave, stdout=slave, stderr=slave, env=_environment(**more))
    os.close(slave)
    pieces = []
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(master)
    return process.wait(60), b"".join(pieces).decode()


def _plain(screen: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)


def _rows(screen: str) -> list[str]:
    return [row.split("\r")[-1] for row in _plain(screen).replace("\r\n", "\n").split("\n")]


def _until(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, "the run did not begin"
        time.sleep(0.02)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_130_and_says_that_the_next_goes_on(number: int, place: Path) -> None:
    (place / "p.yaml").write_text("source: {awkward: {fault: wait}}\nsinks: [local: {path: b}]\n")
    process = subprocess.Popen(
        [*PROGRAM, "backup", "p.yaml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    )
    _until(place / "started")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    lines = [line for line in err.splitlines() if line]
    assert lines == [
        "wrikebackup: error: interrupted",
        "hint: run the same command again: it goes on where this run stopped",
    ]


@posix
def test_a_reader_that_goes_away_is_no_error_to_talk_about(place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    reading, writing = os.pipe()
    os.close(reading)
    for words, code in ((["profile", "schema"], 1), (["backup", "-q", "p.yaml"], 0), (["list", "p.yaml"], 1)):
        process = subprocess.run(
            [*PROGRAM, *words], stdout=writing, stderr=subprocess.PIPE, text=True, env=_environment(), check=False
        )
        assert (words, process.returncode, process.stderr) == (words, code, "")
    os.close(writing)


@posix
def test_talk_that_nobody_reads_ends_no_run(place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, "backup", "p.yaml"],
        stdout=subprocess.PIPE,
        stderr=writing,
        text=True,
        env=_environment(),
        check=False,
    )
    os.close(writing)
    assert done.returncode == 0
    assert done.stdout.startswith("p: complete\n")


@posix
@pytest.mark.parametrize("columns", [60, 80])
def test_on_a_terminal_nothing_is_wider_than_it(columns: int, place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    code, screen = _in_terminal("backup", "p.yaml", columns=columns)
    assert code == 0
    assert "\x1b[" in screen, "colours and bars"
    rows = _rows(screen)
    # A path stays in one piece, for copying: the terminal wraps it.
    assert max(len(row) for row in rows if str(place) not in row) <= columns
    assert any("✓ transfer" in row for row in rows)
    for words in (["list", "p.yaml"], ["show", "p.yaml"], ["verify", "p.yaml"], ["doctor", "p.yaml"], ["plugins"]):
        code, screen = _in_terminal(*words, columns=columns)
        assert code == 0, screen
        assert max(len(row) for row in _rows(screen) if "local:" not in row) <= columns, words


@posix
@pytest.mark.parametrize(("words", "more"), [([], {"NO_COLOR": "1"}), (["--no-color"], {})])
def test_without_colour_there_is_none(words: list[str], more: dict[str, str], place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    _, screen = _in_terminal("backup", *words, "p.yaml", **more)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7][;m]", screen)


def test_in_a_pipe_there_is_not_a_single_escape(place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    done = _run("backup", "p.yaml")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "crawl",
        "recount",
        "coverage",
        "plan",
        "transfer",
        "derive",
        "commit",
    ]


def test_an_encoding_that_lacks_a_letter_ends_nothing(place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    done = _run("backup", "p.yaml", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Acme & S\\xf6hne" in done.stdout


def test_json_lines_of_a_backup_are_one_document_each(place: Path) -> None:
    (place / "p.yaml").write_text("source: {awkward: {fault: lost files}}\nsinks: [local: {path: b}]\n")
    done = _run("--json", "backup", "p.yaml")
    assert done.returncode == 3
    assert done.stderr == ""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "stage_started"
    assert names[-1] == "outcome"
    assert {"gap", "file_failed", "stage_finished"} <= set(names)
    outcome = events[-1]
    assert (outcome["complete"], outcome["exit_code"], len(outcome["gaps"])) == (False, 3, 2)
    assert all(event["profile"] == "p" for event in events)


def test_json_of_the_other_commands_is_one_document(place: Path) -> None:
    (place / "p.yaml").write_text(MOCK)
    assert _run("backup", "-q", "p.yaml").returncode == 0
    found = {}
    for words in (["list", "p.yaml"], ["show", "p.yaml"], ["verify", "p.yaml"], ["doctor", "p.yaml"], ["plugins"]):
        done = _run(*words, "--json")
        assert (done.returncode, done.stderr) == (0, ""), words
        found[words[0]] = json.loads(done.stdout)
    [shelf] = found["list"]
    [backup] = shelf["backups"]
    assert backup["complete"] is True
    assert found["show"]["manifest"]["backupUID"] == backup["uid"] == found["verify"][0]["backup_uid"]
    assert found["verify"][0]["findings"] == []
    assert found["doctor"]["ok"] is True
    assert {"mock", "fsspec", "awkward"} <= {plugin["name"] for plugin in found["plugins"]["plugins"]}


def test_an_error_is_json_too_where_json_is_asked_for(place: Path) -> None:
    done = _run("backup", "--json", "nowhere.yaml")
    assert done.returncode == 2
    assert json.loads(done.stdout)["errors"][0]["message"] == "nowhere.yaml: there is no such profile"
    assert done.stderr.startswith("wrikebackup: error: nowhere.yaml")


def test_two_vs_show_where_a_bug_comes_from(place: Path) -> None:
    (place / "p.yaml").write_text("source: {awkward: {fault: bug}}\nsinks: [memory]\n")
    done = _run("backup", "-vv", "p.yaml")
    assert done.returncode == 1
    assert "wrikebackup: error: unexpected ZeroDivisionError: division by zero\n" in done.stderr
    assert "Traceback" in done.stderr
    assert "Traceback" not in _run("backup", "-v", "p.yaml").stderr


def test_help_and_version_are_asked_for_with_what_people_type() -> None:
    for words in (["-h"], ["--help"], ["backup", "-h"], ["profile", "show", "--help"]):
        done = _run(*words)
        assert done.returncode == 0
        assert done.stdout.startswith("Usage: wrikebackup")
        assert max(map(len, done.stdout.splitlines())) <= 80
    from wrikebackup_core import __version__

    assert _run("--version").stdout == f"wrikebackup {__version__}\n"
    bare = _run()
    assert bare.returncode == 2
    assert "Commands:" in bare.stderr


def test_help_imports_nothing_heavy() -> None:
    """So that it answers at once: what is not imported takes no time, on any machine."""
    code = (
        "import sys, atexit; from wrikebackup_core.cli import main;"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, env=_environment(), check=False
    )
    heavy = {
        "rich",
        "httpx",
        "urllib3",
        "ruamel.yaml",
        "sqlite3",
        "uvicorn",
        "keyring",
        "isal",
        "tenacity",
    }
    assert heavy & set(done.stderr.split()) == set()


def _distribution(place: Path, name: str, body: str) -> str:
    """A plugin installed for one test; returns what PYTHONPATH needs."""
    folder = place / f"{name}-site"
    info = folder / f"acme_{name}-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(f"[wrikebackup]\n{name} = acme_{name}\n")
    (folder / f"acme_{name}.py").write_text(body)
    return os.pathsep.join([str(folder), str(ROOT), str(ROOT / "plugins")])


def test_a_broken_plugin_is_set_aside_and_the_rest_works(place: Path) -> None:
    path = _distribution(place, "cloud", "import no_such_library")
    done = _run("plugins", PYTHONPATH=path)
    assert done.returncode == 0
    assert "mock" in done.stdout
    assert "warning: the plugin cloud of acme-cloud is set aside: ModuleNotFoundError" in done.stderr
    (place / "p.yaml").write_text("source: mock\nsinks: [cloud: {bucket: b}]\n")
    done = _run("backup", "p.yaml", PYTHONPATH=path)
    assert done.returncode == 2
    assert "p.yaml:2: sinks[0].cloud: no installed plugin brings this kind of sink" in done.stderr
    assert "the plugin cloud of acme-cloud is set aside" in done.stderr


COMMANDS = """\
import click
from wrikebackup_core import hookimpl

@hookimpl
def register_commands(cli):
    @cli.command(name="{name}")
    def something():
        click.echo("something of the plugin's own")
"""


def test_a_plugin_brings_a_command(place: Path) -> None:
    done = _run("polish", PYTHONPATH=_distribution(place, "extra", COMMANDS.format(name="polish")))
    assert (done.returncode, done.stdout) == (0, "something of the plugin's own\n")


def test_a_plugin_s_command_has_the_options_of_every_command(place: Path) -> None:
    path = _distribution(place, "extra", COMMANDS.format(name="polish"))
    done = _run("polish", "-q", "--json", "-v", "--no-color", "--log-format", "json", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (0, "something of the plugin's own\n")


def test_a_command_whose_name_is_taken_is_refused(place: Path) -> None:
    done = _run("verify", "x", PYTHONPATH=_distribution(place, "extra", COMMANDS.format(name="verify")))
    assert done.returncode == 1
    assert "wrikebackup: error: the plugin extra brings a command 'verify'" in done.stderr


def test_an_interrupt_while_modules_are_loaded_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    environment = _environment(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "plugins")]))
    done = subprocess.run([*SCRIPT, "--version"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "wrikebackup: error: interrupted\n")


def test_the_console_script_begins_with_these_steps() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"wrikebackup": "wrikebackup:main"}
    done = subprocess.run([*SCRIPT, "--version"], env=_environment(), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("wrikebackup ")
