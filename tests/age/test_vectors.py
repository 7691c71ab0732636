"""Every public test vector of the format (C2SP/CCTV, `age`) is opened, or refused for the reason that it names."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.opening import WAYS
from wrikebackup_age.age import armor, bech32
from wrikebackup_age.age.errors import ArmorError, HeaderError, MacError, NoMatch, PayloadError
from wrikebackup_age.age.header import Identity
from wrikebackup_age.age.hybrid import IDENTITY, HybridIdentity
from wrikebackup_age.age.scrypt import ScryptIdentity
from wrikebackup_age.age.x25519 import X25519Identity

VARIABLE = "WRIKEBACKUP_AGE_VECTORS"
FOLDER = Path(os.environ.get(VARIABLE) or Path(__file__).parents[3] / "shared" / "vectors" / "age")
VECTORS = sorted(path.name for path in FOLDER.iterdir()) if FOLDER.is_dir() else []
REFUSALS = {
    "success": None,
    "header failure": HeaderError,
    "HMAC failure": MacError,
    "no match": NoMatch,
    "payload failure": PayloadError,
    "armor failure": ArmorError,
}


class Vector:
    def __init__(self, name: str) -> None:
        head, self.data = (FOLDER / name).read_bytes().split(b"\n\n", 1)
        pairs = [line.split(": ", 1) for line in head.decode().split("\n")]
        self.keys = dict(pairs)
        if self.keys.get("compressed") == "zlib":
            self.data = zlib.decompress(self.data)
        self.refusal = REFUSALS[self.keys["expect"]]
        self.identities: list[Identity] = []
        for key, value in pairs:
            if key == "identity":
                prefix, secret = bech32.decode(value)
                hybrid = prefix == IDENTITY
                self.identities.append(HybridIdentity(secret) if hybrid else X25519Identity(secret))
            elif key == "passphrase":
                self.identities.append(ScryptIdentity(value))


@pytest.mark.skipif(not VECTORS, reason=f"no test vectors in {FOLDER}: {VARIABLE} names another folder")
def test_the_vectors_are_all_there() -> None:
    """Those of November 2026 are 143; a folder with a few would say little."""
    assert len(VECTORS) >= 143


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_is_opened_or_refused_as_it_says(name: str, way: str) -> None:
    """With as much of the content released as it says, and no byte more."""
    vector = Vector(name)
    if "armored" in vector.keys:
        if vector.refusal is ArmorError:
            with pytest.raises(ArmorError):
                armor.dearmored(vector.data)
            return
        vector.data = armor.dearmored(vector.data)
    released, refusal = WAYS[way](vector.data, vector.identities)
    assert refusal is vector.refusal
    digest = vector.keys.get("payload", hashlib.sha256().hexdigest())
    if way == "streaming" or refusal is None:
        assert hashlib.sha256(released).hexdigest() == digest
    else:  # the end is looked at first, so that less may be released
        whole, _ = WAYS["streaming"](vector.data, vector.identities)
        assert whole.startswith(released)
