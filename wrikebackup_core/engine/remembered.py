"""What a host remembers of each sink: the newest backup that it committed there. A sink that was rolled back has it no more."""

from __future__ import annotations

from pathlib import Path

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.locking import short_hash
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.ports import Sink
from wrikebackup_core.stored import hash_stored

__all__ = ["Newest", "recall", "remember", "rolled_back"]

_FOLDER = "newest"


class Newest(msgspec.Struct, frozen=True):
    """The newest backup that this host committed to a sink, and the SHA-256 of its manifest in hex."""

    account: str
    sink: str
    backup_uid: str = msgspec.field(name="backupUID")
    manifest: str


def remember(state: Path, newest: Newest) -> None:
    """In place of what was remembered of this account and sink. Raises OSError; then that stays as it was."""
    path = state / _FOLDER / f"{newest.account}-{short_hash(newest.sink)}.json"
    replace_file(path, msgspec.json.format(msgspec.json.encode(newest)))


def recall(state: Path, sink: str, account: str | None = None) -> list[Newest]:
    """Of a sink, by its name: of all accounts, or of one. What cannot be read is forgotten."""
    found = []
    for path in sorted((state / _FOLDER).glob("*.json")):
        try:
            newest = json_decoder(Newest)(path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if newest.sink == sink and account in (None, newest.account):
            found.append(newest)
    return found


def rolled_back(sink: Sink, newest: Newest) -> str | None:
    """What has become of a backup that is not as this host left it; None where it is, or where that cannot be told."""
    what = f"the newest backup that this host has stored there, {newest.backup_uid}"
    try:
        if hash_stored(sink, layout.manifest_key(newest.account, newest.backup_uid)) == newest.manifest:
            return None
    except KeyNotFound:
        return f"{what}, is gone: deleted, or the whole place was set back to an earlier state"
    except (FormatError, SinkError):
        return None
    return f"{what}, has another manifest than it had: exchanged, or damaged"
