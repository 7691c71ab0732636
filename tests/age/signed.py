"""Keys and signatures for tests, made by OpenSSH itself, and its word on ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from wrikebackup_age.sign_options import SignOptions
from wrikebackup_age.signing import Signatures, signatures
from wrikebackup_core import Context

KEYGEN = shutil.which("ssh-keygen")
needs_openssh = pytest.mark.skipif(KEYGEN is None, reason="no ssh-keygen here")


def keygen(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    assert KEYGEN
    return subprocess.run([KEYGEN, *map(str, arguments)], input=given, capture_output=True, check=False)


def make_key(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    """A private key; its public part lies beside it under `.pub`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = keygen("-q", "-t", kind, "-N", passphrase, "-C", "ada@example.com", "-f", path)
    assert made.returncode == 0, made.stderr
    return path


def public(key: Path) -> str:
    return Path(f"{key}.pub").read_text().strip()


def signing(key: Path) -> Signatures:
    return signatures(SignOptions(key=str(key)), Context(secret=str))


def verifies(key: Path, content: bytes, signature: bytes) -> bool:
    """What `ssh-keygen -Y verify` says."""
    folder = key.parent
    (folder / "allowed_signers").write_text(f"ada@example.com {public(key)}\n")
    (folder / "given.sig").write_bytes(signature)
    words = ("-f", folder / "allowed_signers", "-I", "ada@example.com", "-n", "wrikebackup", "-s", folder / "given.sig")
    return keygen("-Y", "verify", *words, given=content).returncode == 0
