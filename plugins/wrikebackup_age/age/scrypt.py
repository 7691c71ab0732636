"""A passphrase as the one recipient of a file: scrypt."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from wrikebackup_age.age import base64
from wrikebackup_age.age.errors import HeaderError
from wrikebackup_age.age.header import Stanza
from wrikebackup_age.age.x25519 import opened, sealed

__all__ = ["KIND", "Ask", "ScryptIdentity", "ScryptRecipient", "as_bytes"]

Ask = Callable[[], str | None]
"""Gives the passphrase of a file, None where there is none to be had."""

KIND = "scrypt"
_LABEL = b"age-encryption.org/v1/scrypt"
_SALT = 16
_WORK = 18
"""Base-2 logarithm: 256 MiB of memory, about a second. The age program takes the same."""
_MOST_WORK = 20
"""A file can ask for any amount of work before it is known to be ours: this is 1 GiB."""
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


class ScryptRecipient:
    """Each file costs the work anew."""

    post_quantum = alone = True

    def __init__(self, passphrase: str, *, work: int = _WORK) -> None:
        """`work` is a base-2 logarithm. Raises ValueError for an empty passphrase, and for work that would not be done to open it."""
        if not passphrase:
            raise ValueError("the passphrase is empty")
        if not 1 <= work <= _MOST_WORK:
            raise ValueError(f"the work must be 1 to {_MOST_WORK}")
        self._passphrase, self._work = as_bytes(passphrase), work

    def wrap(self, file_key: bytes) -> Stanza:
        salt = secrets.token_bytes(_SALT)
        key = _key(self._passphrase, salt, self._work)
        return Stanza(KIND, (base64.encode(salt), str(self._work)), sealed(key, file_key))


class ScryptIdentity:
    """Opens what was encrypted with a passphrase."""

    def __init__(self, passphrase: str) -> None:
        self._passphrase = as_bytes(passphrase)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key, None where it is another passphrase's. Raises HeaderError, also for more work than is sensible."""
        for stanza in stanzas:
            if stanza.kind == KIND:
                return opened(_key(self._passphrase, *_asked(stanza)), stanza.body)
        return None


def as_bytes(passphrase: str) -> bytes:
    # Bytes of an environment variable that are no UTF-8 come as surrogates; an error would hold the passphrase.
    return passphrase.encode("utf-8", "surrogateescape")


def _asked(stanza: Stanza) -> tuple[bytes, int]:
    if len(stanza.arguments) != 2:
        raise HeaderError("the part of a passphrase has other arguments than it must have")
    salt = base64.decode(stanza.arguments[0])
    if len(salt) != _SALT or not _NUMBER.fullmatch(stanza.arguments[1]):
        raise HeaderError("the part of a passphrase has other arguments than it must have")
    if (work := int(stanza.arguments[1])) > _MOST_WORK:
        raise HeaderError(f"the passphrase asks for 2^{work} steps of work, more than 2^{_MOST_WORK}")
    return salt, work


def _key(passphrase: bytes, salt: bytes, work: int) -> bytes:
    return Scrypt(_LABEL + salt, 32, 1 << work, 8, 1).derive(passphrase)
