"""What a host remembers of runs: a line that was spoilt is told of until another run is noted, and not for years."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Ran

Cli = Callable[..., Ran]
SAID = "passed over 1 line that cannot be made out"


def test_a_spoilt_line_is_told_of_until_the_next_run_is_noted(cli: Cli, place: Path) -> None:
    (place / "acme.yaml").write_text(
        "source:\n  mock: {tasks: 20}\nsinks:\n  - local: {path: ./backups}\nstate: ./state\n"
    )
    assert cli("backup", "-q", "acme.yaml").code == 0
    (history,) = place.glob("state/profiles/*/runs.jsonl")
    with history.open("a") as file:
        file.write('{"started":"2027-01-10T02:0')  # the power failed
    assert SAID in cli("status", "-q", "acme.yaml").err
    assert cli("backup", "-q", "acme.yaml").code == 0
    after = cli("status", "-q", "acme.yaml")
    assert (after.code, after.err) == (0, "")
    assert len(history.read_text().splitlines()) == 3  # nothing was thrown away
