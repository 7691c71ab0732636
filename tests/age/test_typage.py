"""Post-quantum keys work both ways with the age author's library for JavaScript, the other program that knows them.

Looked for in `node_modules` of the checkout: `npm install --no-save age-encryption`.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.opening import WAYS, encrypted
from wrikebackup_age.age import keys
from wrikebackup_core.cli.program import run

ROOT = Path(__file__).parents[2]
PLAIN = bytes(range(256)) * 800  # more than three chunks
pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="no node here"),
    pytest.mark.skipif(not (ROOT / "node_modules/age-encryption").is_dir(), reason="no age-encryption of npm here"),
]


def node(*arguments: str | Path, data: bytes = b"") -> bytes:
    command = ["node", str(Path(__file__).with_name("typage.mjs")), *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_opens_what_we_encrypt_to_a_key_of_ours(tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    assert run(["-q", "keygen", str(key)]) == 0
    (identity,) = keys.identities(key.read_bytes(), lambda: None)
    sealed = encrypted(PLAIN, [keys.recipient(str(identity.recipient()))])  # type: ignore[attr-defined] # a key of our own
    assert node("decrypt", key, data=sealed) == PLAIN


@pytest.mark.parametrize("way", WAYS)
def test_we_open_what_it_encrypts_to_a_key_of_its_own(way: str, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    line = node("keygen", key).decode().strip()
    (identity,) = keys.identities(key.read_bytes(), lambda: None)
    assert str(identity.recipient()) == line  # type: ignore[attr-defined] # a key of our own
    assert WAYS[way](node("encrypt", line, data=PLAIN), [identity]) == (PLAIN, None)
