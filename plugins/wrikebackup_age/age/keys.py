"""Recipients and identities as people write them: on a line, in a file of lines, as SSH keys, behind a passphrase."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TypeVar

from wrikebackup_age.age import armor, bech32, files, hybrid, scrypt, ssh, x25519
from wrikebackup_age.age.errors import KeyProblem, NoMatch
from wrikebackup_age.age.header import Header, Identity, Recipient
from wrikebackup_age.age.hybrid import HybridIdentity, HybridRecipient
from wrikebackup_age.age.scrypt import Ask, ScryptIdentity
from wrikebackup_age.age.stream import Stream
from wrikebackup_age.age.x25519 import X25519Identity, X25519Recipient
from wrikebackup_age.key_files import LONGEST
from wrikebackup_core import FormatError

__all__ = ["Ask", "KeyProblem", "identities", "recipient", "recipients"]

_MAGIC = b"age-encryption.org/"
_SSH_PRIVATE = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_SSH_PUBLIC = ("ssh-", "ecdsa-", "sk-")
_PEM = b"-----BEGIN "

_T = TypeVar("_T")


def recipient(text: str) -> Recipient:
    """One recipient: `age1pq1…`, `age1…`, or an SSH public key. Raises KeyProblem."""
    text = text.strip()
    if text.startswith(_SSH_PUBLIC):
        return _made(lambda: ssh.recipient(text), "an SSH key that can be used")
    if text.lower().startswith((x25519.IDENTITY, hybrid.IDENTITY)):
        raise KeyProblem(
            "this is a secret key, not a recipient: keep it to yourself, and name the line that begins with age1"
        )
    prefix, data = _made(lambda: bech32.decode(text), "a recipient")
    if prefix == hybrid.RECIPIENT:
        return _made(lambda: HybridRecipient(data), "a recipient")
    if prefix == x25519.RECIPIENT:
        return _made(lambda: X25519Recipient(data), "a recipient")
    if prefix.startswith("age1"):
        raise KeyProblem(f"recipients of the age plugin {prefix.removeprefix('age1')} cannot be used here")
    raise KeyProblem("a recipient begins with age1 or ssh-")


def recipients(text: str) -> list[Recipient]:
    """Those of a file, one on a line; `#` begins a comment. Raises KeyProblem, also where there is none."""
    found = [_on_line(number, line, recipient) for number, line in _lines(text)]
    if not found:
        raise KeyProblem("there is no recipient in it")
    return found


def identities(data: bytes, ask: Ask) -> list[Identity]:
    """Those of a file: lines of an age key file, an SSH private key, or either encrypted with a passphrase.

    `ask` is called only where a passphrase is needed. Raises KeyProblem, NoMatch where the passphrase is another.
    """
    if len(data) > LONGEST:
        raise KeyProblem("it is too long for a file of keys")
    start = data.lstrip()
    if start.startswith((_MAGIC, armor.BEGIN)):
        return identities(_decrypted(data, ask), lambda: None)
    if start.startswith(_SSH_PRIVATE):
        return [ssh.identity(data, ask)]
    if start.startswith(_PEM):
        raise KeyProblem(
            "it is a private key in another format than that of OpenSSH: ssh-keygen -p -f FILE writes it anew"
        )
    # What cannot be decoded is looked for afterwards: the error would hold the whole file.
    text = data.decode(errors="replace")
    if "\N{REPLACEMENT CHARACTER}" in text or "\0" in text:
        raise KeyProblem("it is no file of keys in UTF-8")
    found = [_on_line(number, line, _identity) for number, line in _lines(text)]
    if not found:
        raise KeyProblem("there is no key in it")
    return found


def _identity(text: str) -> Identity:
    if text.lower().startswith(x25519.RECIPIENT + "1"):
        raise KeyProblem("this is a recipient; what opens files is the secret key that begins with AGE-SECRET-KEY-")
    if text.startswith(_SSH_PUBLIC):
        raise KeyProblem("this is a public key; what opens files is the private one, in the file without .pub")
    prefix, data = _made(lambda: bech32.decode(text), "a key")
    if prefix == hybrid.IDENTITY:
        return _made(lambda: HybridIdentity(data), "a key")
    if prefix == x25519.IDENTITY:
        return _made(lambda: X25519Identity(data), "a key")
    if prefix.startswith("age-plugin-"):
        raise KeyProblem("keys of age plugins cannot be used here")
    raise KeyProblem("a key begins with AGE-SECRET-KEY-")


def _decrypted(data: bytes, ask: Ask) -> bytes:
    try:
        file = armor.dearmored(data) if data.lstrip().startswith(armor.BEGIN) else data
        stanzas = Header.read(Stream(io.BytesIO(file).read, len(file))).stanzas
        if not any(stanza.kind == scrypt.KIND for stanza in stanzas):
            raise KeyProblem("it is encrypted, but not with a passphrase")
        passphrase = ask()
        if passphrase is None:
            raise KeyProblem("it is encrypted with a passphrase")
        return b"".join(files.decrypt(io.BytesIO(file).read, [ScryptIdentity(passphrase)]))
    except NoMatch:
        raise NoMatch("the passphrase does not open it") from None
    except FormatError as error:
        raise KeyProblem(error.message) from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Windows' editors put a mark before the first."""
    for number, line in enumerate(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").split("\n"), 1):
        if (line := line.strip()) and not line.startswith("#"):
            yield number, line


def _on_line(number: int, line: str, read: Callable[[str], _T]) -> _T:
    try:
        return read(line)
    except KeyProblem as error:
        raise KeyProblem(error.reason, number) from None


def _made(make: Callable[[], _T], what: str) -> _T:
    try:
        return make()
    except ValueError as error:
        raise KeyProblem(f"this is not {what}: {error}") from None
