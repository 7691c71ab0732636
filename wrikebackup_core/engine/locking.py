"""One run at a time for each account and sink, as far as this host and state folder can tell.

The locks are the operating system's: they go with the process that holds them, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from wrikebackup_core.errors import Locked, WrikeBackupError
from wrikebackup_core.model import Account
from wrikebackup_core.ports import Sink

__all__ = ["Places", "locked", "short_hash"]


class Places(Protocol):
    """Where a run writes: its sinks, and the folder in which this host keeps its locks."""

    @property
    def sinks(self) -> Sequence[Sink]: ...
    @property
    def state(self) -> Path: ...


def short_hash(text: str) -> str:
    """Twelve characters that stand for a place in a file name."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


@contextlib.contextmanager
def locked(places: Places, account: Account) -> Iterator[None]:
    """Holds a lock for each sink. Raises Locked, and WrikeBackupError where the state folder cannot be used."""
    folder = places.state / "locks"
    with contextlib.ExitStack() as stack:
        for name in sorted(sink.name for sink in places.sinks):
            lock = FileLock(folder / f"{account.id}-{short_hash(name)}.lock", timeout=0)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(lock)
            except Timeout:
                raise Locked(
                    f"another run is backing up {account.name or account.id} to {name}",
                    hint="wait for it to end; its lock goes with its process",
                ) from None
            except OSError as error:
                raise _unusable(places.state, error) from error
        yield


def _unusable(state: Path, error: OSError) -> WrikeBackupError:
    """What to say of a state folder that refuses."""
    reason = (error.strerror or str(error)).lower()
    return WrikeBackupError(f"cannot use the state folder {state}: {reason}", hint="set `state:` in the profile")
