"""The header of an age file (c2sp.org/age): the file key, wrapped once for each recipient, and a MAC over all of it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wrikebackup_age.age import base64
from wrikebackup_age.age.errors import HeaderError, MacError, NoMatch
from wrikebackup_age.age.stream import Stream

__all__ = ["FILE_KEY_SIZE", "Header", "Identity", "Recipient", "Stanza", "derived"]

FILE_KEY_SIZE = 16  # bytes
_VERSION = b"age-encryption.org/v1\n"
_MARK = b"---"
_COLUMNS = 64
_LONGEST = 1 << 20  # bytes, about 600 post-quantum recipients; whoever alters a file may not make us read and hold more
_MAC_SIZE = 32
_ARGUMENT = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient's part: the kind and further arguments, and a body."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes

    def encode(self) -> bytes:
        text = base64.encode(self.body)
        # A last line is always shorter than the others, so that its end is seen: empty where need be.
        lines = [text[start : start + _COLUMNS] for start in range(0, len(text) + 1, _COLUMNS)]
        return "\n".join([" ".join(("->", self.kind, *self.arguments)), *lines, ""]).encode()


class Recipient(Protocol):
    """Whom a file can be encrypted to. Unchanging: several threads may use one at the same time."""

    @property
    def post_quantum(self) -> bool:
        """Whether it holds against quantum computers: a file is no better than the weakest of its recipients."""

    @property
    def alone(self) -> bool:
        """Whether there may be no other recipient beside it."""

    def wrap(self, file_key: bytes) -> Stanza: ...


class Identity(Protocol):
    """What a file can be opened with. Unchanging: several threads may use one at the same time."""

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key out of one of the stanzas, None where none of them is for this identity. Raises HeaderError."""


@dataclass(frozen=True, slots=True)
class Header:
    """The stanzas in their order, as they are before they are trusted; `size` in bytes is where the payload begins."""

    stanzas: tuple[Stanza, ...]
    text: bytes
    """What the MAC is of."""
    mac: bytes
    size: int

    @staticmethod
    def write(file_key: bytes, recipients: Iterable[Recipient]) -> bytes:
        """The whole header. Raises ValueError for no recipient, for too many, and for some that must not stand together."""
        recipients = list(recipients)
        if not recipients:
            raise ValueError("there is no recipient")
        if len(recipients) > 1 and any(recipient.alone for recipient in recipients):
            raise ValueError("a passphrase must be the only recipient")
        if len({recipient.post_quantum for recipient in recipients}) > 1:
            raise ValueError("post-quantum recipients must not be mixed with others")
        text = _VERSION + b"".join(recipient.wrap(file_key).encode() for recipient in recipients) + _MARK
        header = text + f" {base64.encode(_mac(file_key, text))}\n".encode()
        if len(header) > _LONGEST:
            raise ValueError(f"the recipients take more than the {_LONGEST:,} bytes that a header may have")
        return header

    @staticmethod
    def read(stream: Stream) -> Header:
        """The header, to its end and no further. Raises HeaderError."""
        lines = _Lines(stream)
        stanzas: list[Stanza] = []
        while not (line := lines.next()).startswith(_MARK.decode()):
            stanzas.append(_read_stanza(line, lines))
        if not stanzas:
            raise HeaderError("the header has no recipient")
        mac = _read_mac(line)
        return Header(tuple(stanzas), bytes(lines.read[: lines.read.rindex(b" ")]), mac, len(lines.read))

    def file_key(self, identities: Iterable[Identity]) -> bytes:
        """Raises NoMatch where none of the identities opens the file, MacError where the header was altered, HeaderError."""
        if len(self.stanzas) > 1 and any(stanza.kind == "scrypt" for stanza in self.stanzas):
            raise HeaderError("a passphrase is not the only recipient")
        for identity in identities:
            if (file_key := identity.unwrap(self.stanzas)) is not None:
                if not hmac.compare_digest(_mac(file_key, self.text), self.mac):
                    raise MacError("the header was altered after it had been written")
                return file_key
        raise NoMatch("none of the keys opens it")


class _Lines:
    """The lines of a header, one after the other, behind that of the version."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self.read = stream, bytearray(stream.take(len(_VERSION)))
        if not _VERSION.startswith(self.read):
            raise HeaderError("this is not an age file, or one of a version that is not known here")
        if len(self.read) < len(_VERSION):
            raise HeaderError("the file ends in its header" if self.read else "the file is empty")

    def next(self) -> str:
        """Without its end."""
        line = self._stream.line(_LONGEST - len(self.read))
        self.read += line
        if not line.endswith(b"\n"):
            longer = len(self.read) == _LONGEST
            raise HeaderError(
                f"the header is longer than {_LONGEST:,} bytes" if longer else "the file ends in its header"
            )
        if not line.isascii():
            raise HeaderError("the header has a character that does not belong there")
        return line[:-1].decode()


def _read_stanza(first: str, lines: _Lines) -> Stanza:
    mark, *arguments = first.split(" ")
    if mark != "->" or not arguments or not all(_ARGUMENT.fullmatch(argument) for argument in arguments):
        raise HeaderError("the header has a line that does not belong there")
    body, line = [], "-" * _COLUMNS
    while len(line) == _COLUMNS:  # only the last may be shorter, and has to be
        line = lines.next()
        if len(line) > _COLUMNS:
            raise HeaderError("the header has a line that is too long")
        body.append(base64.decode(line))  # line by line: each must be canonical
    return Stanza(arguments[0], tuple(arguments[1:]), b"".join(body))


def _read_mac(line: str) -> bytes:
    mark, _, text = line.partition(" ")
    mac = base64.decode(text)
    if mark.encode() != _MARK or len(mac) != _MAC_SIZE:
        raise HeaderError("the header has no proper end")
    return mac


def _mac(file_key: bytes, text: bytes) -> bytes:
    return hmac.digest(derived(file_key, b"", b"header"), text, "sha256")


def derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    """32 bytes of HKDF-SHA256."""
    return HKDF(SHA256(), 32, salt or None, info).derive(key)
