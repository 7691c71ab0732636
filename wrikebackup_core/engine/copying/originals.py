"""The backups that a source holds: committed ones of ours, and those that Wrike's own tool took."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from wrikebackup_core.engine.attestations import attestations
from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.wrikes import WrikesOwn
from wrikebackup_core.engine.findings import Finding, What
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest, intact, of_one_run
from wrikebackup_core.model import Event, Message
from wrikebackup_core.ports import Entry, Sink
from wrikebackup_core.store import AccountStore, entries
from wrikebackup_core.stored import chunks, hash_stored

__all__ = ["Original", "Ours", "Unusable", "originals"]


class Original(Protocol):
    """A backup to copy. `uid` is its name in the targets, `name` the one that the source has for it."""

    @property
    def uid(self) -> str: ...
    @property
    def name(self) -> str: ...

    def is_in(self, manifest: bytes, archive: int | None) -> bool:
        """Whether a target that has committed `manifest` under this uid, and has `archive` bytes of archive, has this backup."""

    def objects(self) -> Iterator[tuple[str, str, str | None]]:
        """(key in the targets, key in the source, SHA-256 if it is known) of all that it consists of. Raises FormatError, SinkError."""

    def sums(self) -> Iterator[bytes]:
        """SHA256SUMS, when all objects are there. Raises Unusable."""

    def manifest(self) -> bytes:
        """When all objects are there."""

    @property
    def attestations(self) -> Sequence[str]:
        """Keys of what vouches for SHA256SUMS and the manifest, the same ones in the targets."""

    def attestation(self, key: str) -> Iterator[bytes]:
        """One of them. Raises Unusable."""

    @property
    def gaps(self) -> int:
        """How many things that it should hold the copy shows to be missing; known after `objects`."""


class Unusable(Exception):
    """A backup that cannot be copied."""

    def __init__(self, uid: str, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.uid, self.finding = uid, finding


class Ours:
    """A committed backup, copied byte for byte."""

    gaps = 0

    def __init__(self, source: Sink, account: str, uid: str, names: Collection[str]) -> None:
        """`names` are those of the files in its folder. Raises Unusable where the manifest, or what vouches for it, is not what was written."""
        self.uid = self.name = uid
        self._source, self._account = source, account
        self._store = AccountStore(source, account)
        self._sums_hash = ""
        key = layout.manifest_key(account, uid)
        try:
            self._bytes = self._store.manifest_bytes(uid)
            self._manifest = Manifest.decode(self._bytes, key)
        except KeyNotFound as error:
            raise Unusable(uid, Finding(key, "missing", "gone since it was listed")) from error
        except FormatError as error:
            raise Unusable(uid, Finding(key, "damaged", error.message.removeprefix(f"{key}: "))) from error
        except SinkError as error:
            raise Unusable(uid, Finding(key, "unreadable", error.message)) from error
        if not intact(self._bytes):
            raise Unusable(uid, Finding(key, "damaged", "not as it was written: its checksum does not fit"))
        if (self._manifest.backup_uid, self._manifest.account.id) != (uid, account):
            said = f"backup {self._manifest.backup_uid} of account {self._manifest.account.id}"
            raise Unusable(uid, Finding(key, "damaged", f"is of {said}"))
        beside = attestations(self._manifest)
        self.attestations = [f"{layout.backup_folder(account, uid)}/{name}" for name in beside]
        for name, beside_key in zip(beside, self.attestations, strict=True):
            if name not in names:
                raise Unusable(uid, Finding(beside_key, "missing", "named by the manifest: it vouches for the backup"))

    def is_in(self, manifest: bytes, archive: int | None) -> bool:
        if manifest == self._bytes:
            return True
        try:
            return of_one_run(Manifest.decode(manifest, ""), self._manifest)
        except FormatError:
            return False

    def objects(self) -> Iterator[tuple[str, str, str | None]]:
        self._sums_hash = hash_stored(self._source, layout.sums_key(self._account, self.uid))
        if self._manifest.sha256sums not in (None, self._sums_hash):
            raise FormatError(f"{layout.sums_key(self._account, self.uid)}: not the one that the manifest names")
        attachments = f"{layout.attachments_folder(self._account)}/"
        own = f"{layout.backup_folder(self._account, self.uid)}/"
        unnamed = {f"{own}{name}" for name in self._manifest.files.parts()}
        for sha256, key in self._store.sums(self.uid):
            if not key.startswith((attachments, own)) or key in (f"{own}manifest.json", f"{own}SHA256SUMS"):
                raise FormatError(f"{own}SHA256SUMS: names {key!r}, which is no part of a backup")
            unnamed.discard(key)
            yield key, key, sha256
        if unnamed:
            raise FormatError(f"{own}SHA256SUMS: does not name all files that the manifest names")

    def sums(self) -> Iterator[bytes]:
        key, digest = layout.sums_key(self._account, self.uid), hashlib.sha256()
        try:
            for chunk in chunks(self._source, key):
                digest.update(chunk)
                yield chunk
        except SinkError as error:
            raise Unusable(self.uid, Finding(key, "unreadable", error.message)) from error
        if digest.hexdigest() != self._sums_hash:  # it is the one file whose hash is nowhere
            raise Unusable(self.uid, Finding(key, "damaged", "was read twice, and is not the same"))

    def manifest(self) -> bytes:
        return self._bytes

    def attestation(self, key: str) -> Iterator[bytes]:
        try:
            yield from chunks(self._source, key)
        except SinkError as error:
            raise Unusable(self.uid, Finding(key, "unreadable", error.message)) from error


def originals(
    source: Sink, account: str, catalog: Catalog, chosen: Callable[[str], bool], notify: Callable[[Event], None]
) -> Iterator[Original | Unusable]:
    """The backups of an account whose names are `chosen`, oldest first, in place of each that cannot be copied the reason.

    Fills the catalog with the source's listing. Raises SinkError where the source cannot be listed.
    """
    folders: dict[str, set[str]] = {}
    listed = entries(source, layout.account_folder(account), lambda text: notify(Message(text, warning=True)))
    catalog.list_source(_noting(listed, folders))
    _tell_unfinished(source, folders, notify)
    ours = [uid for uid, names in folders.items() if layout.started(uid) and "manifest.json" in names]
    foreign = [name for name, held in folders.items() if _is_foreign(name, held)]
    found: dict[str, WrikesOwn | None] = {uid: None for uid in ours if chosen(uid)}
    for name in sorted(foreign):
        try:
            original = WrikesOwn(source, account, name, catalog)
        except FormatError as error:
            if chosen(name):
                yield _unusable(account, name, "damaged", error)
            continue
        except SinkError as error:
            if chosen(name):
                yield _unusable(account, name, "unreadable", error)
            continue
        if chosen(name) or chosen(original.uid):
            found.setdefault(original.uid, original)
    for uid in sorted(found):
        try:
            yield found[uid] or Ours(source, account, uid, folders[uid])
        except Unusable as error:
            yield error


def _tell_unfinished(source: Sink, folders: Mapping[str, set[str]], notify: Callable[[Event], None]) -> None:
    """Of all together, since there is nothing wrong with them: a run is at work, or was stopped."""
    found = sorted(uid for uid, names in folders.items() if layout.started(uid) and "manifest.json" not in names)
    if found:
        named = ", ".join(f"backup-{uid}" for uid in found[-3:]) + (
            f" and {len(found) - 3:,} more" if found[3:] else ""
        )
        hint = (
            "without a manifest.json a folder is no backup; the run that made it finishes it, or else it can be deleted"
        )
        notify(Message(f"{source.name}: not finished, and not copied: {named} ({hint})", warning=True))


def _unusable(account: str, name: str, what: What, error: WrikeBackupError) -> Unusable:
    key = f"{layout.account_folder(account)}/backup-{name}/backup-{name}.zip"
    return Unusable(name, Finding(key, what, error.message.removeprefix(f"{key}: ")))


def _noting(listed: Iterable[Entry], folders: dict[str, set[str]]) -> Iterator[Entry]:
    """The same entries; what lies directly in each backup's folder is noted on the way."""
    for entry in listed:
        yield entry
        _, folder, *rest = entry.key.split("/")
        name = folder.removeprefix("backup-")
        if name != folder and len(rest) == 1:
            folders.setdefault(name, set()).add(rest[0])


def _is_foreign(name: str, held: set[str]) -> bool:
    """Whether Wrike's own tool made the folder. One with a uid of ours and without a manifest is an unfinished backup."""
    return layout.started(name) is None and f"backup-{name}.zip" in held and "manifest.json" not in held
