"""A secret in a real keyring: gnome-keyring, on a session bus and in a home folder of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

VALUE = "hunter2-of-the-keyring-Ünïcode"
PASSWORD = "opens-the-keyring"
UNLOCKED = f"printf {PASSWORD} | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
LOCKED = "gnome-keyring-daemon --start --components=secrets >/dev/null"
KEEP = f"import keyring; keyring.set_password('wrikebackup', 'acme', {VALUE!r})"
# What is found goes to stdout, what is wrong to stderr.
RESOLVE = """
import sys
from wrikebackup_core import SecretError, secrets
secrets._KEYRING_SECONDS = float(sys.argv[2])
try:
    sys.stdout.buffer.write((secrets.resolve(sys.argv[1]) or "").encode())
except SecretError as error:
    sys.exit(f"{error} | {error.hint}")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a keyring that holds one password, locked."""
    (tmp_path / "run").mkdir(mode=0o700)
    done = session(tmp_path, UNLOCKED, KEEP)
    assert done.returncode == 0, done.stderr
    return tmp_path


def session(home: Path, daemon: str, source: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs Python in a session with a keyring, as after a login."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "PYTHONUTF8": "1"}
    return subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", f'{daemon}; exec "$@"', "sh", sys.executable, "-c", source, *arguments],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_a_password_of_an_unlocked_keyring_is_found(home: Path) -> None:
    done = session(home, UNLOCKED, RESOLVE, "keyring:wrikebackup/acme", "60")
    assert done.stdout.decode() == VALUE, done.stderr


def test_a_password_that_is_not_there_is_told_with_how_to_put_it_there(home: Path) -> None:
    done = session(home, UNLOCKED, RESOLVE, "keyring:wrikebackup/other", "60")
    assert done.returncode == 1
    assert b"the keyring has no password for wrikebackup/other | keyring set wrikebackup other" in done.stderr


def test_a_keyring_that_nobody_can_unlock_is_told(home: Path) -> None:
    done = session(home, LOCKED, RESOLVE, "keyring:wrikebackup/acme", "60")
    assert done.returncode == 1
    assert (
        b"the keyring does not answer for wrikebackup/acme: KeyringLocked | use env:, file: or command:" in done.stderr
    )
    assert VALUE.encode() not in done.stdout + done.stderr


def test_a_keyring_that_waits_for_its_password_is_given_up(home: Path) -> None:
    services = home / "run" / "dbus-1" / "services"
    services.mkdir(parents=True, exist_ok=True)
    # In the place of the window that asks for the password: a program that never answers.
    (services / "org.gnome.keyring.SystemPrompter.service").write_text(
        "[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=/bin/sleep 30\n"
    )
    done = session(home, LOCKED, RESOLVE, "keyring:wrikebackup/acme", "1")
    assert done.returncode == 1
    assert b"the keyring does not answer for wrikebackup/acme within 1 s | it may be locked: unlock it" in done.stderr
    assert VALUE.encode() not in done.stdout + done.stderr
