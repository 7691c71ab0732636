"""What is remembered of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

ACCOUNT = "IEAAAEDY"


@pytest.mark.parametrize(
    ("source", "sink", "account"),
    [
        ("{awkward: {fault: unauthorized}}", "memory", None),
        ("awkward", "memory: {fails: create}", ACCOUNT),
        ("{awkward: {fault: bug at close}}", "memory", ACCOUNT),
    ],
)
def test_a_run_that_fails_is_remembered_with_its_account_once_that_was_known(
    cli: Callable[..., Ran], place: Path, source: str, sink: str, account: str | None
) -> None:
    (place / "acme.yaml").write_text(f"source: {source}\nsinks: [{sink}]\nstate: state\n")
    assert cli("backup", "acme.yaml").code == 1
    (history,) = place.glob("state/profiles/*/runs.jsonl")
    (run,) = [json.loads(line) for line in history.read_text().splitlines()]
    assert (run["exit_code"], run["account_id"]) == (1, account)
