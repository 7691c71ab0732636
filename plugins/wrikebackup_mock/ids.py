"""Ids as Wrike makes them: the classic ones in base32, and those of mid-2025 and later in base64url.

Formats: the project's API reference, section 5. Letters that no public sample shows are ours, and marked so.
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import NamedTuple

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]

ATTACHMENT = "F"
COMMENT = "C"
FOLDER = "G"
TASK = "T"
INVITATION = "I"
STATUS = "K"
TIMELOG = "L"
CUSTOM_FIELD = "M"
WORKFLOW = "W"
APPROVAL = "a"
WORK_SCHEDULE = "b"
ACCESS_ROLE = "h"
AUDIT = "l"
USER = "U"
DEPENDENCY = "E"
CATEGORY = "c"  # ours
ITEM_TYPE = "p"  # ours
JOB_ROLE = "r"  # ours
FOLDER_BLUEPRINT = "f"  # ours
TASK_BLUEPRINT = "t"  # ours

MODERN_TASK = 0x30
MODERN_FOLDER = 0x31
MODERN_ATTACHMENT = 0x34  # ours: Wrike says that more kinds may follow
_MODERN = {MODERN_TASK: TASK, MODERN_FOLDER: FOLDER, MODERN_ATTACHMENT: ATTACHMENT}

ROOT, BIN = -1, -2
"""The numbers of the two virtual folders."""


class Parsed(NamedTuple):
    """What an id says: its letter, its number, and for a dependency the number of the successor."""

    letter: str
    number: int
    successor: int = 0


class Ids:
    """Makes and reads the ids of one account."""

    def __init__(self, account: int) -> None:
        self.number = account
        self.account = _base32(struct.pack(">cI", b"A", account))
        self._prefixes: dict[str, tuple[str, int]] = {}

    def classic(self, letter: str, number: int) -> str:
        """16 characters; `number` is an int32."""
        prefix, low = self._prefixes.get(letter) or self._prefix(letter)
        bits = low | (number & 0xFFFFFFFF)
        return f"{prefix}{_ALPHABET[bits >> 30]}{_PAIRS[bits >> 20 & 1023]}{_PAIRS[bits >> 10 & 1023]}{_PAIRS[bits & 1023]}"

    def _prefix(self, letter: str) -> tuple[str, int]:
        whole = _base32(struct.pack(">cIcI", b"A", self.number, letter.encode(), 0))
        found = self._prefixes[letter] = (whole[:9], (ord(letter) & 7) << 32)
        return found

    def person(self, number: int) -> str:
        """8 characters, `KU…`; a group has a negative number, which makes it `KX…`."""
        return _base32(struct.pack(">ci", b"U", number))

    def audit(self, number: int) -> str:
        """23 characters."""
        return _base32(struct.pack(">cIcq", b"A", self.number, AUDIT.encode(), number))

    def dependency(self, predecessor: int, successor: int, *, modern: bool) -> str:
        """24 characters of either format."""
        if modern:
            return _base64(struct.pack(">cqcq", b"2", predecessor, b"3", successor))
        return _base32(struct.pack(">cIcici", b"A", self.number, b"E", predecessor, b"S", successor))

    def parse(self, text: str) -> Parsed | None:
        """What an id of this account says; None for anything else. Strict: only the one spelling of an id is an id."""
        for read in (self._parse_classic, _parse_modern):
            parsed = read(text)
            if parsed is not None:
                return parsed
        return None

    def _parse_classic(self, text: str) -> Parsed | None:
        try:
            data = base64.b32decode(text + "=" * (-len(text) % 8))
        except (binascii.Error, ValueError):
            return None
        if _base32(data) != text:
            return None
        if len(data) == 5 and data[:1] == b"U":
            return Parsed(USER, _signed(data[1:]))
        if data[:5] != struct.pack(">cI", b"A", self.number):
            return None
        return _parse_entity(data[5:])


def _parse_entity(data: bytes) -> Parsed | None:
    """What follows the account: a letter and a number, for a dependency twice."""
    letter = data[:1].decode("latin-1")
    if len(data) == 10 and letter == DEPENDENCY and data[5:6] == b"S":
        return Parsed(letter, _signed(data[1:5]), _signed(data[6:]))
    if len(data) == (9 if letter == AUDIT else 5):
        return Parsed(letter, _signed(data[1:]))
    return None


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def modern(tag: int, number: int) -> str:
    """12 characters, the account not among them; `number` is an int64."""
    return _base64(struct.pack(">Bq", tag, number))


def _parse_modern(text: str) -> Parsed | None:
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) == 9 and data[0] in _MODERN:
        return Parsed(_MODERN[data[0]], _signed(data[1:]))
    if len(data) == 18 and data[:1] == b"2" and data[9:10] == b"3":
        return Parsed(DEPENDENCY, _signed(data[1:9]), _signed(data[10:]))
    return None


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
