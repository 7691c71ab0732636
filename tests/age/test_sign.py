"""The transform `sign`: what it leaves OpenSSH verifies, and what OpenSSH signs is taken; keys that cannot be used are told of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.signed import keygen, make_key, needs_openssh, public, signing, verifies
from wrikebackup_age import signers, sshsig
from wrikebackup_age.sign_options import SignOptions
from wrikebackup_age.signing import signatures, signed_by
from wrikebackup_core import Context, FormatError, KeyRefused, UsageError
from wrikebackup_core.plugins import Plugins

pytestmark = needs_openssh
CONTENT = b'{"format": 1}\n'
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONTEXT = Context(secret=lambda reference: reference.removeprefix("env:"))


def signature(key: Path, content: bytes = CONTENT) -> bytes:
    (artifact,) = signing(key).attest("manifest.json", lambda: iter([content]))
    assert artifact.key == "manifest.json.sig"
    return b"".join(artifact.chunks())


def by_openssh(key: Path, content: bytes, *options: str, namespace: str = "wrikebackup") -> bytes:
    made = keygen("-Y", "sign", "-f", key, "-n", namespace, *options, given=content)
    assert made.returncode == 0, made.stderr
    return made.stdout


def signer(text: str, signature: bytes, content: bytes = CONTENT, at: datetime = NOW) -> str:
    return signed_by(text).signer(lambda: iter([content[:3], content[3:]]), signature, at)


def told(text: str) -> list[str]:
    return [one.name for said in signers.trusted(text).values() for one in said]


def test_ssh_keygen_verifies_what_the_transform_signs(key: Path, other: Path) -> None:
    assert verifies(key, CONTENT, signature(key))
    assert not verifies(key, CONTENT + b" ", signature(key))
    assert not verifies(key, CONTENT, signature(other))


def test_it_is_the_signature_that_ssh_keygen_makes_byte_for_byte(key: Path) -> None:
    assert signature(key) == by_openssh(key, CONTENT)


@pytest.mark.parametrize("options", [(), ("-O", "hashalg=sha256")], ids=["sha512", "sha256"])
def test_what_ssh_keygen_signs_is_accepted_with_the_signers_name(key: Path, options: tuple[str, ...]) -> None:
    assert signer(public(key), by_openssh(key, CONTENT, *options)) == "ada@example.com"


def test_content_that_was_altered_by_one_byte_is_refused(key: Path) -> None:
    with pytest.raises(FormatError, match="the signature does not fit"):
        signer(public(key), signature(key), CONTENT.replace(b"1", b"2"))


def test_a_signature_by_another_key_is_refused_and_the_key_named(key: Path, other: Path) -> None:
    shown = keygen("-l", "-f", f"{other}.pub").stdout.decode().split()[1]
    with pytest.raises(FormatError, match="which is not trusted") as refused:
        signer(public(key), signature(other))
    assert shown in refused.value.message


def test_a_signature_for_another_purpose_is_refused(key: Path) -> None:
    with pytest.raises(FormatError, match="for another purpose: 'git'"):
        signer(public(key), by_openssh(key, CONTENT, namespace="git"))


def test_content_is_read_in_pieces_and_never_kept(key: Path) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(1 << 20)  # 64 MB in all

    import tracemalloc

    tracemalloc.start()
    (artifact,) = signing(key).attest("SHA256SUMS", pieces)
    made = b"".join(artifact.chunks())
    assert signed_by(public(key)).signer(pieces, made, NOW) == "ada@example.com"
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20


def test_the_manifest_says_with_which_key_and_nothing_of_its_secret(key: Path) -> None:
    said = {"format": "sshsig", "namespace": "wrikebackup", "publicKey": line(key)}
    assert signing(key).describe() == said


def test_a_key_with_a_passphrase_is_opened_with_the_secret(tmp_path: Path) -> None:
    pytest.importorskip("bcrypt", reason="the extra age")
    key = make_key(tmp_path / "key", passphrase="correct horse")
    made = signatures(SignOptions.model_validate({"key": str(key), "passphrase": "env:correct horse"}), CONTEXT)
    assert made.describe()["publicKey"] == " ".join(public(key).split()[:2])
    with pytest.raises(UsageError, match="is encrypted with a passphrase"):
        signing(key)
    with pytest.raises(KeyRefused, match="does not open the key file") as refused:
        signatures(SignOptions.model_validate({"key": str(key), "passphrase": "env:wrong horse"}), CONTEXT)
    assert "horse" not in str(refused.value)


def test_a_passphrase_that_is_no_utf_8_opens_the_key_that_has_it(tmp_path: Path) -> None:
    pytest.importorskip("bcrypt", reason="the extra age")
    key = make_key(tmp_path / "key", passphrase="caf\udce9 horse")  # as the environment gives bytes of Latin-1
    made = signatures(SignOptions.model_validate({"key": str(key), "passphrase": "env:caf\udce9 horse"}), CONTEXT)
    assert made.describe()["publicKey"] == " ".join(public(key).split()[:2])


def test_a_passphrase_for_a_key_that_has_none_does_no_harm(key: Path) -> None:
    made = signatures(SignOptions.model_validate({"key": str(key), "passphrase": "env:x"}), CONTEXT)
    assert [one.key for one in made.attest("manifest.json", lambda: iter([b"{}"]))] == ["manifest.json.sig"]


def test_a_key_that_cannot_be_used_is_told_of_with_its_file(tmp_path: Path, key: Path) -> None:
    rsa, junk = make_key(tmp_path / "rsa", kind="rsa"), tmp_path / "junk"
    junk.write_bytes(key.read_bytes()[:150])
    for file, words in (
        (rsa, "of another kind than ssh-ed25519"),
        (junk, "is no private key"),
        (tmp_path / "none", "no such file"),
        (Path(f"{key}.pub"), "is no private key"),
    ):
        with pytest.raises(UsageError, match=words) as refused:
            signing(file)
        assert str(file) in refused.value.message


def test_a_passphrase_in_the_profile_itself_is_refused(key: Path) -> None:
    with pytest.raises(ValidationError):
        SignOptions.model_validate({"key": str(key), "passphrase": "correct horse"})


def test_the_plugin_registers_the_transform_and_who_checks_it(key: Path) -> None:
    plugins = Plugins.load()
    assert plugins.transforms["sign"].plugin == "age"
    assert plugins.make_verifier(public(key)).suffix == ".sig"
    with pytest.raises(UsageError, match="it is no public key"):
        plugins.make_verifier("no key at all")


def line(key: Path) -> str:
    return " ".join(public(key).split()[:2])


def test_an_allowed_signers_file_is_read_as_ssh_keygen_reads_it(key: Path, other: Path) -> None:
    text = (
        "# who may\n\n"
        f'ada@example.com,*@acme.com namespaces="git,wrikebackup",valid-after="20260101" {line(key)} a comment\n'
        f'"eve of acme" namespaces="git" {line(other)}\n'
    )
    found = signers.trusted(text)
    assert [[one.name for one in said] for said in found.values()] == [["ada@example.com,*@acme.com"]]
    assert signers.trusted(f"{public(key)}\nbob@example.com {line(other)}").keys() == {
        sshsig.public_key(wire(key)),
        sshsig.public_key(wire(other)),
    }


def wire(key: Path) -> bytes:
    import base64

    return base64.b64decode(public(key).split()[1])


TIMES = [
    ("", None),
    ('valid-before="20270101Z"', None),
    ('valid-before="20261123115959Z"', "was valid before 20261123115959Z only"),
    ('valid-before="20261123120000Z"', None),
    ('valid-after="20261123120000Z"', None),
    ('valid-after="20261123120001Z"', "is valid after 20261123120001Z only"),
    ('valid-after="20260101Z",valid-before="20261201Z"', None),
    ('valid-before="20250101Z",namespaces="*"', "was valid before 20250101Z only"),
]


@pytest.mark.parametrize(("options", "reason"), TIMES)
def test_a_signature_counts_where_the_key_was_valid_when_the_backup_was_begun_as_with_verify_time(
    key: Path, tmp_path: Path, options: str, reason: str | None
) -> None:
    text = f"ada@example.com {options} {line(key)}\n"
    (tmp_path / "signers").write_text(text)
    (tmp_path / "sig").write_bytes(signature(key))
    words = ("-f", tmp_path / "signers", "-I", "ada@example.com", "-n", "wrikebackup", "-s", tmp_path / "sig")
    ran = keygen("-Y", "verify", *words, f"-Overify-time={NOW:%Y%m%d%H%M%S}Z", given=CONTENT)
    assert (ran.returncode == 0) is (reason is None), ran.stderr
    if reason is None:
        assert signer(text, signature(key)) == "ada@example.com"
    else:
        with pytest.raises(FormatError) as caught:
            signer(text, signature(key))
        assert str(caught.value) == (
            f"signed by ada@example.com, whose key {reason}: the backup was begun at 2026-11-23 12:00:00 UTC"
        )


def test_a_key_with_several_times_counts_in_each_of_them(key: Path) -> None:
    text = f'old valid-before="20260101Z" {line(key)}\nnew valid-after="20261101Z" {line(key)}\n'
    assert signer(text, signature(key)) == "new"
    assert signer(text, signature(key), at=datetime(2025, 1, 1, tzinfo=UTC)) == "old"
    with pytest.raises(
        FormatError, match="old, whose key was valid before 20260101Z only and new, whose key is valid after"
    ):
        signer(text, signature(key), at=datetime(2026, 5, 1, tzinfo=UTC))


def test_a_key_in_a_comment_is_never_trusted(key: Path, other: Path) -> None:
    for mark in "\f\v\r\x1c\x85\u2028":
        text = f"ada@example.com {line(key)}\n# was bob's:{mark}bob@example.com {line(other)}\n"
        assert told(text) == ["ada@example.com"]


def test_a_quote_in_the_comment_of_a_public_key_does_no_harm(key: Path) -> None:
    assert told(f'{line(key)} the 19" rack') == ['the 19" rack']


@pytest.mark.parametrize(
    ("namespaces", "trusted"),
    [
        ("git,wrike*", True),
        ("wrike?ackup", True),
        ("*", True),
        ("wrikebackup?", False),
        ("Wrikebackup", False),
        ("wrike.ackup", False),
        ("*,!wrikebackup", False),
    ],
)
def test_namespaces_are_patterns_as_openssh_has_them(key: Path, tmp_path: Path, namespaces: str, trusted: bool) -> None:
    text = f'ada@example.com namespaces="{namespaces}" {line(key)}\n'
    (tmp_path / "signers").write_text(text)
    (tmp_path / "sig").write_bytes(signature(key))
    words = ("-f", tmp_path / "signers", "-I", "ada@example.com", "-n", "wrikebackup", "-s", tmp_path / "sig")
    assert (keygen("-Y", "verify", *words, given=CONTENT).returncode == 0) is trusted
    if trusted:
        assert signers.trusted(text)
    else:
        with pytest.raises(sshsig.SignatureError, match="for other namespaces"):
            signers.trusted(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"ada@x ssh-ed25519 AAAA', "a quote before the key is not closed"),
        ('ada@x" ssh-ed25519 AAAA', "a quote before the key is not closed"),
        ("cert-authority ssh-ed25519 AAAA", "begins with an option"),
        ('namespaces="git" ssh-ed25519 AAAA', "begins with an option"),
        ("", "no public key"),
        ("ssh-ed25519", "it is no public key"),
        ("ssh-ed25519 AAAA!", "base64 of the public key is damaged"),
        ("ssh-ed25519 AAAA", "ends early"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ", "of the kind ssh-rsa: only ssh-ed25519"),
        ("ada@x cert-authority ssh-ed25519 AAAA", "signs certificates"),
        ("ada@x no-such-option ssh-ed25519 AAAA", "options that are not known"),
        ('ada@x valid-after="soon" ssh-ed25519 AAAA', "a time that is none"),
        ("a\nb\n", "line 1: it is no public key"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(sshsig.SignatureError, match=words):
        signers.trusted(text)


def test_the_entry_module_imports_no_cryptography() -> None:
    import subprocess
    import sys

    code = "import sys, wrikebackup_age; sys.exit('cryptography' in sys.modules or 'bcrypt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0
