"""`wrikebackup init` on a real terminal: what it asks, what it writes, and that the secret goes nowhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from wrikebackup_core import profile
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile.template import Answers, render
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")

ROOT = Path(__file__).parents[2]
AWKWARD = Path(__file__).parent / "awkward"
PROGRAM = [sys.executable, "-c", "from wrikebackup_core.cli import main; main()", "init"]
_PATH = os.pathsep.join([str(AWKWARD), str(ROOT), str(ROOT / "plugins")])
SECRET = "eyJhbGciOiJIUzI1NiJ9"


def _session(dialogue: Sequence[tuple[str, str]], *words: str, **more: str) -> tuple[int, str]:
    """Answers each prompt as soon as it is there; (exit code, the screen)."""
    import pty

    environment = {**os.environ, "PYTHONPATH": _PATH, "TERM": "dumb", **more}
    master, slave = pty.openpty()
    # A session of its own, so that a prompt for a secret finds no terminal but this one.
    process = subprocess.Popen(
        [*PROGRAM, *words], stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    screen, seen = "", 0
    for prompt, answer in (*dialogue, ("", "")):
        while not prompt or prompt not in screen[seen:]:
            try:
                piece = os.read(master, 65536).decode()
            except OSError:
                piece = ""
            if not piece:
                assert not prompt, f"ended before {prompt!r}: {screen}"
                break
            screen += piece
        if prompt:
            seen = len(screen)
            os.write(master, f"{answer}\n".encode())
    os.close(master)
    return process.wait(30), screen


BEGINNING = [("Kind of source", "awkward"), ("Place (", "")]
END = [("Kind of sink", "local"), ("path: ", "./here"), ("Which files", "all versions")]


def _loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> profile.Profile:
    monkeypatch.syspath_prepend(str(AWKWARD))
    return profile.load(path, Plugins.load())


def test_a_secret_in_a_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, screen = _session([*BEGINNING, ("File [", "deep/secret"), ("itself (not shown)", SECRET), *END], "new.yaml")
    assert code == 0, screen
    kept = place / "deep" / "secret"
    assert kept.read_text() == f"{SECRET}\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    text = (place / "new.yaml").read_text()
    assert SECRET not in text + screen
    assert text.startswith("# ")
    loaded = _loaded(place / "new.yaml", monkeypatch)
    assert loaded.source.options.token == "file:deep/secret"  # type: ignore[attr-defined]  # the awkward plugin's model
    assert loaded.sinks[0].options.path == "./here"  # type: ignore[attr-defined]
    assert loaded.attachments == "all versions"


def test_a_secret_in_the_environment_is_used_and_not_asked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = [BEGINNING[0], ("Place (", "env"), ("Name of the variable", ""), *END]
    code, screen = _session(dialogue, "new.yaml", AWKWARD_TOKEN=SECRET)
    assert code == 0, screen
    assert "env:AWKWARD_TOKEN is there already" in screen
    assert SECRET not in screen + (place / "new.yaml").read_text()
    assert _loaded(place / "new.yaml", monkeypatch).source.options.token == "env:AWKWARD_TOKEN"  # type: ignore[attr-defined]


def test_with_a_log_of_json_only_the_questions_are_for_people(place: Path) -> None:
    dialogue = [BEGINNING[0], ("Place (", "env"), ("Name of the variable", ""), *END]
    code, screen = _session(dialogue, "new.yaml", "--log-format", "json", AWKWARD_TOKEN=SECRET)
    assert code == 0, screen
    told = [json.loads(line)["message"] for line in screen.splitlines() if line.startswith("{")]
    assert told[0] == "env:AWKWARD_TOKEN is there already, and is used"
    assert told[1] == "written: new.yaml"
    for line in (line for line in screen.splitlines() if not line.startswith("{")):
        assert [one for one in told if one in line] == []


def test_a_secret_that_is_only_typed_is_kept_nowhere(place: Path) -> None:
    dialogue = [
        BEGINNING[0],
        ("Place (", "env"),
        ("Name of the variable", "ACME"),
        ("itself (not shown)", SECRET),
        *END,
    ]
    code, screen = _session(dialogue)
    assert code == 0, screen
    assert "export ACME=…" in screen
    assert SECRET not in screen
    assert [path for path in place.rglob("*") if path.is_file() and SECRET in path.read_text()] == []
    assert (place / "wrikebackup.yaml").exists()


_WAITING = """
import time
import wrikebackup_core.secrets
from keyring.backend import KeyringBackend
wrikebackup_core.secrets._KEYRING_SECONDS = 0.1
class Waiting(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        return None
    def set_password(self, service, username, password):
        time.sleep(60)
"""


def test_a_keyring_that_waits_for_its_password_is_given_up_and_no_profile_is_left(place: Path) -> None:
    pytest.importorskip("keyring", reason="needs the extra keyring")
    (place / "waiting_keyring.py").write_text(_WAITING)
    dialogue = [
        BEGINNING[0],
        ("Place (", "keyring"),
        ("Service and user", ""),
        ("itself (not shown)", SECRET),
        *END,
    ]
    code, screen = _session(
        dialogue, "new.yaml", PYTHON_KEYRING_BACKEND="waiting_keyring.Waiting", PYTHONPATH=f"{place}{os.pathsep}{_PATH}"
    )
    assert code == 2, screen
    assert "the keyring does not take wrikebackup/new within 0 s" in screen
    assert SECRET not in screen
    assert not (place / "new.yaml").exists()


def test_what_is_there_is_not_overwritten(place: Path) -> None:
    (place / "new.yaml").write_text("mine")
    code, screen = _session([], "new.yaml")
    assert code == 2
    assert "new.yaml exists already" in screen
    assert (place / "new.yaml").read_text() == "mine"


def test_an_answer_that_will_not_do_is_asked_for_again_and_an_address_is_the_base_url(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MockServer(MockAccount(tasks=20), token=SECRET) as server:
        dialogue = [
            ("Kind of source", "wrike"), ("host: ", "evil.example.com"), ("must be the host", server.base_url),
            ("Place (", ""), ("File [", "secret"), ("itself (not shown)", SECRET), *END,
        ]  # fmt: skip
        code, screen = _session(dialogue, "new.yaml")
        assert code == 0, screen
        assert _loaded(place / "new.yaml", monkeypatch).source.options.base_url == server.base_url  # type: ignore[attr-defined]


def test_a_source_that_cannot_be_read_is_written_down_only_on_demand(place: Path) -> None:
    with MockServer(MockAccount(tasks=20), token="another") as server:
        dialogue = [
            ("Kind of source", "wrike"), ("host: ", server.base_url), ("Place (", ""), ("File [", "secret"),
            ("itself (not shown)", SECRET), ("all the same", "n"),
        ]  # fmt: skip
        code, screen = _session(dialogue, "new.yaml")
    assert code == 1, screen
    assert "no profile was written" in screen
    assert not list(place.glob("[ns]*")), "neither the profile nor the secret"


def test_nothing_is_written_when_the_user_goes_away(place: Path) -> None:
    code, _ = _session([BEGINNING[0], ("Place (", "\x04")], "new.yaml")
    assert code == 130
    assert not (place / "new.yaml").exists()


@pytest.mark.parametrize("odd", ['a "b"', "a: b # c", "no", "22:22", "\\n", "Söhne 🚀", "\x07", "{x}", "*a", ""])
def test_odd_answers_come_out_as_they_went_in(odd: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "p.yaml"
    path.write_text(render(Answers("awkward", {"marker": odd}, "memory", {"name": odd}, "none")), encoding="utf-8")
    loaded = _loaded(path, monkeypatch)
    assert loaded.source.options.marker == odd  # type: ignore[attr-defined]
    assert loaded.sinks[0].options.name == odd  # type: ignore[attr-defined]
