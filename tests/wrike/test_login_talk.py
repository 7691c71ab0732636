"""What a login says, where a log of JSON lines is asked for."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.wrike.test_oauth import flags, visit
from wrikebackup_core.cli.program import run
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_wrike import login
from wrikebackup_wrike.callback import Callback


@pytest.mark.parametrize("opens", [True, False])
def test_with_a_log_of_json_whatever_a_login_says_is_a_line_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], opens: bool
) -> None:
    """Also the thread that has tried to open a browser."""
    monkeypatch.setenv("MOCK_SECRET", "mock-secret")

    def browser(address: str) -> bool:
        threading.Thread(target=visit, args=(address,)).start()
        return opens

    monkeypatch.setattr(login.webbrowser, "open", browser)
    monkeypatch.setattr(Callback, "came", property(lambda _: False))
    path = tmp_path / "login.json"
    with MockServer(MockAccount(tasks=20)) as mock:
        assert run(["--log-format", "json", "login", *flags(mock, path)]) == 0
    out, err = capsys.readouterr()
    told = [json.loads(line)["message"] for line in err.splitlines()]
    assert told[0].startswith("A browser opens.")
    assert ("Open this address" in err) == (not opens)
    assert told[-2:] == [f"The login is kept in the file {path}.", "ended with exit code 0"]
    assert mock.account.account.id in out
    assert len(out.splitlines()) == 1
