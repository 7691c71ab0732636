"""Recipients and identities that hold against quantum computers too: `age1pq1…` and `AGE-SECRET-KEY-PQ-1…`.

HPKE with X-Wing, which is ML-KEM-768 and X25519 side by side: who wants the file key has to break both.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from wrikebackup_age.age import base64, bech32
from wrikebackup_age.age.errors import HeaderError
from wrikebackup_age.age.header import FILE_KEY_SIZE, Stanza
from wrikebackup_age.age.x25519 import agreed, proper

__all__ = ["IDENTITY", "RECIPIENT", "HybridIdentity", "HybridRecipient"]

RECIPIENT, IDENTITY = "age1pq", "age-secret-key-pq-"
KIND = "mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"
_SEED = 32
_LATTICE, _CURVE = 1184, 32  # bytes of the two public keys
_ENCLOSED = 1088 + 32
_WRAPPED = FILE_KEY_SIZE + 16
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@contextmanager
def _without_lattices() -> Iterator[None]:
    try:
        yield
    except UnsupportedAlgorithm:  # the library as some distributions build it
        raise ValueError("the installed cryptography has no ML-KEM, which post-quantum keys need") from None


class HybridRecipient:
    """A public key of 1,216 bytes."""

    post_quantum, alone = True, False

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for what is no such key."""
        if len(key) != _LATTICE + _CURVE:
            raise ValueError(f"it has {len(key):,} bytes, not {_LATTICE + _CURVE:,}")
        with _without_lattices():
            lattice = MLKEM768PublicKey.from_public_bytes(key[:_LATTICE])
        self._key = MLKEM768X25519PublicKey(lattice, X25519PublicKey.from_public_bytes(proper(key[_LATTICE:])))
        self._bytes = key

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT, self._bytes)

    def wrap(self, file_key: bytes) -> Stanza:
        sealed = _SUITE.encrypt(file_key, self._key, _INFO)
        return Stanza(KIND, (base64.encode(sealed[:_ENCLOSED]),), sealed[_ENCLOSED:])


class HybridIdentity:
    """A seed of 32 bytes, from which both secret keys come."""

    def __init__(self, seed: bytes) -> None:
        """Raises ValueError for a seed of another length."""
        if len(seed) != _SEED:
            raise ValueError(f"it has {len(seed)} bytes, not {_SEED}")
        expanded = hashlib.shake_256(seed).digest(96)
        with _without_lattices():
            self._lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self._curve = X25519PrivateKey.from_private_bytes(expanded[64:])
        self._key = MLKEM768X25519PrivateKey(self._lattice, self._curve)
        self._seed = seed

    @classmethod
    def generate(cls) -> Self:
        return cls(secrets.token_bytes(_SEED))

    def secret(self) -> str:
        """The line of an identity file. To be kept from logs and errors."""
        return bech32.encode(IDENTITY, self._seed).upper()

    def recipient(self) -> HybridRecipient:
        lattice, curve = self._lattice.public_key(), self._curve.public_key()
        return HybridRecipient(lattice.public_bytes_raw() + curve.public_bytes_raw())

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key, None where no stanza is for this key. Raises HeaderError."""
        for stanza in stanzas:
            if stanza.kind == KIND:
                try:
                    return _SUITE.decrypt(self._sealed(stanza), self._key, _INFO)
                except InvalidTag:
                    continue
        return None

    def _sealed(self, stanza: Stanza) -> bytes:
        if len(stanza.arguments) != 1:
            raise HeaderError(f"the part of a {KIND} recipient has other arguments than it must have")
        enclosed = base64.decode(stanza.arguments[0])
        if len(enclosed) != _ENCLOSED or len(stanza.body) != _WRAPPED:
            raise HeaderError(f"the part of a {KIND} recipient has not the length that it must have")
        agreed(self._curve, enclosed[-_CURVE:])  # HPKE would only say that it does not fit
        return enclosed + stanza.body
