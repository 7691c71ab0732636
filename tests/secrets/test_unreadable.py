"""Files that the user of a service may not read: one line says which, why, and who has to be able to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="needs root, to become a user who may not read a file"
)

# A first command imports everything while the modules can still be read: they may lie below a folder of root's.
AS_STRANGER = """
import os, sys
from wrikebackup_core.cli import main
def run(*words):
    sys.argv = ["wrikebackup", *words]
    try:
        main()
    except SystemExit as ended:
        return ended.code
known, *words = sys.argv[1:]
run("backup", "-q", known)
print("---", file=sys.stderr)
os.setgroups([]); os.setgid(54321); os.setuid(54321)
sys.exit(run(*words))
"""
PROFILE = """\
source:
  wrike: {{base_url: "http://127.0.0.1:9/api/v4", token: "file:{token}", retry: 0}}
state: {state}
sinks:
  - local: {{path: {sink}}}
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Unlike tmp_path, one that every user of the machine may enter; a profile, its token, its state and its sink are in it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        for name in ("state", "sink", "shut"):
            (place / name).mkdir()
        (place / "state").chmod(0o777)
        (place / "token").write_text("a-token-of-somebody-else", encoding="ascii")
        (place / "token").chmod(0o600)
        for name in ("known.yaml", "open.yaml", "closed.yaml", "shut/inside.yaml"):
            state = place / "state" / Path(name).stem
            text = PROFILE.format(token=place / "token", state=state, sink=place / "sink")
            (place / name).write_text(text, encoding="utf-8")
        (place / "closed.yaml").chmod(0o600)
        (place / "shut").chmod(0o700)
        yield place


def _as_stranger(place: Path, *words: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", AS_STRANGER, str(place / "known.yaml"), *words],
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert "a-token" not in done.stdout + done.stderr
    return done.returncode, done.stderr.partition("---\n")[2].splitlines()


WHO = "hint: the user 54321 has to be able to read it, and to enter the folders above it"


@pytest.mark.parametrize("name", ["closed.yaml", "shut/inside.yaml"])
def test_a_profile_that_may_not_be_read_is_told_with_who_has_to(place: Path, name: str) -> None:
    code, lines = _as_stranger(place, "backup", str(place / name))
    assert lines == [f"wrikebackup: error: {place / name}: cannot be read: permission denied", WHO]
    assert code == 2


def test_a_secret_that_may_not_be_read_is_told_with_who_has_to(place: Path) -> None:
    code, lines = _as_stranger(place, "backup", str(place / "open.yaml"))
    assert lines == [f"wrikebackup: error: cannot read the secret file {place / 'token'}: permission denied", WHO]
    assert code == 2
