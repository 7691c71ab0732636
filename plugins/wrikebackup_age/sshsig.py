"""Signatures in the format of OpenSSH (PROTOCOL.sshsig), with Ed25519: what `ssh-keygen -Y sign` writes and `-Y verify` reads."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "HASHES",
    "KEY_KIND",
    "NAMESPACE",
    "Signature",
    "SignatureError",
    "digest",
    "fingerprint",
    "public_key",
    "wire",
]

KEY_KIND = "ssh-ed25519"
NAMESPACE = "wrikebackup"
"""Says what is signed: a signature for another purpose, such as a commit in Git, has another."""

HASHES = ("sha512", "sha256")
"""Of what is signed. We write the first."""

_MAGIC, _VERSION = b"SSHSIG", 1
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_WIDTH = 70  # characters of a line, as OpenSSH breaks them
_LONGEST = 4096  # bytes; one of ours has about 300
_KEY_SIZE, _SIGNATURE_SIZE = 32, 64


class SignatureError(ValueError):
    """Bytes that are no signature of ours, or a key that is none, and why."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`key` are the 32 bytes of the public key that it says to be of, `value` the 64 of Ed25519; `hash` is one of `HASHES`."""

    key: bytes
    value: bytes
    hash: str = HASHES[0]
    namespace: str = NAMESPACE

    def signed(self, digest: bytes) -> bytes:
        """What Ed25519 signs for a file with that hash. An empty string is reserved."""
        return _MAGIC + b"".join(_string(part) for part in (self.namespace.encode(), b"", self.hash.encode(), digest))

    def encode(self) -> bytes:
        """The file's bytes."""
        parts = (wire(self.key), self.namespace.encode(), b"", self.hash.encode(), _named(self.value))
        blob = _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(_string(part) for part in parts)
        text = base64.b64encode(blob)
        lines = [text[start : start + _WIDTH] + b"\n" for start in range(0, len(text), _WIDTH)]
        return b"".join([_BEGIN, *lines, _END])

    @staticmethod
    def decode(data: bytes) -> Signature:
        """Whatever is not, byte for byte, what OpenSSH writes is refused: raises SignatureError."""
        found = _parsed(_blob(data))
        if found.encode() != data:
            raise SignatureError("it is written in another way than OpenSSH writes it")
        return found


def public_key(wire: bytes) -> bytes:
    """The 32 bytes of a key, from what stands in base64 in a .pub file. Raises SignatureError."""
    return _value(wire, _KEY_SIZE, "key")


def wire(key: bytes) -> bytes:
    """A public key as SSH sends it."""
    return _named(key)


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(wire(key)).digest()).decode().rstrip("=")


def digest(name: str, content: Iterable[bytes]) -> bytes:
    """The hash of what is signed."""
    found = hashlib.new(name)
    for piece in content:
        found.update(piece)
    return found.digest()


def _blob(data: bytes) -> bytes:
    if not data.startswith(_BEGIN) or not data.endswith(_END) or len(data) > _LONGEST:
        raise SignatureError("it is no SSH signature")
    try:
        return binascii.a2b_base64(data[len(_BEGIN) : -len(_END)].replace(b"\n", b""), strict_mode=True)
    except binascii.Error:
        raise SignatureError("it is no SSH signature: its base64 is damaged") from None


def _parsed(blob: bytes) -> Signature:
    fields = _Fields(blob)
    if fields.take(len(_MAGIC)) != _MAGIC or fields.number() != _VERSION:
        raise SignatureError("it is no SSH signature of version 1")
    key, namespace, reserved, hash_name, value = (fields.string() for _ in range(5))
    fields.end()
    try:
        name, purpose = hash_name.decode("ascii"), namespace.decode()
    except UnicodeDecodeError:
        raise SignatureError("it names no hash or no namespace") from None
    if name not in HASHES:
        raise SignatureError(f"it is of a hash that cannot be used: {name!r}")
    if reserved:
        raise SignatureError("it holds what this version does not know")
    return Signature(public_key(key), _value(value, _SIGNATURE_SIZE, "signature"), name, purpose)


def _value(blob: bytes, size: int, what: str) -> bytes:
    fields = _Fields(blob)
    kind = fields.string()
    if kind != KEY_KIND.encode():
        raise SignatureError(f"a {what} of the kind {kind.decode(errors='replace')!r}: only {KEY_KIND} can be used")
    value = fields.string()
    fields.end()
    if len(value) != size:
        raise SignatureError(f"a {what} of another length than {KEY_KIND} has")
    return value


def _named(value: bytes) -> bytes:
    return _string(KEY_KIND.encode()) + _string(value)


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


class _Fields:
    """Lengths and strings, one behind the other. Raises SignatureError where they end early, or something is left."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        if len(taken) != size:
            raise SignatureError("it ends early")
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def end(self) -> None:
        if self._at != len(self._data):
            raise SignatureError("something follows behind its end")
