"""What a host notes of a profile's troubles: which are open, and which of them each monitor was told of."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.engine.standing.troubles import Open
from wrikebackup_core.homes import private_folder

__all__ = ["Notes", "NotesFile", "here"]

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class Notes(msgspec.Struct, kw_only=True):
    """`open` are the troubles that last; `told` has for each monitor those that it was told of, and not yet of their end. `sinks` are the
    names of the profile's sinks by how the profile writes them, for when one cannot be opened."""

    host: str = ""
    machine: str = ""
    open: list[Open] = []
    told: dict[str, list[Open]] = {}
    sinks: dict[str, str] = {}


def here() -> tuple[str, str]:
    """The host's name, and what the system calls the machine; empty where it has no name for it (only Linux has)."""
    for path in _MACHINE_IDS:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return platform.node(), path.read_text().strip()
    return platform.node(), ""


class NotesFile:
    """Below the profile's own state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / "standing.json"

    @contextlib.contextmanager
    def locked(self, wait: float) -> Iterator[None]:
        """Only one process looks and tells at a time, so that nothing is told twice. After `wait` seconds, and where nothing can be
        locked, it goes ahead all the same: better twice than never."""
        with contextlib.ExitStack() as stack:
            # The last where the file system has no locks.
            with contextlib.suppress(Timeout, OSError, NotImplementedError):
                private_folder(self._folder)
                stack.enter_context(FileLock(self._folder / "standing.lock", timeout=wait))
            yield

    def read(self) -> tuple[Notes, str | None]:
        """The notes, and what is strange about them: in one line, for people. What cannot be read counts for nothing."""
        try:
            notes = json_decoder(Notes)(self.path.read_bytes())
        except FileNotFoundError:
            return Notes(), None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            return Notes(), f"{self.path} cannot be read, so what is wrong now is told anew: {reason}"
        if any(
            one.since.tzinfo is None for one in (*notes.open, *(one for told in notes.told.values() for one in told))
        ):
            return Notes(), f"{self.path} has a time without its zone, so what is wrong now is told anew"
        host, machine = here()
        if notes.machine and machine and notes.machine != machine:
            return (
                notes,
                f"{self._folder} was the state of another machine, {notes.host or notes.machine}; {host} goes on with it",
            )
        return notes, None

    def write(self, notes: Notes) -> None:
        """In place of what was there; durable when it returns. Raises OSError, and then that stays."""
        notes.host, notes.machine = here()
        replace_file(self.path, msgspec.json.format(msgspec.json.encode(notes)))
