"""An account's tree in one sink: which backups there are, and what each consists of. Only reads."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import checksums, layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import Backup
from wrikebackup_core.ports import Browsing, Entry, Sink
from wrikebackup_core.stored import chunks, open_stored

__all__ = ["AccountStore", "accounts"]

_ATTACHMENT = re.compile(r"\.\./attachments/([^/\0]*[^/\0.][^/\0]*)")  # no `.` or `..` among them
_UNKNOWN_SIZE = 1 << 62  # for reading to the end, whatever the length


def accounts(sink: Sink) -> list[str]:
    """Ids of the accounts that have a folder in the sink, sorted. What does not belong to the format is passed over."""
    if isinstance(sink, Browsing):
        found = {layout.account_id_of(name) for name in sink.folders("")}
    else:
        found = {layout.account_id_of(entry.key) for entry in sink.list("") if "/" in entry.key}
    return sorted(account for account in found if account is not None)


class AccountStore:
    """The backups of one account in one sink. Folders and files that are none of ours are passed over."""

    def __init__(self, sink: Sink, account_id: str) -> None:
        """Raises FormatError for an id that cannot name a folder."""
        self._sink, self._account = sink, account_id
        self.folder = layout.account_folder(account_id)

    def backups(self) -> list[Backup]:
        """The committed ones, oldest first; `complete` is None where the manifest cannot be made out. Raises SinkError."""
        return self.contents()[0]

    def unfinished(self) -> list[str]:
        """Uids of the folders without a manifest, oldest first: runs that are going on or were killed. Raises SinkError."""
        return self.uids()[1]

    def contents(self) -> tuple[list[Backup], list[str]]:
        """`backups` and `unfinished`, for the price of one."""
        committed, unfinished = self.uids()
        found = (self._backup(uid) for uid in committed)
        return [backup for backup in found if backup is not None], unfinished

    def manifest(self, uid: str) -> Manifest:
        """Raises KeyNotFound where the backup is not committed, FormatError naming the key, SinkError."""
        return Manifest.decode(self.manifest_bytes(uid), layout.manifest_key(self._account, uid))

    def manifest_bytes(self, uid: str) -> bytes:
        """The manifest as it is stored. Raises KeyNotFound, SinkError."""
        return b"".join(chunks(self._sink, layout.manifest_key(self._account, uid)))

    def sums(self, uid: str) -> Iterator[tuple[str, str]]:
        """(SHA-256 in hex, key from the sink's root) of all that SHA256SUMS names, in its order.

        Raises FormatError naming the file where it is missing, cannot be read or leads out of the account's folder; SinkError.
        """
        where = layout.sums_key(self._account, uid)
        attachments = layout.attachments_folder(self._account)
        try:
            with open_stored(self._sink, where, _UNKNOWN_SIZE) as file:
                for sha256, path in checksums.parse(file, where):
                    plain = _ATTACHMENT.fullmatch(path)  # nearly all of them, and there may be a million
                    yield sha256, f"{attachments}/{plain[1]}" if plain else self.resolved(uid, path)
        except KeyNotFound as error:
            raise FormatError(f"{where} is missing") from error

    def resolved(self, uid: str, path: str) -> str:
        """The key that a path in a backup's SHA256SUMS stands for. Raises FormatError where it leads out of the account's folder."""
        key = posixpath.normpath(posixpath.join(layout.backup_folder(self._account, uid), path))
        if not key.startswith(f"{self.folder}/") or posixpath.isabs(path):
            raise FormatError(f"{layout.sums_key(self._account, uid)}: leads out of the account's folder: {path!r}")
        return key

    def held(self) -> Iterator[Entry]:
        """The attachments that are there, of whichever backup. Raises SinkError."""
        return self._sink.list(layout.attachments_folder(self._account))

    def uids(self) -> tuple[list[str], list[str]]:
        """Uids with and without a manifest, each oldest first: committed and unfinished backups. Raises SinkError."""
        seen: set[str] = set()
        committed: set[str] = set()
        start = f"{self.folder}/backup-"
        for entry in self._in_backups():
            uid, slash, name = entry.key.removeprefix(start).partition("/")
            if not entry.key.startswith(start) or not slash or layout.started(uid) is None:
                continue
            seen.add(uid)
            if name == "manifest.json":
                committed.add(uid)
        return sorted(committed), sorted(seen - committed)

    def _in_backups(self) -> Iterator[Entry]:
        """What lies in the folders of backups, and in others where the store cannot name folders: there may be a million attachments."""
        if not isinstance(self._sink, Browsing):
            yield from self._sink.list(self.folder)
            return
        for name in self._sink.folders(self.folder):
            if layout.started(name.removeprefix("backup-")) is not None:
                yield from self._sink.list(f"{self.folder}/{name}")

    def _backup(self, uid: str) -> Backup | None:
        started = layout.started(uid)
        assert started is not None
        try:
            manifest = self.manifest(uid)
        except KeyNotFound:
            return None  # deleted since the listing
        except FormatError:
            return Backup(uid, started, complete=None)
        return Backup(
            uid,
            started,
            complete=manifest.complete,
            counts=manifest.counts,
            attachment_files=manifest.attachments.total,
            attachment_bytes=manifest.attachments.bytes,
            gaps=len(manifest.gaps),
        )
