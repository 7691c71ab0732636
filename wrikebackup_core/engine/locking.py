"""One run at a time for each account and sink, as far as this host and state folder can tell.

The locks are the operating system's: they go with the process that holds them, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from wrikebackup_core.errors import Locked, WrikeBackupError
from wrikebackup_core.homes import private_folder
from wrikebackup_core.model import Account
from wrikebackup_core.ports import Sink

__all__ = ["Locks", "Places", "locked", "short_hash", "spool_folder"]


class Places(Protocol):
    """Where a run writes: its sinks, and the folder in which this host keeps its locks."""

    @property
    def sinks(self) -> Sequence[Sink]: ...
    @property
    def state(self) -> Path: ...


def short_hash(text: str) -> str:
    """Twelve characters that stand for a place in a file name."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def spool_folder(places: Places, account_id: str) -> Path:
    """Where a run on this account and these sinks stages what it reads."""
    named = "\n".join([account_id, *sorted(sink.name for sink in places.sinks)])
    return places.state / f"{account_id}-{short_hash(named)}"


class Locks:
    """Those that are held, and beside each a note of who wrote to its sink last, which stays when they are let go."""

    def __init__(self, state: Path, notes: Mapping[str, Path]) -> None:
        self._state, self._notes = state, notes

    def written_by_another(self, sink: str, me: str) -> bool:
        """Whether somebody else may have written to the sink after `me` did last."""
        try:
            return self._notes[sink].read_bytes() != me.encode()
        except FileNotFoundError:
            return True
        except OSError as error:
            raise _unusable(self._state, error) from error

    def sign(self, me: str) -> None:
        """Says, ahead of the first write, that from now on it is `me`; so that it also survives a power cut."""
        for path in self._notes.values():
            try:
                with path.open("wb") as file:  # cut off in the middle, it names nobody
                    file.write(me.encode())
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise _unusable(self._state, error) from error


@contextlib.contextmanager
def locked(places: Places, account: Account) -> Iterator[Locks]:
    """Holds a lock for each sink. Raises Locked, and WrikeBackupError where the state folder cannot be used."""
    folder = places.state / "locks"
    stems = {sink.name: folder / f"{account.id}-{short_hash(sink.name)}" for sink in places.sinks}
    with contextlib.ExitStack() as stack:
        for name, stem in sorted(stems.items()):
            lock = FileLock(f"{stem}.lock", timeout=0)
            try:
                private_folder(folder)
                stack.enter_context(lock)
            except Timeout:
                raise Locked(
                    f"another backup, copy or restore is writing {account.name or account.id} to {name}",
                    hint="wait for it to end; its lock goes with its process",
                ) from None
            except OSError as error:
                raise _unusable(places.state, error) from error
        yield Locks(places.state, {name: Path(f"{stem}.writer") for name, stem in stems.items()})


def _unusable(state: Path, error: OSError) -> WrikeBackupError:
    """What to say of a state folder that refuses."""
    reason = (error.strerror or str(error)).lower()
    return WrikeBackupError(f"cannot use the state folder {state}: {reason}", hint="set `state:` in the profile")
