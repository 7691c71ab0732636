"""Verify: is a backup what its manifest, its checksums, its JSON and its records say? Damage is found, never raised."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from typing import IO

from wrikebackup_core.engine.contents import Contents
from wrikebackup_core.engine.findings import Finding, Report
from wrikebackup_core.engine.foreign import NamedFile, look_into
from wrikebackup_core.engine.inventory import Inventory
from wrikebackup_core.engine.reconciliation import Reconciliation
from wrikebackup_core.engine.sampling import Drawn, Sampling
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError, UsageError, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest, intact
from wrikebackup_core.model import AttachmentMode, Event, Kind, Message, StageFinished, StageProgress, StageStarted
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore, entries
from wrikebackup_core.stored import chunks, open_stored

__all__ = ["Finding", "Report", "verify"]

STAGE = "verify"
CONTENTS = "contents"
_THREADS = 8

Notify = Callable[[Event], None]


def verify(sink: Sink, account_id: str, uid: str | None, notify: Notify, sampling: Sampling | None = None) -> Report:
    """Reads all of a backup, the newest one for None, and reports what is wrong with it.

    With `sampling`, only some of the attachments are read; all of them are still looked up in the sink's listing, and compared in
    length with their records. Memory does not grow with the backup. Raises UsageError where there is no such backup, SinkError
    where the store cannot even be listed.
    """
    uid = _chosen(sink, account_id, uid, notify)
    with Inventory() as inventory:
        return _Verification(sink, account_id, uid, inventory, notify).run(sampling)


def _chosen(sink: Sink, account_id: str, uid: str | None, notify: Notify) -> str:
    """The backup to look at. An unfinished one only if it is asked for, or if there is no other."""
    committed, unfinished = AccountStore(sink, account_id).uids()
    if uid is None:
        uid = next(iter([*committed[::-1], *unfinished[::-1]]), None)
        if newer := [other for other in unfinished if uid is not None and other > uid]:
            notify(Message(f"{sink.name}: not finished, and not looked at: {', '.join(newer)}", warning=True))
    elif uid not in committed and uid not in unfinished:
        hint = f"there are {', '.join(committed[-5:])}" if committed else None
        raise UsageError(f"{sink.name}: account {account_id} has no backup {uid}", hint=hint)
    if uid is None:
        raise UsageError(f"{sink.name}: there is no backup of account {account_id}")
    return uid


class _Verification:
    """One run over one backup."""

    def __init__(self, sink: Sink, account: str, uid: str, inventory: Inventory, notify: Notify) -> None:
        self._sink, self._account, self._uid, self._inventory, self._notify = sink, account, uid, inventory, notify
        self._store = AccountStore(sink, account)
        self._folder = layout.backup_folder(account, uid)
        self._sums_key = layout.sums_key(account, uid)
        self._manifest_key = layout.manifest_key(account, uid)
        self._findings: list[Finding] = []
        self._lock = threading.Lock()
        self._done = self._bytes = 0

    def run(self, sampling: Sampling | None) -> Report:
        for area in (self._folder, layout.attachments_folder(self._account)):
            self._inventory.list(entries(self._sink, area, self._warn))
        manifest = self._manifest()
        self._sums()
        self._compare(manifest)
        drawn = None if sampling is None else self._draw(sampling)
        self._hash_all()
        self._look_inside(manifest)
        objects = self._done + sum(
            self._inventory.size(key) is not None for key in (self._sums_key, self._manifest_key)
        )
        findings = tuple(sorted(self._findings, key=lambda finding: (finding.key, finding.what, finding.detail)))
        return Report(self._uid, objects, self._bytes, findings, drawn)

    def _warn(self, text: str) -> None:
        self._notify(Message(text, warning=True))

    def _draw(self, sampling: Sampling) -> Drawn:
        """Other files for other backups: those of one account share most of theirs."""
        folder = layout.attachments_folder(self._account)
        total, _ = self._inventory.total(folder)
        count = sampling.size(total)
        self._inventory.draw(folder, count, f"{sampling.seed} {self._uid}")
        return Drawn(count, total, sampling.seed)

    def _manifest(self) -> Manifest | None:
        key = self._manifest_key
        try:
            data = self._store.manifest_bytes(self._uid)
            manifest = Manifest.decode(data, key)
        except KeyNotFound:
            self._findings.append(Finding(key, "missing", "without its manifest this is not a backup"))
        except FormatError as error:
            self._findings.append(Finding(key, "damaged", error.message.removeprefix(f"{key}: ")))
        except SinkError as error:
            self._findings.append(Finding(key, "unreadable", error.message))
        else:
            if not intact(data):
                self._findings.append(Finding(key, "damaged", "not as it was written: its checksum does not fit"))
            for what, said, true in (
                ("backup", manifest.backup_uid, self._uid),
                ("account", manifest.account.id, self._account),
            ):
                if said != true:
                    self._findings.append(Finding(key, "damaged", f"is of {what} {said}, not {true}"))
            return manifest
        return None

    def _sums(self) -> None:
        """A line that is damaged does not hide the others."""
        key = self._sums_key
        if self._inventory.size(key) is None:
            self._findings.append(Finding(key, "missing", "nothing says what the backup's bytes should be"))
            return
        try:
            for number, found in enumerate(self._store.lines(self._uid), 1):
                if isinstance(found, str):
                    self._findings.append(Finding(key, "damaged", found))
                elif not self._inventory.sum(found[1], found[0]):
                    self._findings.append(
                        Finding(key, "damaged", f"line {number} contradicts another about {found[1]}")
                    )
        except FormatError:
            self._findings.append(Finding(key, "missing", "gone since it was listed"))
        except SinkError as error:
            self._findings.append(Finding(key, "unreadable", error.message))

    def _compare(self, manifest: Manifest | None) -> None:
        """What there is against what SHA256SUMS names, and that against what the manifest names."""
        inventory = self._inventory
        self._findings += (Finding(key, "missing", "named in SHA256SUMS") for key in inventory.missing())
        named = {f"{self._folder}/{name}" for name in _names(manifest)}
        for key in inventory.unexplained(self._folder):
            if key not in (self._sums_key, self._manifest_key) and key not in named:
                self._findings.append(
                    Finding(key, "unexpected", "not a part of the backup: SHA256SUMS does not name it")
                )
        for key in sorted(named):
            if inventory.sha256(key) is None:
                there = inventory.size(key) is not None
                detail = "named by the manifest, but not in SHA256SUMS"
                self._findings.append(Finding(key, "unlisted" if there else "missing", detail))
        every = [layout.archive_key(self._account, self._uid), layout.records_key(self._account, self._uid)]
        for key in every[:1] if _is_foreign(manifest) else every:
            if not any(start.startswith(key) for start in named) and not inventory.knows(key):
                self._findings.append(Finding(key, "missing", "every backup has one"))

    def _hash_all(self) -> None:
        count, size = self._inventory.total()
        self._notify(StageStarted(STAGE, count, size))
        each(self._inventory.present(), self._hash, threads=_THREADS, name=STAGE)
        self._notify(StageFinished(STAGE, f"{self._done:,} objects, {self._bytes:,} bytes read"))

    def _hash(self, named: tuple[str, str, int]) -> None:
        key, sha256, _ = named
        digest = hashlib.sha256()
        finding: Finding | None = None
        try:
            for chunk in chunks(self._sink, key):
                digest.update(chunk)
                self._progress(key, len(chunk), 0)
            if digest.hexdigest() != sha256:
                finding = Finding(key, "damaged", f"SHA-256 is {digest.hexdigest()}, should be {sha256}")
        except KeyNotFound:
            finding = Finding(key, "missing", "named in SHA256SUMS")
        except WrikeBackupError as error:
            finding = Finding(key, "unreadable", error.message)
        self._progress(key, 0, 1)
        if finding is not None:
            with self._lock:
                self._findings.append(finding)

    def _progress(self, key: str, size: int, done: int) -> None:
        with self._lock:
            self._bytes += size
            self._done += done
            self._notify(StageProgress(STAGE, key, self._done, self._bytes))

    def _look_inside(self, manifest: Manifest | None) -> None:
        """Both zips, if no transform has made something else of them."""
        self._notify(StageStarted(CONTENTS))
        archive, records = layout.archive_key(self._account, self._uid), layout.records_key(self._account, self._uid)
        sizes = {key: size for key in (archive, records) if (size := self._inventory.size(key)) is not None}
        with Reconciliation(manifest.gaps if manifest else ()) as reconciliation:
            contents = Contents(
                self._account,
                self._inventory,
                reconciliation,
                lambda member, count: self._notify(StageProgress(CONTENTS, member, count)),
            )
            if archive in sizes:
                with open_stored(self._sink, archive, sizes[archive]) as file:
                    looked = self._foreign if _is_foreign(manifest) else contents.archive
                    self._findings += looked(archive, file)
                self._findings += self._unkept(manifest)
            if records in sizes:
                with open_stored(self._sink, records, sizes[records]) as file:
                    self._findings += contents.records(records, file, manifest.counts if manifest else None)
            if manifest is not None:  # it tells what could not be used
                self._findings += contents.reconciled(archive)
        if not sizes and self._inventory.knows(archive):
            self._notify(Message("the zips are encoded: their checksums were compared, their contents not looked at"))
        self._notify(StageFinished(CONTENTS, f"{len(sizes)} zips looked into"))

    def _foreign(self, key: str, file: IO[bytes]) -> Iterator[Finding]:
        """An archive of Wrike's own tool, which may write a file's name in another way than we do."""
        for found in look_into(key, file):
            if isinstance(found, Finding):
                yield found
            elif isinstance(found, NamedFile) and found.stored:
                start = f"{layout.attachments_folder(self._account)}/{found.id}-"
                if not self._inventory.sums(start):
                    self._inventory.name(start, found.id, found.member)

    def _unkept(self, manifest: Manifest | None) -> Iterator[Finding]:
        """Files that the JSON says are stored, and that the backup neither holds nor owns up to lacking."""
        if manifest is None or manifest.attachments.mode is AttachmentMode.NONE:
            return
        gaps = {gap.id for gap in manifest.gaps if gap.kind == Kind.ATTACHMENTS}
        for key, id_, place in self._inventory.unsummed():
            if id_ not in gaps:
                yield Finding(key, "missing", f"named in {place}, but not in SHA256SUMS")


def _names(manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None:
        return ()
    return tuple(name for name in (manifest.files.archive, manifest.files.records, *manifest.files.artifacts) if name)


def _is_foreign(manifest: Manifest | None) -> bool:
    """Whether Wrike's own tool took the backup: it keeps no records."""
    return manifest is not None and manifest.files.records is None
