"""A lease: the small file beside the backups that says who is writing to the account's folder. It is gone when nobody is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import layout

__all__ = ["FOLDER", "Lease", "generation_of", "lease_folder", "lease_key"]

FOLDER = ".lease"
_GENERATION = re.compile(r"[1-9][0-9]{0,29}")
_VERSION = 1
_SHOWN = 80  # characters of what somebody else wrote, in messages


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who holds the account (`doing`: `backup`, `copy` …, and the `run` that is made), from when until when unless it is renewed.

    `token` is random and another one in each file. `process` and `place` tell the holder's own machine and state folder whether it is
    still there: see engine/leases/bearer.py. `released`: nobody holds it any more, and whoever wrote it may come back.
    """

    token: str
    doing: str
    host: str
    pid: int
    tool: str
    since: datetime
    expires: datetime
    run: str = ""
    profile: str = ""
    process: str = ""
    place: str = ""
    released: bool = False
    version: int = _VERSION

    def encode(self) -> bytes:
        return msgspec.json.encode(self) + b"\n"

    @staticmethod
    def decode(data: bytes, key: str) -> Lease:
        """Raises FormatError for what is none, and for one of a later version."""
        try:
            lease = json_decoder(Lease)(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise FormatError(f"{key}: is no lease") from error
        if lease.version != _VERSION or lease.since.tzinfo is None or lease.expires.tzinfo is None:
            raise FormatError(f"{key}: is a lease of another version")
        return lease

    @property
    def who(self) -> str:
        """`a backup on db1`, for messages."""
        return f"a {_plain(self.doing) or 'run'} on {_plain(self.host) or 'an unnamed host'}"

    @property
    def when(self) -> str:
        """`since 2026-11-23 15:30, until 15:45 UTC unless it goes on`, for messages."""
        since, expires = self.since.astimezone(UTC), self.expires.astimezone(UTC)
        day = "" if since.date() == expires.date() else f"{expires:%Y-%m-%d} "
        return f"since {since:%Y-%m-%d %H:%M}, until {day}{expires:%H:%M} UTC unless it goes on"


def lease_folder(account_id: str) -> str:
    """`account-IEAAAEDY/.lease`. Raises FormatError for an id that could lead elsewhere."""
    return f"{layout.account_folder(account_id)}/{FOLDER}"


def lease_key(account_id: str, generation: int) -> str:
    """`account-IEAAAEDY/.lease/7`: the seventh since the folder was last empty."""
    return f"{lease_folder(account_id)}/{generation}"


def generation_of(account_id: str, key: str) -> int | None:
    """Of a key in the lease folder; None for what is none of ours."""
    name = key.removeprefix(f"{lease_folder(account_id)}/")
    return int(name) if _GENERATION.fullmatch(name) else None


def _plain(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:_SHOWN].strip()
