"""A profile whose runs never found their account, beside another account's backups in the same sinks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

Cli = Callable[..., Ran]
PROFILE = "source: {awkward: {fault: FAULT}}\nsinks: [local: {path: first}, local: {path: second}]\nstate: state\nobjective: 26h\n"


@pytest.fixture
def acme(cli: Cli, place: Path) -> str:
    """The profile of a host that has lost its state, with two accounts in each of its two sinks."""
    _write(place, "none")
    assert cli("backup", "-q", "acme.yaml").code == 0
    for sink in ("first", "second"):
        shutil.copytree(place / sink / "account-IEAAAEDY", place / sink / "account-IEAAZZZZ")
    shutil.rmtree(place / "state")
    return "acme.yaml"


def _write(place: Path, fault: str) -> None:
    (place / "acme.yaml").write_text(PROFILE.replace("FAULT", fault))


def _troubles(cli: Cli) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(cli("status", "--json", "acme.yaml").out)["troubles"]
    return found


def test_it_is_said_once_however_many_sinks_there_are_with_what_to_do(cli: Cli, acme: str) -> None:
    (trouble,) = _troubles(cli)
    assert trouble["id"] == "account"
    assert trouble["text"].startswith("the sinks hold several accounts")
    assert "wrikebackup backup" in trouble["hint"]


def test_it_is_told_once_and_over_with_a_run_that_got_as_far_as_the_account(cli: Cli, place: Path, acme: str) -> None:
    told = cli("notify", "check", acme).out
    assert told.count("several accounts") == 1
    _write(place, "unauthorized")
    assert cli("backup", acme).code == 1
    assert {one["id"] for one in _troubles(cli)} == {"account", "run unauthorized"}
    (place / "acme.yaml").write_text(PROFILE.replace("FAULT", '"bug at close"'))
    cli("backup", acme)
    assert "over: the sinks hold several accounts" in cli("notify", "check", acme).out


def test_a_sink_that_holds_several_accounts_is_not_blamed_for_another_that_is_away(
    cli: Cli, place: Path, acme: str
) -> None:
    shutil.rmtree(place / "second")
    (place / "second").touch()
    assert cli("backup", acme).code == 1
    assert {one["id"] for one in _troubles(cli)} == {"account", "sink local (sink 2)"}
