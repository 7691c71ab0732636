"""What a host notes of its own work in a sink, so that a prune can tell what is left of it from what somebody else is at.

- Backups that are given up: those that a prune has begun to delete, and those that a sink dropped out of. Their folders have no
  manifest, as those of unfinished backups have.
- That a copy into the sink has not come to its end: what it brought is not named by anything yet.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from wrikebackup_core.engine.locking import short_hash
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.errors import WrikeBackupError
from wrikebackup_core.homes import private_folder

__all__ = ["Notes"]

_FOLDER = "pruning"


class Notes:
    """Of one account in one sink, by the sink's name. Whoever writes them holds the lock."""

    def __init__(self, state: Path, account: str, sink: str) -> None:
        stem = state / _FOLDER / f"{account}-{short_hash(sink)}"
        self._state = state
        self._given_up, self._copying = Path(f"{stem}.json"), Path(f"{stem}.copying")

    def given_up(self) -> set[str]:
        """Uids. Notes that cannot be read are none: what they would tell of is old enough some day."""
        try:
            return set(msgspec.json.decode(self._given_up.read_bytes(), type=list[str]))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return set()

    def give_up(self, uids: Iterable[str]) -> None:
        """These too. It is durable when this returns. Raises WrikeBackupError."""
        self._write(self.given_up().union(uids))

    def keep_only(self, uids: Iterable[str]) -> None:
        """Of those given up, the ones of which something is left. Raises WrikeBackupError."""
        before = self.given_up()
        left = before.intersection(uids)
        if left != before:
            self._write(left)

    def _write(self, uids: set[str]) -> None:
        try:
            if uids:
                replace_file(self._given_up, msgspec.json.encode(sorted(uids)))
            else:
                self._given_up.unlink(missing_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise WrikeBackupError(
                f"cannot use the state folder {self._state}: {reason}", hint="set `state:` in the profile"
            ) from error

    def copy_begins(self) -> None:
        """Raises nothing: where it cannot be noted, a prune may delete what a copy would have to bring again."""
        with contextlib.suppress(OSError):
            private_folder(self._copying.parent)
            self._copying.touch(mode=0o600)
            os.utime(self._copying)

    def copy_ends(self) -> None:
        with contextlib.suppress(OSError):
            self._copying.unlink(missing_ok=True)

    def copy_began(self) -> datetime | None:
        """When the copy was last begun that has not come to its end; None where there is none."""
        try:
            return datetime.fromtimestamp(self._copying.stat().st_mtime, UTC)
        except OSError:
            return None
