"""Recipients and identities of the classic kind: X25519, `age1…` and `AGE-SECRET-KEY-1…`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from wrikebackup_age.age import base64, bech32
from wrikebackup_age.age.errors import HeaderError
from wrikebackup_age.age.header import FILE_KEY_SIZE, Stanza, derived

__all__ = ["IDENTITY", "RECIPIENT", "X25519Identity", "X25519Recipient", "agreed", "opened", "proper", "sealed"]

RECIPIENT, IDENTITY = "age", "age-secret-key-"
KIND = "X25519"
_INFO = b"age-encryption.org/v1/X25519"
_SIZE = 32
_NO_NONCE = bytes(12)  # each wrapping key is used once
_WRAPPED = FILE_KEY_SIZE + 16


class X25519Recipient:
    """A public key of 32 bytes."""

    post_quantum = alone = False

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for what is no such key."""
        self._bytes = proper(key)

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT, self._bytes)

    def wrap(self, file_key: bytes) -> Stanza:
        ours = X25519PrivateKey.generate()
        share = ours.public_key().public_bytes_raw()
        key = derived(agreed(ours, self._bytes), share + self._bytes, _INFO)
        return Stanza(KIND, (base64.encode(share),), sealed(key, file_key))


class X25519Identity:
    """A secret key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for a key of another length."""
        self._key = X25519PrivateKey.from_private_bytes(key)
        self._public = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Self:
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    def secret(self) -> str:
        """The line of an identity file. To be kept from logs and errors."""
        return bech32.encode(IDENTITY, self._key.private_bytes_raw()).upper()

    def recipient(self) -> X25519Recipient:
        return X25519Recipient(self._public)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key, None where no stanza is for this key. Raises HeaderError."""
        for stanza in stanzas:
            if stanza.kind == KIND:
                share = _share(stanza)
                key = derived(agreed(self._key, share), share + self._public, _INFO)
                if (file_key := opened(key, stanza.body)) is not None:
                    return file_key
        return None


def _share(stanza: Stanza) -> bytes:
    if len(stanza.arguments) != 1:
        raise HeaderError(f"the part of a {KIND} recipient has other arguments than it must have")
    share = base64.decode(stanza.arguments[0])
    if len(share) != _SIZE:
        raise HeaderError(f"the part of a {KIND} recipient has a share of {len(share)} bytes")
    return share


def agreed(ours: X25519PrivateKey, share: bytes) -> bytes:
    """The shared secret. Raises HeaderError for a share with which everybody could tell it."""
    try:
        return ours.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        raise HeaderError("the part of a recipient has a share that is no proper point") from None


def proper(key: bytes) -> bytes:
    """The public key itself. Raises ValueError for another length, and where everybody could tell what is agreed on with it."""
    if len(key) != _SIZE:
        raise ValueError(f"it has {len(key)} bytes, not {_SIZE}")
    try:
        agreed(X25519PrivateKey.generate(), key)
    except HeaderError:
        raise ValueError("it is no proper point of the curve") from None
    return key


def sealed(key: bytes, file_key: bytes) -> bytes:
    """The file key under a wrapping key that is used once."""
    return ChaCha20Poly1305(key).encrypt(_NO_NONCE, file_key, None)


def opened(key: bytes, body: bytes) -> bytes | None:
    """The file key, None where it is another wrapping key's. Raises HeaderError for a body of a length that no file key has."""
    if len(body) != _WRAPPED:
        raise HeaderError(f"the part of a recipient holds {len(body)} bytes, not {_WRAPPED}")
    try:
        return ChaCha20Poly1305(key).decrypt(_NO_NONCE, body, None)
    except InvalidTag:
        return None
