"""Verify: is a backup what its manifest, its checksums, its JSON and its records say? Damage is found, never raised."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.attestations import attestations, vouched
from wrikebackup_core.engine.contents import Contents
from wrikebackup_core.engine.findings import Finding, Report
from wrikebackup_core.engine.foreign import NamedFile, is_foreign, look_into
from wrikebackup_core.engine.hashing import Hashing, hashing
from wrikebackup_core.engine.inventory import Inventory
from wrikebackup_core.engine.reconciliation import Reconciliation
from wrikebackup_core.engine.sampling import Drawn, Sampling
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import (
    FormatError,
    KeyMissing,
    KeyNotFound,
    KeyRefused,
    SinkError,
    UsageError,
    WrikeBackupError,
)
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest, intact
from wrikebackup_core.model import AttachmentMode, Event, Kind, Message, StageFinished, StageProgress, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore, entries
from wrikebackup_core.stored import CHUNK, chunks, hash_stored
from wrikebackup_core.transforms import Verifier

__all__ = ["Checks", "Finding", "Report", "verify"]

STAGE, CONTENTS = "verify", "contents"
_THREADS = 8

Notify = Callable[[Event], None]
_Look = Callable[[str, IO[bytes]], Iterator[Finding]]


def _plain(manifest: Manifest) -> Decoding | None:
    return None if any(one.get("suffix") for one in manifest.transforms) else Decoding()


@dataclass(frozen=True, slots=True)
class Checks:
    """What is looked at besides. `verifiers` know who is trusted to vouch for a backup; without any nobody needs to. `decoding` gives what
    undoes the transforms of a backup, and None where there are no keys: then what is encoded is compared with its checksums only. `decode_all`: not
    only the zips are decoded, but every file, while it is read.
    """

    verifiers: Sequence[Verifier] = ()
    decoding: Callable[[Manifest], Decoding | None] = _plain
    decode_all: bool = False


def verify(
    sink: Sink,
    account_id: str,
    uid: str | None,
    notify: Notify,
    sampling: Sampling | None = None,
    *,
    checks: Checks | None = None,
) -> Report:
    """Reads all of a backup, the newest one for None, and reports what is wrong with it.

    With `sampling`, only some of the attachments are read; all of them are still looked up in the sink's listing, and compared in
    length with their records. Memory does not grow with the backup. Raises UsageError where there is no such backup, SinkError
    where the store cannot even be listed, KeyRefused where the keys do not open it.
    """
    uid = _chosen(sink, account_id, uid, notify)
    with Inventory() as inventory:
        return _Verification(sink, account_id, uid, inventory, notify=notify, checks=checks or Checks()).run(sampling)


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

    def __init__(
        self, sink: Sink, account: str, uid: str, inventory: Inventory, *, notify: Notify, checks: Checks
    ) -> None:
        self._sink, self._account, self._uid, self._inventory, self._notify = sink, account, uid, inventory, notify
        self._checks = checks
        self._decoding: Decoding | None = Decoding()
        self._signed_by: str | None = None
        self._sealed = 0  # files that no key opens
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
        self._sums(manifest)
        self._compare(manifest)
        if manifest is not None:
            self._decoding = self._checks.decoding(manifest)
            self._try_keys()
        drawn = None if sampling is None else self._draw(sampling)
        self._hash_all()
        self._look_inside(manifest)
        beside = [self._sums_key, self._manifest_key, *self._beside(manifest)]
        objects = self._done + sum(self._inventory.size(key) is not None for key in beside)
        findings = tuple(sorted(self._findings, key=lambda finding: (finding.key, finding.what, finding.detail)))
        return Report(self._uid, objects, self._bytes, findings, drawn, self._signed_by)

    def _beside(self, manifest: Manifest | None) -> list[str]:
        """Keys of what the manifest names as vouching for the backup."""
        return [f"{self._folder}/{name}" for name in attestations(manifest)]

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
            self._vouch(key, lambda: iter([data]))
            return manifest
        return None

    def _vouch(self, key: str, content: Callable[[], Iterator[bytes]]) -> None:
        if self._checks.verifiers:
            found = vouched(self._sink, key, content, self._checks.verifiers)
            if isinstance(found, Finding):
                self._findings.append(found)
            elif key == self._manifest_key:
                self._signed_by = found

    def _sums(self, manifest: Manifest | None) -> None:
        """A line that is damaged does not hide the others."""
        key, digest = self._sums_key, hashlib.sha256()

        def hashed(line: bytes) -> bool:
            digest.update(line)
            return False

        if self._inventory.size(key) is None:
            self._findings.append(Finding(key, "missing", "nothing says what the backup's bytes should be"))
            return
        try:
            for number, found in enumerate(self._store.lines(self._uid, hashed), 1):
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
        else:
            true, told = digest.hexdigest(), any(finding.key == key for finding in self._findings)
            if manifest is not None and manifest.sha256sums not in (None, true) and not told:
                detail = f"not the one that the manifest names: SHA-256 is {true}, should be {manifest.sha256sums}"
                self._findings.append(Finding(key, "damaged", detail))
            self._vouch(key, lambda: chunks(self._sink, key))

    def _compare(self, manifest: Manifest | None) -> None:
        """What there is against what SHA256SUMS names, and that against what the manifest names."""
        inventory = self._inventory
        self._findings += (Finding(key, "missing", "named in SHA256SUMS") for key in inventory.missing())
        named = {f"{self._folder}/{name}" for name in (manifest.files.parts() if manifest else ()) if name}
        beside = self._beside(manifest)
        for key in beside:
            if inventory.size(key) is None:
                self._findings.append(Finding(key, "missing", "named by the manifest: it vouches for the backup"))
        pin = layout.pin_key(self._account, self._uid)
        explained = {self._sums_key, self._manifest_key, pin, *beside, *named}
        explained |= {
            f"{key}{one.suffix}" for key in (self._sums_key, self._manifest_key) for one in self._checks.verifiers
        }
        for key in inventory.unexplained(self._folder):
            if key not in explained:
                self._findings.append(
                    Finding(key, "unexpected", "not a part of the backup: SHA256SUMS does not name it")
                )
        for key in sorted(named):
            if inventory.sha256(key) is None:
                there = inventory.size(key) is not None
                detail = "named by the manifest, but not in SHA256SUMS"
                self._findings.append(Finding(key, "unlisted" if there else "missing", detail))
        every = [layout.archive_key(self._account, self._uid), layout.records_key(self._account, self._uid)]
        for key in every[:1] if is_foreign(manifest) else every:
            if not any(start.startswith(key) for start in named) and not inventory.knows(key):
                self._findings.append(Finding(key, "missing", "every backup has one"))

    def _hash_all(self) -> None:
        count, size = self._inventory.total()
        self._notify(StageStarted(STAGE, count, size))
        each(self._present(), self._hash, threads=_THREADS, name=STAGE)
        self._notify(StageFinished(STAGE, f"{plural(self._done, 'object')}, {self._bytes:,} bytes read"))

    def _present(self) -> Iterator[tuple[str, str, int]]:
        """What is to be read. The inventory bears one thread at a time, and those that read note in it what they find."""
        rows = self._inventory.present()
        while True:
            with self._lock:
                row = next(rows, None)
            if row is None:
                return
            yield row

    def _try_keys(self) -> None:
        """Keys that do not open the backup are told of now, and not when all of it has been read; without any, nothing is decoded.
        Raises KeyRefused, but not for a file that is not what it should be: of that no key can tell."""
        if self._decoding is None or not self._decoding.suffix:
            return
        for key, size in self._zips():
            try:
                with contextlib.suppress(FormatError, SinkError), self._decoding.file(self._sink, key, size):
                    pass
            except (KeyMissing, UsageError) as error:
                if isinstance(error, UsageError):  # a key file that the profile names, and this host may lack
                    self._warn(error.message)
                self._decoding = None
                return
            except KeyRefused:
                if not self._is_altered(key):
                    raise

    def _is_altered(self, key: str) -> bool:
        """Whether its stored bytes are not what SHA256SUMS says, or cannot be had: the hashing tells of that."""
        try:
            return self._inventory.sha256(key) not in (None, hash_stored(self._sink, key))
        except SinkError:
            return True

    def _zips(self) -> list[tuple[str, int]]:
        """Keys and sizes of the two that are there, if they can be looked into."""
        if self._decoding is None:
            return []
        suffix = self._decoding.suffix
        keys = (
            layout.archive_key(self._account, self._uid, suffix),
            layout.records_key(self._account, self._uid, suffix),
        )
        return [(key, size) for key in keys if (size := self._inventory.size(key)) is not None]

    def _hash(self, named: tuple[str, str, int]) -> None:
        key, sha256, _ = named
        finding: Finding | None = None
        try:
            with self._sink.open(key) as stored, hashing(stored, lambda size: self._progress(key, size, 0)) as hashed:
                undecoded = self._decode(key, hashed)
                hashed.rest()
            if hashed.sha256 != sha256:
                finding = Finding(key, "damaged", f"SHA-256 is {hashed.sha256}, should be {sha256}")
            elif undecoded is not None:
                finding = Finding(key, "damaged", f"it fits its checksum, and cannot be decoded: {undecoded}")
        except KeyNotFound:
            finding = Finding(key, "missing", "named in SHA256SUMS")
        except WrikeBackupError as error:
            finding = Finding(key, "unreadable", error.message)
        self._progress(key, 0, 1)
        if finding is not None:
            with self._lock:
                self._findings.append(finding)

    def _decode(self, key: str, stored: Hashing) -> str | None:
        """Why it cannot be decoded to its end. What no key opens is counted only: it may be older than the keys."""
        decoding = self._decoding if self._checks.decode_all else None
        if decoding is None or not decoding.suffix or not key.endswith(decoding.suffix):
            return None
        size = 0
        try:
            with decoding.reader(stored) as reader:
                while piece := reader.read(CHUNK):
                    size += len(piece)
        except FormatError as error:
            return error.message
        except KeyRefused:
            with self._lock:
                self._sealed += 1
            return None
        with self._lock:
            self._inventory.decoded(key, size)
        return None

    def _progress(self, key: str, size: int, done: int) -> None:
        with self._lock:
            self._bytes += size
            self._done += done
            self._notify(StageProgress(STAGE, key, self._done, self._bytes))

    def _look_inside(self, manifest: Manifest | None) -> None:
        """Both zips, if they are as they were or can be decoded."""
        self._notify(StageStarted(CONTENTS))
        decoding, sizes = self._decoding or Decoding(), dict(self._zips())
        archive = layout.archive_key(self._account, self._uid, decoding.suffix)
        records = layout.records_key(self._account, self._uid, decoding.suffix)
        with Reconciliation(manifest.gaps if manifest else ()) as reconciliation:
            contents = Contents(
                self._account,
                self._inventory,
                reconciliation,
                lambda member, count: self._notify(StageProgress(CONTENTS, member, count)),
                decoding.suffix,
            )
            if archive in sizes:
                looked = self._foreign if is_foreign(manifest) else contents.archive
                self._look(decoding, archive, sizes[archive], looked)
                self._findings += self._unkept(manifest)
            if records in sizes:
                counts = manifest.counts if manifest else None
                self._look(decoding, records, sizes[records], lambda key, file: contents.records(key, file, counts))
            if manifest is not None:  # it tells what could not be used
                self._findings += contents.reconciled(archive)
        self._tell_sealed(archive, looked_into=bool(sizes))
        self._notify(StageFinished(CONTENTS, f"{plural(len(sizes), 'zip')} looked into"))

    def _look(self, decoding: Decoding, key: str, size: int, looked: _Look) -> None:
        try:
            with decoding.file(self._sink, key, size) as file:
                self._findings += looked(key, file)
        except FormatError as error:
            self._findings.append(Finding(key, "damaged", error.message.removeprefix(f"{key}: ")))
        except KeyRefused:
            if not any(finding.key == key for finding in self._findings):
                raise

    def _tell_sealed(self, archive: str, *, looked_into: bool) -> None:
        if not looked_into and self._inventory.knows(archive):
            text = "the zips are encoded: their checksums were compared, their contents not looked at"
            self._notify(Message(text if self._decoding else f"{text}; --identity opens them"))
        if self._sealed:
            self._warn(f"compared with checksums only, as no key opens them: {plural(self._sealed, 'file')}")

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
