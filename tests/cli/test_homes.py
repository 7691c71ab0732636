"""`~` for the home folder of somebody who has none is one clear line, wherever a file or folder may be named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_init import BEGINNING, END, SECRET, _session
from wrikebackup_core import UsageError, expand_home

NOBODY = "~nobody-of-this-name/x"
WORDS = f"{NOBODY}: there is no such home folder"
PROFILE = "source: {mock: {tasks: 20}}\nsinks: [local: {path: a}]\n"
LOGIN = (
    "source: {wrike: {oauth: {client_id: c, client_secret: env:S, store: file, path: %s}}}\nsinks: [local: {path: a}]\n"
)

Cli = Callable[..., Any]


def test_a_home_folder_is_found_or_told(place: Path) -> None:
    assert expand_home("~/x") == place / "x"
    assert expand_home("x/~y") == Path("x/~y")
    with pytest.raises(UsageError, match="there is no such home folder") as caught:
        expand_home(NOBODY)
    assert str(caught.value) == WORDS
    assert "~ is your own home folder" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("words", "profile"),
    [
        (["verify", "--signer", NOBODY, "p.yaml"], PROFILE),
        (["copy", "--from", NOBODY, "p.yaml"], PROFILE),
        (["copy", "--to", NOBODY, "p.yaml"], PROFILE),
        (["list", "p.yaml"], PROFILE + f"state: {NOBODY}\n"),
        (["backup", "p.yaml"], PROFILE.replace("tasks: 20", f"token: 'file:{NOBODY}'").replace("mock", "wrike")),
        (["backup", "p.yaml"], LOGIN % NOBODY),
        (["login", "--no-browser", "p.yaml"], LOGIN % NOBODY),
        (["keygen", NOBODY], PROFILE),
    ],
    ids=["signer", "from", "to", "state", "secret", "stored login", "login", "keygen"],
)
def test_every_command_tells_of_it(
    words: list[str], profile: str, place: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", "s")
    (place / "p.yaml").write_text(profile)
    ran = cli(*words)
    error, hint = ran.err.splitlines()[-2:]
    assert (ran.code, WORDS in error, "~ is your own home folder" in hint) == (2, True, True), ran.err
    assert sorted(path.name for path in place.iterdir()) in (["p.yaml"], ["p.yaml", "state"])


def test_init_tells_of_it_and_writes_nothing(place: Path) -> None:
    code, screen = _session([*BEGINNING, ("File [", NOBODY), ("itself (not shown)", SECRET), *END], "new.yaml")
    assert code == 2, screen
    assert WORDS in screen
    assert not (place / "new.yaml").exists()
