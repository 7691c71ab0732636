"""What `verify` does on a host that has no key, or could ask somebody for one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.cli.conftest import Ran
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_core.cli.program import run

ROOT = Path(__file__).parents[2]
IDENTITY = X25519Identity.generate()
PASSPHRASE = "correct horse"
PROFILE = "source: {mock: {tasks: 20, attachments: 0}}\ntransforms: [encrypt: {%s}]\nsinks: [local: {path: backups}]\n"
LOOKED_INTO, UNOPENED = "2 zips looked into", "the zips are encoded: their checksums were compared"

Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("WRIKEBACKUP_IDENTITY", raising=False)

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = run(words)
        return Ran(code, *capsys.readouterr())

    return call


def on_a_terminal(*words: str, answer: str) -> tuple[int, str]:
    """Runs the program in a terminal of its own, and gives the same answer to every question; (exit code, the screen)."""
    import pty

    path = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    program = [sys.executable, "-c", "from wrikebackup_core.cli import main; main()", *words]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        program, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "PYTHONPATH": path}, start_new_session=True
    )
    os.close(slave)
    screen, answered = "", 0
    while True:
        try:
            piece = os.read(master, 65536).decode()
        except OSError:  # how Linux says that nobody is left at the other end
            piece = ""
        if not piece:
            break
        screen += piece
        if (asked := screen.count("passphrase of the backup: ")) > answered:
            answered = asked
            os.write(master, f"{answer}\n".encode())
    os.close(master)
    return process.wait(30), screen


@pytest.mark.parametrize("broken", ["absent", "no key"])
def test_a_host_that_lacks_the_key_file_of_the_profile_still_compares_what_is_stored(
    broken: str, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text(PROFILE % f"recipients: [{IDENTITY.recipient()}], identity: [key.txt]")
    if broken == "no key":
        (tmp_path / "key.txt").write_text("nothing of use\n")
        (tmp_path / "key.txt").chmod(0o600)
    assert cli("backup", "-q", "p.yaml").code == 0
    ran = cli("verify", "p.yaml")
    assert (ran.code, ": whole" in ran.out) == (0, True), ran.err
    assert "warning: " in ran.err
    assert "key.txt" in ran.err
    assert UNOPENED in ran.err

    archive = next(tmp_path.glob("backups/*/backup-*/backup-*.zip.age"))
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    assert cli("verify", "-q", "p.yaml").code == 4
    assert cli("verify", "-q", "-i", "key.txt", "p.yaml").code == 2, "but a key that was asked for has to be there"


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
def test_verify_asks_for_the_passphrase_of_a_backup_that_has_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PROFILE % "passphrase: 'env:PASSPHRASE'")
    assert cli("backup", "-q", "p.yaml").code == 0
    code, screen = on_a_terminal("verify", "backups", answer=PASSPHRASE)
    assert (code, LOOKED_INTO in screen) == (0, True), screen
    assert PASSPHRASE not in screen
    code, screen = on_a_terminal("verify", "backups", answer="another")
    assert (code, "passphrase" in screen) == (6, True), screen
    code, screen = on_a_terminal("verify", "backups", answer="")
    assert (code, UNOPENED in " ".join(screen.split())) == (0, True), screen
    ran = cli("verify", "backups")
    assert (ran.code, UNOPENED in ran.err) == (0, True), "nobody is there to be asked"


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
def test_verify_asks_nothing_of_a_backup_that_keys_open(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PROFILE % f"recipients: [{IDENTITY.recipient()}]")
    assert cli("backup", "-q", "p.yaml").code == 0
    code, screen = on_a_terminal("verify", "backups", answer="x")
    assert (code, "passphrase" in screen) == (0, False), screen
