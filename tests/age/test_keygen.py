"""`keygen` as one types it: with the options of every command, at a terminal and without one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from tests.cli.conftest import cli, place  # noqa: F401 - fixtures

Cli = Callable[..., Any]
_PROGRAM = "import sys; from wrikebackup_core.cli import main; main()"

pytest.importorskip("cryptography", reason="needs the extra age")


@pytest.mark.parametrize("words", [("--json", "keygen", "key.txt"), ("keygen", "--json", "key.txt")])
def test_machines_get_the_recipient_as_json(cli: Cli, words: tuple[str, ...]) -> None:  # noqa: F811
    ran = cli(*words, "--classic")
    answer = json.loads(ran.out)
    assert (ran.code, answer["file"]) == (0, "key.txt")
    assert f"# public key: {answer['recipient']}\n" in Path("key.txt").read_text()
    assert "AGE-SECRET-KEY" not in ran.out + ran.err


def test_quiet_counts_after_the_name_as_it_does_before(cli: Cli) -> None:  # noqa: F811
    ran = cli("keygen", "-q", "--classic", "key.txt")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("age1")


def test_a_passphrase_is_asked_for_only_where_somebody_can_give_it(tmp_path: Path) -> None:
    ran = run(
        [sys.executable, "-c", _PROGRAM, "keygen", "--passphrase", tmp_path / "key.age"],
        input=b"secret\nsecret\n",
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[0] == (
        b"wrikebackup: error: --passphrase asks for it at a terminal, and there is none"
    )
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals there")
def test_a_key_file_with_a_passphrase_is_one(tmp_path: Path) -> None:
    terminal, file = Path(__file__).with_name("terminal.py"), tmp_path / "key.age"
    run(
        [sys.executable, terminal, "correct horse", sys.executable, "-c", _PROGRAM, "keygen", "--passphrase", file],
        check=True,
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals there")
def test_two_answers_that_differ_are_told_in_a_line_of_ours_and_asked_for_again(tmp_path: Path) -> None:
    terminal, file = Path(__file__).with_name("terminal.py"), tmp_path / "key.age"
    ran = run(
        [sys.executable, terminal, "one\nother\none", sys.executable, "-c", _PROGRAM, "keygen", "--passphrase", file],
        capture_output=True,
        check=True,
    )
    said = [line.split(b": the secret key is in ")[0].strip() for line in ran.stderr.splitlines()]
    assert said[:5] == [
        b"passphrase:",
        b"the same again:",
        b"these two differ: once more",
        b"passphrase:",
        b"the same again:",
    ]
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
