"""Runs of this host that were begun and not ended: their spools tell which backups they are at and which attachments they want."""

from __future__ import annotations

import contextlib
import glob
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.journal import Origin, StoredObject

__all__ = ["Begun", "begun"]

_ATTACHMENTS = "attachments/"
# What it wants, and what it has brought before it came to know what it wants.
_WANTED = (
    "SELECT key FROM files",
    "SELECT key FROM objects WHERE new IN (?, ?)",
)
_BROUGHT = (int(Origin.DOWNLOADED), int(Origin.COPIED))


@dataclass(frozen=True, slots=True)
class Begun:
    """`backup_uid` is None where the run has none yet, or its spool cannot be read: then `readable` is False."""

    folder: Path
    backup_uid: str | None
    readable: bool

    def wanted(self) -> Iterator[str]:
        """Names in `attachments/`. Raises sqlite3.Error, OSError."""
        with _opened(self.folder) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for query in _WANTED:
                if query.split()[3] in tables:
                    for (key,) in db.execute(query, _BROUGHT[: query.count("?")]):
                        if key.startswith(_ATTACHMENTS):
                            yield key[len(_ATTACHMENTS) :]
        with contextlib.suppress(FileNotFoundError):
            for line in (self.folder / "journal").read_bytes().splitlines():
                with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):  # cut off by a kill
                    key = json_decoder(StoredObject)(line).key
                    if key.startswith(_ATTACHMENTS):
                        yield key[len(_ATTACHMENTS) :]


def begun(state: Path, account: str) -> list[Begun]:
    """The runs of an account that this host may go on with."""
    found = []
    for folder in sorted(state.glob(f"{glob.escape(account)}-????????????")):
        if not (folder / "spool.sqlite").is_file():
            continue
        try:
            with _opened(folder) as db:
                row = db.execute("SELECT value FROM run WHERE key = 'backup'").fetchone()
            found.append(Begun(folder, row[0] if row else None, readable=True))
        except (sqlite3.Error, OSError):
            found.append(Begun(folder, None, readable=False))
    return found


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    path = quote(str((folder / "spool.sqlite").absolute()).replace("\\", "/"))
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)) as db:
        yield db
