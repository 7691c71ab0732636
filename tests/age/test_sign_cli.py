"""Signed and encrypted backups on the command line: taken, listed, verified with and without the keys, copied, and set back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.signed import make_key, needs_openssh, public, verifies
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_core.cli.program import run

pytestmark = needs_openssh
IDENTITY = X25519Identity.generate()


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WRIKEBACKUP_IDENTITY", raising=False)
    make_key(tmp_path / "keys" / "sign")
    make_key(tmp_path / "keys" / "other")
    (tmp_path / "keys" / "age.txt").write_text(f"{IDENTITY.secret()}\n")
    (tmp_path / "keys" / "age.txt").chmod(0o600)
    (tmp_path / "acme.yaml").write_text(
        "source:\n  mock: {tasks: 20, attachments: 3, comments: 3, attachment_size: 2000}\n"
        f"transforms:\n  - encrypt: {{recipients: [{IDENTITY.recipient()}], hide_names: true}}\n"
        "  - sign: {key: keys/sign}\n"
        "sinks:\n  - local: {path: backups}\n"
    )

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = run(words)
        return Ran(code, *capsys.readouterr())

    return call


def manifests(place: Path) -> list[Path]:
    return sorted(place.glob("backups/account-*/backup-*/manifest.json"))


def test_a_signed_and_encrypted_backup_from_end_to_end(cli: Callable[..., Ran], tmp_path: Path) -> None:
    assert cli("backup", "-q", "acme.yaml").code == 0
    (manifest,) = manifests(tmp_path)
    signature = manifest.with_name("manifest.json.sig").read_bytes()
    assert verifies(tmp_path / "keys" / "sign", manifest.read_bytes(), signature)

    whole = cli("verify", "--signer", "keys/sign.pub", "-i", "keys/age.txt", "acme.yaml")
    assert whole.code == 0, whole.out + whole.err
    assert ": whole, signed by ada@example.com;" in whole.out
    assert "contents: 2 zips looked into" in whole.err

    assert cli("verify", "-q", "acme.yaml").code == 0, "neither key is needed for the checksums"
    assert cli("verify", "-q", "--signer", public(tmp_path / "keys" / "sign"), "backups").code == 0, "nor a profile"
    (tmp_path / "keys" / "sign").unlink()
    assert cli("verify", "-q", "--signer", "keys/sign.pub", "-i", "keys/age.txt", "acme.yaml").code == 0

    refused = cli("verify", "--json", "--signer", "keys/other.pub", "acme.yaml")
    assert refused.code == 4
    assert [one["what"] for one in refused.json[0]["findings"]] == ["untrusted", "untrusted"]
    assert refused.json[0]["signed_by"] is None
    assert cli("verify", "-q", "--signer", "keys/other.pub", "--signer", "keys/sign.pub", "acme.yaml").code == 0

    shown = tmp_path / "acme.yaml"
    shown.write_text(shown.read_text().replace("hide_names: true", "hide_names: true, identity: [keys/age.txt]"))
    assert "contents: 2 zips looked into" in cli("verify", "acme.yaml").err, "the profile may name the key"

    (tmp_path / "keys" / "wrong.txt").write_text(f"{X25519Identity.generate().secret()}\n")
    assert cli("verify", "-q", "-i", "keys/wrong.txt", "acme.yaml").code == 6

    manifest.write_bytes(manifest.read_bytes().replace(b'"complete": true', b'"complete": false'))
    altered = cli("verify", "--signer", "keys/sign.pub", "acme.yaml")
    assert altered.code == 4
    assert "untrusted  account-" in altered.out


def test_a_place_that_was_set_back_is_told_of_by_every_command(cli: Callable[..., Ran], tmp_path: Path) -> None:
    assert cli("backup", "-q", "acme.yaml").code == 0
    shutil.copytree(tmp_path / "backups", tmp_path / "earlier")
    assert cli("backup", "-q", "acme.yaml").code == 0
    newest = manifests(tmp_path)[-1].parent.name.removeprefix("backup-")
    assert cli("verify", "-q", "--all", "--signer", "keys/sign.pub", "acme.yaml").code == 0
    shutil.rmtree(tmp_path / "backups")
    (tmp_path / "earlier").rename(tmp_path / "backups")

    words = f"the newest backup that this host has stored there, {newest}, is gone"
    listed, plain = cli("list", "acme.yaml"), cli("verify", "acme.yaml")
    assert words in listed.err
    assert listed.code == 0
    assert words in plain.err
    assert plain.code == 0, "only signatures make it certain that somebody cares"
    signed = cli("verify", "--json", "--signer", "keys/sign.pub", "acme.yaml")
    assert signed.code == 4
    assert [one["what"] for result in signed.json for one in result["findings"]] == ["rolled back"]
    ran = cli("backup", "acme.yaml")
    assert words in ran.err
    assert ran.code == 0
    assert cli("verify", "-q", "--signer", "keys/sign.pub", "acme.yaml").code == 0


def test_a_backup_between_that_was_exchanged_is_found_with_the_newest(cli: Callable[..., Ran], tmp_path: Path) -> None:
    for _ in range(2):
        assert cli("backup", "-q", "acme.yaml").code == 0
    first = manifests(tmp_path)[0]
    first.write_bytes(first.read_bytes() + b" ")
    for words in (("--signer", "keys/sign.pub"), ()):
        found = cli("verify", "--json", *words, "acme.yaml")
        assert found.code == 4
        assert [one["what"] for one in found.json[0]["findings"]] == ["replaced"]
    shutil.rmtree(first.parent)
    gone = cli("verify", "--signer", "keys/sign.pub", "acme.yaml")
    assert gone.code == 0
    assert "named by later backups, and not here" in gone.err


@pytest.mark.parametrize(
    ("signer", "words"),
    [
        ("keys/none.pub", "--signer keys/none.pub: no such file"),
        ("keys", "--signer keys: is a directory"),
        ("keys/age.txt", "it is no public key"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ", "only ssh-ed25519 can be used"),
    ],
)
def test_a_signer_that_is_none_ends_the_command_before_anything_is_read(
    cli: Callable[..., Ran], signer: str, words: str
) -> None:
    ran = cli("verify", "--signer", signer, "acme.yaml")
    assert ran.code == 2
    assert words in ran.err
    assert IDENTITY.secret() not in ran.err


def files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


RESTORE = ("restore", "acme.yaml", "-i", "keys/age.txt", "--to", "out")


def test_a_restore_with_a_signer_brings_back_what_is_signed(cli: Callable[..., Ran], tmp_path: Path) -> None:
    assert cli("backup", "-q", "acme.yaml").code == 0
    assert cli(*RESTORE[:-1], "plain").code == 0
    ran = cli(*RESTORE, "--signer", "keys/sign.pub")
    assert ran.code == 0, ran.err
    assert files(tmp_path / "out") == files(tmp_path / "plain")


def unsigned(manifest: Path) -> None:
    manifest.with_name("manifest.json.sig").unlink()


def altered(manifest: Path) -> None:
    manifest.write_bytes(manifest.read_bytes().replace(b'"complete": true', b'"complete": false'))


def altered_sums(manifest: Path) -> None:
    sums = manifest.with_name("SHA256SUMS")
    sums.write_bytes(sums.read_bytes().swapcase())


def of_another(manifest: Path) -> None:
    """The sums and their signature are those of an earlier backup by the same key."""
    for name in ("SHA256SUMS", "SHA256SUMS.sig"):
        shutil.copy(manifests(manifest.parents[3])[0].with_name(name), manifest.with_name(name))


def moved(manifest: Path) -> None:
    """Another backup by the same key, under this one's name."""
    earlier = manifests(manifest.parents[3])[0].parent
    for path in earlier.iterdir():
        shutil.copy(path, manifest.with_name(path.name))


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (unsigned, "manifest.json: unsigned"),
        (altered, "manifest.json: untrusted"),
        (altered_sums, "SHA256SUMS: untrusted"),
        (of_another, "SHA256SUMS: damaged: not the one that the manifest names"),
        (moved, "is of backup"),
    ],
)
@pytest.mark.parametrize("shape", ["layout", "tree"])
def test_a_restore_with_a_signer_writes_nothing_of_what_is_not_so_signed(
    attack: Callable[[Path], None], words: str, shape: str, cli: Callable[..., Ran], tmp_path: Path
) -> None:
    assert cli("backup", "-q", "acme.yaml").code == 0
    assert cli("backup", "-q", "acme.yaml").code == 0
    newest = manifests(tmp_path)[-1]
    uid = newest.parent.name.removeprefix("backup-")
    for more in ((), ("--dry-run",)):
        foreign = cli(*RESTORE, uid, "--as", shape, "--signer", "keys/other.pub", *more)
        assert (foreign.code, "which is not trusted" in foreign.err) == (4, True), foreign.err
        assert "without --signer it is restored all the same" in foreign.err
    attack(newest)
    ran = cli(*RESTORE, uid, "--as", shape, "--signer", "keys/sign.pub")
    assert (ran.code, words in ran.err) == (4, True), ran.err
    assert not (tmp_path / "out").exists()


def test_a_backup_of_wrikes_own_tool_is_vouched_for_by_nobody(cli: Callable[..., Ran], tmp_path: Path) -> None:
    assert cli("backup", "-q", "acme.yaml").code == 0
    assert cli(*RESTORE[:-1], "plain").code == 0
    [folder] = (tmp_path / "plain").glob("account-*/backup-*")
    for path in folder.iterdir():
        if not path.name.startswith("backup-"):
            path.unlink()
    folder.rename(folder.with_name("backup-TWLX2NQA"))
    [archive] = (tmp_path / "plain").glob("account-*/backup-TWLX2NQA/backup-*.zip")
    archive.rename(archive.with_name("backup-TWLX2NQA.zip"))
    ran = cli("restore", "plain", "--to", "out", "--signer", "keys/sign.pub")
    assert (ran.code, "of Wrike's own tool, and nobody vouches for it" in ran.err) == (4, True), ran.err
    assert not (tmp_path / "out").exists()
    assert cli("restore", "plain", "--to", "out").code == 0
