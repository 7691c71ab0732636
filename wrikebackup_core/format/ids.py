"""The numbers inside Wrike's ids.

Wrike calls its ids opaque, and its backup files number things: so the number is read where it is certain, and is None otherwise.
A record's `permalink` says the number openly; prefer that one.

Classic ids are RFC 4648 base32, upper case, unpadded, of big-endian bytes: `'A'`, the account as uint32, and for everything but the
account itself a letter for the type and an int32 (audit records: int64). People and groups are `'U'` and an int32, negative for
groups. Since July 2025 new tasks, folders and spaces have base64url ids of `'0'` or `'1'` and an int64, without the account.
Only canonical encodings count. Derived from published samples; not documented by Wrike.
"""

from __future__ import annotations

import binascii
import re

__all__ = ["account_number", "number", "permalink_number"]

_ACCOUNT, _CONTACT = ord("A"), ord("U")
_BASE32 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
_NOT_BASE32 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{12}")
_NEW_ITEMS = b"01"  # a task; a folder, project or space
_PERMALINK = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?open\.htm\?(?:[^#]*&)?id=([0-9]{1,19})(?:[&#].*)?", re.DOTALL)
_LARGEST = 2**63 - 1


def number(id: str) -> int | None:  # noqa: A002 - the field's name
    """The number of the thing that an API v4 id names, such as 2067818 for `IEAAAEDYIYAB7DLK`; None where it cannot be told.

    The account's root folder is -1, its recycle bin -2; groups have negative numbers. Ids of two numbers (dependencies) have none.
    """
    match len(id):
        case 16 if (value := _base32(id)) is not None:
            return _signed(value, 32) if value >> 72 == _ACCOUNT and _is_letter(value >> 32 & 0xFF) else None
        case 12:
            return _new(id)
        case 8 if (value := _base32(id)) is not None:
            return {_ACCOUNT: value & 0xFFFFFFFF, _CONTACT: _signed(value, 32)}.get(value >> 32)
        case 23 if (
            value := _base32(id)
        ) is not None:  # 115 bits: 14 bytes, and three bits that a canonical encoding leaves 0
            return (
                _signed(value >> 3, 64)
                if value >> 107 == _ACCOUNT and _is_letter(value >> 67 & 0xFF) and not value & 7
                else None
            )
    return None


def account_number(account_id: str) -> int | None:
    """The number of the account that an account id names: 4216 for `IEAAAEDY`. None where it cannot be told."""
    value = _base32(account_id) if len(account_id) == 8 else None
    return value & 0xFFFFFFFF if value is not None and value >> 32 == _ACCOUNT else None


def permalink_number(permalink: str | None) -> int | None:
    """The number that a record's `permalink` names (`https://www.wrike.com/open.htm?id=4579949064`), None where it names none."""
    found = _PERMALINK.fullmatch(permalink) if permalink else None
    value = int(found[1]) if found else None
    return value if value is not None and value <= _LARGEST else None


def _base32(text: str) -> int | None:
    try:
        letters = text.encode("ascii")
    except UnicodeEncodeError:
        return None
    return None if letters.translate(None, _NOT_BASE32) != letters else int(letters.translate(_BASE32), 32)


def _new(text: str) -> int | None:
    if not _BASE64URL.fullmatch(text):
        return None
    raw = binascii.a2b_base64(text.replace("-", "+").replace("_", "/"))
    return int.from_bytes(raw[1:], "big", signed=True) if raw[0] in _NEW_ITEMS else None


def _signed(value: int, bits: int) -> int:
    """The lowest bits as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _is_letter(byte: int) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122
