"""The transform `sign`, and who checks what it left: SSH signatures of SHA256SUMS and manifest.json, beside them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wrikebackup_age import key_files, signers, sshsig
from wrikebackup_age.sign_options import SignOptions
from wrikebackup_core import (
    Artifact,
    Check,
    Context,
    FormatError,
    KeyRefused,
    MissingExtra,
    Transform,
    UsageError,
    Verifier,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Signatures", "Signed", "signatures", "signed_by"]

_SUFFIX = ".sig"
_HOW = "make one: ssh-keygen -t ed25519 -f FILE"
_Content = Callable[[], Iterator[bytes]]


class Signatures(Transform):
    """Made with one key. Safe from any thread."""

    kind = "sign"

    def __init__(self, key: Ed25519PrivateKey, warning: str | None = None) -> None:
        """`warning` is what doctor is to tell of the key's file."""
        self._key, self._warning = key, warning
        self._public = key.public_key().public_bytes_raw()

    def checks(self) -> Iterator[Check]:
        if self._warning is not None:
            yield Check("signing key", None, self._warning)

    def attest(self, name: str, content: _Content) -> Iterator[Artifact]:
        yield Artifact(name + _SUFFIX, lambda: self._signature(content))

    def describe(self) -> dict[str, object]:
        text = base64.b64encode(sshsig.wire(self._public)).decode()
        return {"format": "sshsig", "namespace": sshsig.NAMESPACE, "publicKey": f"{sshsig.KEY_KIND} {text}"}

    def _signature(self, content: _Content) -> Iterator[bytes]:
        unsigned = sshsig.Signature(self._public, b"")
        value = self._key.sign(unsigned.signed(sshsig.digest(unsigned.hash, content())))
        yield sshsig.Signature(self._public, value).encode()


def signatures(options: SignOptions, context: Context) -> Signatures:
    """From a profile. Raises UsageError for a key that cannot be used, KeyRefused for another passphrase, SecretError."""
    from wrikebackup_age.age.scrypt import as_bytes

    path, data, mode = key_files.read(options.key, "sign: cannot read the key file")
    passphrase = None if options.passphrase is None else as_bytes(context.secret(options.passphrase))
    return Signatures(_loaded(path, data, passphrase), key_files.others_read(path, mode))


def _loaded(path: Path, data: bytes, passphrase: bytes | None) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        key = _opened(load_ssh_private_key, data, passphrase)
    except TypeError:  # how the library says that the passphrase is missing
        hint = "give a reference to it: passphrase: env:SIGN_PASSPHRASE"
        raise UsageError(f"sign: the key file {path} is encrypted with a passphrase", hint=hint) from None
    except UnsupportedAlgorithm:
        if passphrase is not None and find_spec("bcrypt") is None:
            raise MissingExtra("sign, with a key that has a passphrase,", "age") from None
        raise UsageError(f"sign: the key file {path} is of a kind that cannot be used", hint=_HOW) from None
    except Exception:  # noqa: BLE001 - the library raises many kinds, and some hold parts of the file
        if passphrase is not None:
            raise KeyRefused(f"sign: the passphrase does not open the key file {path}, or it is damaged") from None
        raise UsageError(f"sign: {path} is no private key as OpenSSH writes it", hint=_HOW) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"sign: the key file {path} is of another kind than {sshsig.KEY_KIND}", hint=_HOW)
    return key


def _opened(load: Callable[..., object], data: bytes, passphrase: bytes | None) -> object:
    """A passphrase for a key that has none is no fault."""
    try:
        return load(data, None)
    except TypeError:
        if passphrase is None:
            raise
    return load(data, passphrase)


class Signed(Verifier):
    """Signatures by any of the keys that are trusted."""

    suffix = _SUFFIX

    def __init__(self, keys: Mapping[bytes, Sequence[signers.Trust]]) -> None:
        """`keys` are 32 bytes each, with what is said of them."""
        self._keys = keys

    def signer(self, content: _Content, attestation: bytes, at: datetime) -> str:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            found = sshsig.Signature.decode(attestation)
        except sshsig.SignatureError as error:
            raise FormatError(f"the signature cannot be used: {error}") from None
        if found.namespace != sshsig.NAMESPACE:
            raise FormatError(f"the signature is for another purpose: {found.namespace!r}, not {sshsig.NAMESPACE!r}")
        if found.key not in self._keys:
            raise FormatError(f"signed with the key {sshsig.fingerprint(found.key)}, which is not trusted")
        message = found.signed(sshsig.digest(found.hash, content()))
        try:
            Ed25519PublicKey.from_public_bytes(found.key).verify(found.value, message)
        except InvalidSignature:
            raise FormatError("the signature does not fit: one or the other was altered") from None
        refused = {trust.name: trust.refusal(at) for trust in self._keys[found.key]}
        for name, reason in refused.items():
            if reason is None:
                return name
        why = " and ".join(f"{name}, {reason}" for name, reason in refused.items())
        raise FormatError(f"signed by {why}: the backup was begun at {at:%Y-%m-%d %H:%M:%S} UTC")


def signed_by(signer: str) -> Signed:
    """From the text of --signer. Raises UsageError."""
    try:
        return Signed(signers.trusted(signer))
    except sshsig.SignatureError as error:
        raise UsageError(str(error)) from None
