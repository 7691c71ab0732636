"""Armor: an age file as lines of text. Only what others have armored is read; strictly, since there must be one spelling only."""

from __future__ import annotations

import base64
import binascii

from wrikebackup_age.age.errors import ArmorError

__all__ = ["BEGIN", "dearmored"]

BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_SPACE = b" \t\r\n"


def dearmored(text: bytes) -> bytes:
    """The file in the armor; white space around it is passed over. Raises ArmorError."""
    lines = [line.removesuffix(b"\r") for line in text.strip(_SPACE).split(b"\n")]
    if len(lines) < 2 or lines[0] != BEGIN or lines[-1] != _END:
        raise ArmorError("the text does not begin and end as an age file in armor does")
    body = lines[1:-1]
    if any(len(line) != _COLUMNS for line in body[:-1]) or not all(0 < len(line) <= _COLUMNS for line in body):
        raise ArmorError("a line of the armor has another length than it must have")
    joined = b"".join(body)
    try:
        data = base64.b64decode(joined, validate=True)
    except binascii.Error:
        raise ArmorError("the armor has something that is not Base64") from None
    if base64.b64encode(data) != joined:
        raise ArmorError("the armor has Base64 that is not canonical")
    return data
