"""pin.json: a backup that is to stay whatever the rules say, and why. It is no part of the backup, and may be taken away again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import FormatError

__all__ = ["Pin"]


class Pin(msgspec.Struct, frozen=True):
    """Why a backup is pinned, in one line for people, and since when."""

    reason: str
    pinned: Annotated[datetime, msgspec.Meta(tz=True)]

    def encode(self) -> bytes:
        """The file's bytes: seconds in UTC."""
        pinned = self.pinned.astimezone(UTC).replace(microsecond=0)
        return msgspec.json.format(msgspec.json.encode(Pin(self.reason, pinned))) + b"\n"

    @staticmethod
    def decode(data: bytes, where: str) -> Pin:
        """Raises FormatError naming `where`."""
        try:
            return json_decoder(Pin)(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FormatError(f"{where}: not a pin: {error}") from error
