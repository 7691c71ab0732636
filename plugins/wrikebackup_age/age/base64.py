"""Base64 as age writes it in headers: the standard alphabet, no padding, and one spelling only for the same bytes."""

from __future__ import annotations

import base64
import re

from wrikebackup_age.age.errors import HeaderError

__all__ = ["decode", "encode"]

_TEXT = re.compile(r"[A-Za-z0-9+/]*")


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Raises HeaderError for any spelling but the one."""
    if not _TEXT.fullmatch(text) or len(text) % 4 == 1:
        raise HeaderError("the header has something that is not Base64")
    data = base64.b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise HeaderError("the header has Base64 that is not canonical")
    return data
