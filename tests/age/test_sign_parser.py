"""The parser of signatures: it takes what OpenSSH writes, byte for byte, and nothing else; nothing makes it fail otherwise."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.signed import needs_openssh, public, signing
from wrikebackup_age import signers, sshsig
from wrikebackup_age.signing import Signed, signed_by
from wrikebackup_age.sshsig import Signature, SignatureError
from wrikebackup_core import FormatError

CONTENT = b"content"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAMPLE = Signature(bytes(range(32)), bytes(range(64)))
ARMOR = (b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n")


def armored(blob: bytes) -> bytes:
    text = base64.b64encode(blob)
    return ARMOR[0] + b"".join(text[at : at + 70] + b"\n" for at in range(0, len(text), 70)) + ARMOR[1]


def blob(data: bytes) -> bytes:
    return base64.b64decode(data[len(ARMOR[0]) : -len(ARMOR[1])])


@given(
    st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64), st.sampled_from(sshsig.HASHES), st.text()
)
def test_what_is_written_is_read_again(key: bytes, value: bytes, name: str, namespace: str) -> None:
    try:
        namespace.encode()
    except UnicodeEncodeError:
        return
    signature = Signature(key, value, name, namespace)
    assert Signature.decode(signature.encode()) == signature


@given(st.binary(max_size=400))
def test_bytes_that_are_no_signature_are_refused_in_words(data: bytes) -> None:
    for candidate in (data, armored(data), armored(b"SSHSIG" + data), armored(blob(SAMPLE.encode())[: len(data)])):
        with pytest.raises(SignatureError):
            Signature.decode(candidate)


@given(st.text(max_size=200))
def test_text_that_holds_no_key_is_refused_in_words(text: str) -> None:
    for candidate in (text, f"ssh-ed25519 {text}", f"ada {text} ssh-ed25519 AAAA"):
        with pytest.raises(SignatureError):
            signers.trusted(candidate)


def test_none_of_the_ways_to_write_the_same_signature_otherwise_is_taken() -> None:
    whole = SAMPLE.encode()
    lines = whole.split(b"\n")
    for other in (
        whole[:-1],
        whole + b"\n",
        b"\n" + whole,
        whole.replace(b"\n", b"\r\n"),
        whole.replace(b"\n", b" \n", 2),
        b"\n".join([lines[0], lines[1] + lines[2], *lines[3:]]),
        armored(blob(whole) + b"\0"),
        armored(blob(whole).replace(b"wrikebackup\0\0\0\0", b"wrikebackup\0\0\0\1x")),
        b"x" * 5000,
    ):
        assert other != whole
        with pytest.raises(SignatureError):
            Signature.decode(other)


def _made(key: Path) -> tuple[Signed, bytes]:
    (artifact,) = signing(key).attest("SHA256SUMS", lambda: iter([CONTENT]))
    return signed_by(public(key)), b"".join(artifact.chunks())


@needs_openssh
def test_no_altered_bit_of_a_signature_is_accepted(key: Path) -> None:
    """In the text at every byte, and in what the text stands for at every bit."""
    verifier, whole = _made(key)
    assert verifier.signer(lambda: iter([CONTENT]), whole, NOW)
    inner = blob(whole)
    altered = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (0, 5)
    ]
    altered += [
        armored(inner[:at] + bytes([inner[at] ^ 1 << bit]) + inner[at + 1 :])
        for at in range(len(inner))
        for bit in range(8)
    ]
    for candidate in altered:
        with pytest.raises(FormatError):
            verifier.signer(lambda: iter([CONTENT]), candidate, NOW)


@needs_openssh
def test_a_signature_with_its_number_moved_by_the_order_of_the_curve_is_not_accepted(key: Path) -> None:
    """Ed25519 would have two signatures for one content, if S were not compared with the order."""
    verifier, whole = _made(key)
    found = Signature.decode(whole)
    number = int.from_bytes(found.value[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    moved = Signature(found.key, found.value[:32] + number.to_bytes(32, "little"))
    with pytest.raises(FormatError, match="does not fit"):
        verifier.signer(lambda: iter([CONTENT]), moved.encode(), NOW)
