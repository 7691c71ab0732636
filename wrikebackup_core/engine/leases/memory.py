"""What a state folder remembers of the leases in one sink: which were its own, and since when it has seen another's unchanged."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.errors import WrikeBackupError

__all__ = ["Memory"]

_KEPT = 200  # tokens: a run of a day renews its lease that often


class _Notes(msgspec.Struct):
    tokens: dict[str, str] = msgspec.field(default_factory=dict)
    seen: str = ""
    seen_at: datetime | None = None


class Memory:
    """Of one account in one sink, in the file `path`. Whoever writes it holds the lock of this host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes = self._read()

    def _read(self) -> _Notes:
        try:
            return json_decoder(_Notes)(self._path.read_bytes())
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return _Notes()  # what is lost makes a run wait, or look twice

    @property
    def place(self) -> str:
        """The same for the same state folder, and another one for a copy of it."""
        try:
            return f"{self._path.parent.stat().st_ino:x}"
        except OSError:
            return ""

    def owner(self, token: str) -> str | None:
        """Who wrote the lease, if it was somebody of this state folder."""
        return self._notes.tokens.get(token)

    def note(self, token: str, owner: str) -> None:
        """Ahead of writing the lease. It is durable when this returns. Raises WrikeBackupError."""
        tokens = {**self._notes.tokens, token: owner}
        while len(tokens) > _KEPT:
            tokens.pop(next(iter(tokens)))
        self._notes.tokens = tokens
        self._write()

    def seen_since(self, data: bytes, now: datetime) -> datetime:
        """When these bytes were first seen, and nothing else since. Raises WrikeBackupError."""
        digest = hashlib.sha256(data).hexdigest()
        since = self._notes.seen_at
        if self._notes.seen == digest and since is not None and since <= now:
            return since
        self._notes.seen, self._notes.seen_at = digest, now
        self._write()
        return now

    def _write(self) -> None:
        try:
            replace_file(self._path, msgspec.json.encode(self._notes))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise WrikeBackupError(
                f"cannot use the state folder {self._path.parent.parent}: {reason}", hint="set `state:` in the profile"
            ) from error
