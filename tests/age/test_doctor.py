"""`wrikebackup doctor` tries the keys that a profile names, before a run at night or a restore in a hurry does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.signed import make_key, needs_openssh
from wrikebackup_age.age import files
from wrikebackup_age.age.scrypt import ScryptRecipient
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_core.cli.program import run

IDENTITY = X25519Identity.generate()
PROFILE = "source: {mock: {tasks: 20}}\ntransforms: [%s]\nsinks: [local: {path: backups}]\n"
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them")

Told = list[tuple[str, bool | None, str, str | None]]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def doctor(transform: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Told]:
    """Its exit code, and what it says of the transforms."""
    Path("p.yaml").write_text(PROFILE % transform, encoding="utf-8")
    capsys.readouterr()
    code = run(["doctor", "--json", "p.yaml"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    return code, [(one["name"], one["ok"], one["detail"], one["hint"]) for one in checks if one["part"] == "transforms"]


def key_file(text: bytes, mode: int = 0o600) -> None:
    Path("key.txt").write_bytes(text)
    Path("key.txt").chmod(mode)


ENCRYPT = f"encrypt: {{recipients: [{IDENTITY.recipient()}], identity: [key.txt]}}"
OPENS = ("encrypt", True, "opens", None)


def test_a_key_file_that_can_be_used_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    key_file(f"{IDENTITY.secret()}\n".encode())
    assert doctor(ENCRYPT, capsys) == (0, [OPENS, ("identity", True, "key.txt can be used", None)])


@posix
def test_a_key_file_that_others_can_read_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    key_file(f"{IDENTITY.secret()}\n".encode(), 0o644)
    words = "others on this machine can read the key file key.txt: chmod 600 key.txt"
    assert doctor(ENCRYPT, capsys) == (0, [OPENS, ("identity", None, words, None)])


def test_a_key_file_that_is_not_there_or_asks_is_no_failure_of_a_host_that_takes_backups(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, [_, (name, ok, detail, hint)] = doctor(ENCRYPT, capsys)
    assert (code, name, ok, detail) == (0, "identity", None, "key.txt is not there")
    assert "--identity" in str(hint)
    secret = IDENTITY.secret().encode()
    key_file(b"".join(bytes(piece) for piece in files.encrypt([secret], [ScryptRecipient("x", work=4)])))
    code, [_, (name, ok, detail, hint)] = doctor(ENCRYPT, capsys)
    assert (code, name, ok, detail) == (0, "identity", None, "key.txt has a passphrase")
    assert "--identity key.txt" in str(hint)


def test_a_key_file_of_no_use_is_told_without_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    key_file(f"{IDENTITY.secret()[:-1]}\n".encode())
    code, [opens, (name, ok, detail, _)] = doctor(ENCRYPT, capsys)
    assert (code, opens, name, ok) == (1, OPENS, "identity", False)
    assert "key.txt" in detail
    assert IDENTITY.secret()[20:40] not in detail


def test_a_recipient_that_cannot_be_used_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, words in (
        ("recipients: [age1nope]", "the recipient age1nope"),
        ("recipient_files: [none.txt]", "cannot read the recipients in none.txt: no such file"),
        ("passphrase: 'env:NOT_SET_ANYWHERE'", "NOT_SET_ANYWHERE is not set"),
    ):
        code, [(name, ok, detail, _)] = doctor(f"encrypt: {{{wrong}}}", capsys)
        assert (code, name, ok, words in detail) == (1, "encrypt", False, True), detail


@needs_openssh
def test_the_signing_key_is_tried(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(Path("sign"))
    make_key(Path("locked"), passphrase="correct horse")
    make_key(Path("rsa"), kind="rsa")
    Path("text").write_text("no key")
    monkeypatch.setenv("WRONG", "another")
    assert doctor("sign: {key: sign}", capsys) == (0, [("sign", True, "opens", None)])
    for options, words in (
        ("key: none", "cannot read the key file none: no such file"),
        ("key: text", "text is no private key"),
        ("key: rsa", "rsa is of another kind than ssh-ed25519"),
        ("key: locked", "locked is encrypted with a passphrase"),
        ("key: locked, passphrase: 'env:WRONG'", "the passphrase does not open the key file locked"),
    ):
        code, [(name, ok, detail, _)] = doctor(f"sign: {{{options}}}", capsys)
        assert (code, name, ok, words in detail) == (1, "sign", False, True), detail


@posix
@needs_openssh
def test_a_signing_key_that_others_can_read_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    make_key(Path("sign")).chmod(0o644)
    words = "others on this machine can read the key file sign: chmod 600 sign"
    assert doctor("sign: {key: sign}", capsys) == (
        0,
        [("sign", True, "opens", None), ("signing key", None, words, None)],
    )
