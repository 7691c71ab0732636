"""Encrypted backups are looked into with a key, and without one say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lookup.shelf import Ran, Shelf
from wrikebackup_core.cli.program import run

_README = "IEAGVQ2IIYO42ZIV"


@pytest.fixture
def key(
    tmp_path: Path, shelf: Shelf, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> str:
    """A key file that opens two encrypted backups of a made-up account, the second one of when it had changed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = tmp_path / "key.txt"
    assert run(["keygen", "--classic", str(file)]) == 0
    recipient = next(word for word in capfdbinary.readouterr().out.decode().split() if word.startswith("age1"))
    shelf.root.mkdir()
    for generation in (0, 1):
        profile = tmp_path / f"acme{generation}.yaml"
        profile.write_text(
            f"source: {{mock: {{generation: {generation}}}}}\ntransforms: [encrypt: {{recipients: [{recipient}]}}]\n"
            f"sinks: [local: {{path: '{shelf.root.as_posix()}'}}]\n",
            encoding="utf-8",
        )
        assert run(["-q", "backup", str(profile)]) == 0
    return str(file)


def test_with_a_key_they_are_looked_into_as_any_other(cli: Callable[..., Ran], key: str) -> None:
    assert cli("cat", _README, "-i", key).out.startswith(b"mock ")
    assert cli("cat", "attachments.jsonl", "--id", _README, "-i", key).documents[0]["name"] == "readme.txt"
    assert (
        len(cli("find", "readme.txt", "--all", "--kind", "attachments", "-i", key).lines) == 2
    )  # README.TXT is another one
    ran = cli("diff", "previous", "--stat", "-i", key)
    assert (ran.code, ran.lines[2]) == (1, "  tasks        +3  ~5")


def test_what_cannot_be_decoded_is_told_with_its_file_once(cli: Callable[..., Ran], shelf: Shelf, key: str) -> None:
    for path in shelf.root.glob("*/backup-*/*.age"):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    ran = cli("cat", "tasks.json", "-i", key)
    assert (ran.code, ran.err.count("account-")) == (4, 1)
    ran = cli("cat", "tasks.json", "-i", _other(shelf))
    assert (ran.code, ran.err.count("account-")) == (6, 1)


def _body(data: bytes) -> bytes:
    """Another wrapped file key: as if it were for another's key."""
    start = data.index(b"-> X25519")
    at = data.index(b"\n", start) + 5
    return data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :]


def _mac(data: bytes) -> bytes:
    at = data.index(b"\n--- ") + 8
    return data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :]


@pytest.mark.parametrize(
    "harm",
    [_body, _mac, lambda data: data[:50], lambda data: b"", lambda data: b"x" + data, lambda data: data.replace(b"X25519", b"X25518", 1)],
    ids=["wrapped key", "mac", "cut off", "empty", "no age file", "kind"],
)  # fmt: skip
def test_an_attachment_whose_part_for_keys_is_damaged_is_damaged_and_no_key_is_wrong(
    cli: Callable[..., Ran], shelf: Shelf, key: str, harm: Callable[[bytes], bytes]
) -> None:
    [attachment] = shelf.root.glob(f"*/attachments/{_README}-*")
    assert cli("cat", _README, "-i", _other(shelf)).code == 6, "whole, and the key is another's"
    attachment.write_bytes(harm(attachment.read_bytes()))
    ran = cli("cat", _README, "-i", key)
    assert (ran.code, ran.out, attachment.name in ran.err) == (4, b"", True), ran.err


def _other(shelf: Shelf) -> str:
    file = shelf.root.parent / "other.txt"
    assert run(["-q", "keygen", "--classic", str(file)]) == 0
    return str(file)


def test_without_a_key_they_ask_for_one(cli: Callable[..., Ran], key: str) -> None:
    for words in (("cat", "tasks.json"), ("find", "x"), ("diff", "previous")):
        ran = cli(*words)
        assert (ran.code, ran.out) == (6, b""), words
        assert "hint: give a key file with --identity" in ran.err
