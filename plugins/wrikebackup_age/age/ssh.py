"""SSH keys as recipients and identities: `ssh-ed25519` and `ssh-rsa`, as the age program takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHPrivateKeyTypes,
    load_ssh_private_key,
    load_ssh_public_key,
)

from wrikebackup_age.age import base64
from wrikebackup_age.age.errors import HeaderError, KeyProblem, NoMatch
from wrikebackup_age.age.header import FILE_KEY_SIZE, Identity, Recipient, Stanza, derived
from wrikebackup_age.age.scrypt import Ask, as_bytes
from wrikebackup_age.age.x25519 import agreed, opened, proper, sealed

__all__ = ["Ed25519Identity", "Ed25519Recipient", "RsaIdentity", "RsaRecipient", "identity", "recipient"]

_ED25519, _RSA = "ssh-ed25519", "ssh-rsa"
_KINDS = "of SSH keys only ssh-ed25519 and ssh-rsa can be used"
_NO_BCRYPT = 'opening an SSH key with a passphrase needs the library bcrypt: pip install "wrikebackup[age]"'
_ED25519_INFO = b"age-encryption.org/v1/ssh-ed25519"
_LEAST_BITS = 2048
_PRIME = 2**255 - 19
_OAEP = OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), b"age-encryption.org/v1/ssh-rsa")


def recipient(line: str) -> Recipient:
    """One line of an `authorized_keys` or `.pub` file. Raises ValueError for what cannot be used."""
    # No certificates either: what they say of their key would not be heeded.
    if line.split(maxsplit=1)[:1] not in ([_ED25519], [_RSA]):
        raise ValueError(_KINDS)
    try:
        key = load_ssh_public_key(line.encode())
    except Exception:  # noqa: BLE001 - the library raises many kinds, and some hold the line
        raise ValueError("it is not what OpenSSH writes into a .pub file") from None
    if isinstance(key, Ed25519PublicKey):
        return Ed25519Recipient(key)
    if isinstance(key, RSAPublicKey):
        return RsaRecipient(key)
    raise ValueError(_KINDS)


def identity(data: bytes, ask: Ask) -> Identity:
    """A private key in the format of OpenSSH. Raises KeyProblem, NoMatch where the passphrase is another."""
    key = _loaded(data, None)
    if key is None:
        passphrase = ask()
        if passphrase is None:
            raise KeyProblem("it is encrypted with a passphrase")
        key = _loaded(data, as_bytes(passphrase))
    if key is None:
        raise NoMatch("the passphrase does not open it")
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Identity(key)
    if isinstance(key, RSAPrivateKey):
        return RsaIdentity(key)
    raise KeyProblem(_KINDS)


def _loaded(data: bytes, passphrase: bytes | None) -> SSHPrivateKeyTypes | None:
    """None where the passphrase is missing, or another. Raises KeyProblem."""
    try:
        return load_ssh_private_key(data, passphrase)
    except TypeError:  # how the library says that it is missing, or empty
        return None
    except UnsupportedAlgorithm:
        if passphrase is not None and find_spec("bcrypt") is None:
            raise KeyProblem(_NO_BCRYPT) from None
        raise KeyProblem("it is of a kind, or encrypted in a way, that cannot be used here") from None
    except Exception:  # noqa: BLE001 - the library raises many kinds for a file that is not as it should be
        if passphrase is not None:
            return None
        raise KeyProblem("it is not as OpenSSH writes a private key") from None


def _line(key: Ed25519PublicKey | RSAPublicKey) -> str:
    """The key as it is in a .pub file, without a comment."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _wire(key: Ed25519PublicKey | RSAPublicKey) -> bytes:
    """The key as SSH sends it."""
    return base64.decode(_line(key).split(" ")[1].rstrip("="))


def _tag(wire: bytes) -> str:
    """Tells which of several keys a stanza is for."""
    return base64.encode(hashlib.sha256(wire).digest()[:4])


class Ed25519Recipient:
    """The key's twin on Curve25519, where keys can be agreed on."""

    post_quantum = alone = False

    def __init__(self, key: Ed25519PublicKey) -> None:
        """Raises ValueError for a key that has no proper twin."""
        self._key, self._wire, self._twin = key, _wire(key), proper(_on_the_curve(key))

    def __str__(self) -> str:
        return _line(self._key)

    def wrap(self, file_key: bytes) -> Stanza:
        ours = X25519PrivateKey.generate()
        share = ours.public_key().public_bytes_raw()
        key = _ed25519_key(agreed(ours, self._twin), share, self._wire, self._twin)
        return Stanza(_ED25519, (_tag(self._wire), base64.encode(share)), sealed(key, file_key))


class Ed25519Identity:
    def __init__(self, key: Ed25519PrivateKey) -> None:
        public = key.public_key()
        self._wire, self._twin = _wire(public), _on_the_curve(public)
        self._secret = X25519PrivateKey.from_private_bytes(hashlib.sha512(key.private_bytes_raw()).digest()[:32])

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key, None where no stanza is for this key. Raises HeaderError."""
        for stanza in stanzas:
            if stanza.kind == _ED25519:
                if len(stanza.arguments) != 2 or len(share := base64.decode(stanza.arguments[1])) != len(self._twin):
                    raise HeaderError(f"the part of a {_ED25519} recipient has other arguments than it must have")
                if stanza.arguments[0] == _tag(self._wire):
                    key = _ed25519_key(agreed(self._secret, share), share, self._wire, self._twin)
                    if (file_key := opened(key, stanza.body)) is not None:
                        return file_key
        return None


def _ed25519_key(secret: bytes, share: bytes, wire: bytes, twin: bytes) -> bytes:
    tweak = X25519PrivateKey.from_private_bytes(derived(b"", wire, _ED25519_INFO))
    return derived(agreed(tweak, secret), share + twin, _ED25519_INFO)


def _on_the_curve(key: Ed25519PublicKey) -> bytes:
    """From the Edwards to the Montgomery form, RFC 7748 section 4.1: u = (1 + y) / (1 - y)."""
    y = int.from_bytes(key.public_bytes_raw(), "little") & ((1 << 255) - 1)
    # To the power of p - 2 is what an inverse is, with none for zero, where y is 1: u is 0 then, and no proper point.
    return ((1 + y) * pow(1 - y, _PRIME - 2, _PRIME) % _PRIME).to_bytes(32, "little")


class RsaRecipient:
    """Raises ValueError for a key that is too short."""

    post_quantum = alone = False

    def __init__(self, key: RSAPublicKey) -> None:
        if key.key_size < _LEAST_BITS:
            raise ValueError(f"it has {key.key_size} bits; less than {_LEAST_BITS} do not hold")
        self._key, self._wire = key, _wire(key)

    def __str__(self) -> str:
        return _line(self._key)

    def wrap(self, file_key: bytes) -> Stanza:
        return Stanza(_RSA, (_tag(self._wire),), self._key.encrypt(file_key, _OAEP))


class RsaIdentity:
    def __init__(self, key: RSAPrivateKey) -> None:
        self._key, self._wire = key, _wire(key.public_key())

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key, None where no stanza is for this key. Raises HeaderError."""
        for stanza in stanzas:
            if stanza.kind == _RSA:
                if len(stanza.arguments) != 1:
                    raise HeaderError(f"the part of a {_RSA} recipient has other arguments than it must have")
                if stanza.arguments[0] == _tag(self._wire):
                    try:
                        file_key = self._key.decrypt(stanza.body, _OAEP)
                    except ValueError:
                        continue
                    if len(file_key) == FILE_KEY_SIZE:
                        return file_key
        return None
