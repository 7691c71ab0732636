"""CRC32C, as the API writes it."""

from __future__ import annotations

import base64
from typing import Any

import google_crc32c

__all__ = ["Crc"]


class Crc:
    def __init__(self, data: bytes | memoryview = b"") -> None:
        make: Any = google_crc32c.Checksum  # without annotations
        self._sum = make(bytes(data))

    def update(self, data: bytes) -> None:
        self._sum.update(data)

    def __str__(self) -> str:
        """Base64 of the big-endian number."""
        return base64.b64encode(self._sum.digest()).decode()
