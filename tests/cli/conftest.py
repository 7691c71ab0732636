"""Command lines run inside this process, in a folder of their own, with one awkward plugin beside those that are installed."""

from __future__ import annotations

import os
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wrikebackup_core.cli.program import run

AWKWARD = Path(__file__).parent / "awkward"
_CHANGING = (
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-z]+"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "WHEN"),
    (re.compile(r"[\d.,]+ [kMG]?B/s"), "RATE"),
    (re.compile(r"[\d.,]+ ([kM]?B|bytes) read"), "SIZE read"),  # zips differ with the library that makes them
    (re.compile(r"(?<=objects, )[\d.,]+ [kM]?B|(?<= files, )[\d.,]+ [kM]?B(?=\n)"), "SIZE"),
    (re.compile(r"wrikebackup \d+\.\d+\S*(?=, format)"), "wrikebackup VERSION"),
    (re.compile(r"\d+(\.\d)? s\b|\d+ min \d\d s"), "TIME"),
    (re.compile(r"(?<=sha256 )[0-9a-f]{64}\b"), "SUM"),
    (re.compile(r"(?<=ExecStart=:)\S+"), "PROGRAM"),
    (re.compile(r"\bage1(pq1)?[0-9a-z]{58,}"), r"age1\1…"),
)
_GIVEN = re.compile(r"^(\$ .*)\n(?:(?!\$ ).*\n)*?\[\d+\]$", re.MULTILINE)
"""A command and what was written down of it: that may look like a comment."""


@dataclass(frozen=True)
class Ran:
    """What a command line gave."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which the commands run."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "WRIKE_TOKEN", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(AWKWARD))
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield tmp_path
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `wrikebackup` with these words."""

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = run(words)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return call


@pytest.fixture
def transcript(cli: Callable[..., Ran], place: Path) -> Callable[[str], str]:
    """Runs the `$ wrikebackup …` lines of a text and returns the text with what they really gave.

    Lines of stderr begin with `! `. What changes from run to run is replaced: UID, WHEN, TIME, and DIR for the folder.
    """

    def play(text: str) -> str:
        script, files = _split(text)
        for name, body in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
        lines: list[str] = []
        for line in re.sub(_GIVEN, r"\1", script).splitlines():
            if line.startswith("#") or (not line and not (lines and lines[-1] == "")):
                lines.append(line)
            if line.startswith("$ "):
                program, *words = shlex.split(line[2:])
                assert program == "wrikebackup", line
                ran = cli(*words)
                lines.append(line)
                lines += _steady(ran.out, place).splitlines()
                lines += [f"! {told}" for told in _steady(ran.err, place).splitlines()]
                lines.append(f"[{ran.code}]")
        return "\n".join(lines) + "\n" + "".join(f"-- {name} --\n{body}" for name, body in files.items())

    return play


def _split(text: str) -> tuple[str, dict[str, str]]:
    script, *rest = re.split(r"^-- (\S+) --\n", text, flags=re.MULTILINE)
    return script, dict(zip(rest[::2], rest[1::2], strict=True))


def _steady(text: str, place: Path) -> str:
    text = text.replace(str(place), "DIR").replace(os.path.realpath(place), "DIR")
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return re.sub(r"[ \t]+(?=\n)", "", text)
