"""A restore from beginning to end: read what the backup holds, choose, write, and vouch for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from wrikebackup_core.engine.contents import UNREADABLE, one_line
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.engine.restore.choosing import choose
from wrikebackup_core.engine.restore.fetching import Flawed, fetched
from wrikebackup_core.engine.restore.filling import Filling, name_of_account
from wrikebackup_core.engine.restore.holdings import list_original, match_files, read_sums
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.job import Restored, RestoreJob, RestorePlan, Shape
from wrikebackup_core.engine.restore.notes import Notes
from wrikebackup_core.engine.restore.placing import place
from wrikebackup_core.engine.restore.trusting import refuse_altered, refuse_untrusted
from wrikebackup_core.engine.restore.vouching import vouch
from wrikebackup_core.engine.restore.wanting import left_out, want_layout, want_tree
from wrikebackup_core.engine.restore.writing import STAGE, Writing
from wrikebackup_core.engine.zips import open_zip
from wrikebackup_core.errors import FormatError, KeyNotFound, KeyRefused, UsageError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import Account, Event, Gap, Kind, Message, StageFinished, StageProgress, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore, entries

__all__ = ["plan_restore", "restore"]

READ = "read"
Notify = Callable[[Event], None]


def restore(job: RestoreJob, notify: Notify) -> Restored:
    """Writes what is selected. What is missing or damaged is found, and the rest restored.

    Raises KeyRefused where the key does not open the backup, and Damaged where nobody vouches for it who is trusted, before anything is
    written; UsageError for a selection that names what is
    not there, or a target that holds the backup encoded; Locked, SinkError.
    """
    began = time.monotonic()
    original, place = job.original, _Place((job.target,), job.state)
    with locked(place, Account(original.account, "")) as lock, _Reading(job, notify) as reading:
        lock.sign("restore")
        if reading.notes.begin():
            reading.sweep()
        result = Restored(original.uid, original.account, original.sink.name, job.target.name, job.shape)
        result.findings = reading.findings
        result.left_out = reading.left_out()
        result.gaps = len(original.manifest.gaps)
        count, size = reading.wanted()
        notify(StageStarted(STAGE, count, size))
        writing = Writing(job, reading.index, reading.notes, result, local=reading.zips, notify=notify)
        writing.all()
        if job.shape is Shape.LAYOUT:
            gaps = (*reading.lost, *writing.lost, *left_out(reading.index), *reading.artifacts_left_out())
            result.kept = [
                *result.kept,
                *vouch(job, reading.index, reading.notes, reading.account_name, gaps, whole=not result.findings),
            ]
        else:
            job.target.sync()
        done = f"{result.files + result.pages:,} of {count:,} written" + (
            f", {result.there:,} there already" if result.there else ""
        )
        notify(StageFinished(STAGE, done))
        result.seconds = time.monotonic() - began
        if not result.exit_code and not job.selection:
            reading.notes.forget()
        return result


def plan_restore(job: RestoreJob, notify: Notify) -> RestorePlan:
    """What `restore` would write. Raises as it does."""
    with _Reading(job, notify) as reading:
        query = "SELECT count(*) FROM wanted w JOIN held h ON h.key = w.key"
        count, size = reading.wanted()
        pages = int(reading.index.one("SELECT count(*) FROM wanted WHERE node IS NOT NULL")[0])
        lost = "SELECT key, origin FROM wanted WHERE key > ?1 AND node IS NULL AND size IS NULL"
        missing = [Finding(origin, "missing", "named in SHA256SUMS") for _, origin in reading.index.rows(lost)]
        return RestorePlan(
            job.original.uid,
            job.original.account,
            job.original.sink.name,
            job.target.name,
            job.shape,
            files=count - pages,
            pages=pages,
            bytes=size,
            there=int(reading.index.one(query)[0]),
            left_out=reading.left_out(),
            findings=(*reading.findings, *missing),
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """What is written to, for its lock."""

    sinks: Sequence[Sink]
    state: Path


class _Reading(contextlib.ExitStack):
    """The backup, read: an index with all that is wanted, and the zips that were fetched for it, by key."""

    def __init__(self, job: RestoreJob, notify: Notify) -> None:
        super().__init__()
        self.job, self._notify = job, notify
        self.findings: list[Finding] = []
        self.lost: list[Gap] = []
        self.account_name = ""
        self.artifacts: Sequence[str] = ()
        self._zips: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undone:
            undone.callback(self.close)
            self._read()
            undone.pop_all()
        return self

    @property
    def zips(self) -> Mapping[str, IO[bytes]]:
        return self._zips

    def _warn(self, text: str) -> None:
        self._notify(Message(text, warning=True))

    def _read(self) -> None:
        job, original = self.job, self.job.original
        self._notify(StageStarted(READ))
        self.index = self.enter_context(Index())
        refuse_untrusted(original)
        _refuse_encoded(job)
        list_original(self.index, original, self._warn)
        self.findings += refuse_altered(original, list(read_sums(self.index, original)))
        self._fill()
        self.index.filled()
        for id_, finding in match_files(self.index, original):
            self.findings.append(finding)
            self.lost.append(Gap(Kind.ATTACHMENTS, id_, f"{finding.what} in the backup: {finding.detail}"))
        self.artifacts = self._choose()
        folders = [""] if job.shape is Shape.TREE else self._folders()
        for folder in folders:
            held = entries(job.target, folder, self._warn)
            self.index.insert("INSERT OR REPLACE INTO held VALUES (?, ?)", ((one.key, one.size) for one in held))
        self.notes = self.enter_context(Notes(job.state, f"{job.target.name}\n{original.account}", self.index))
        if job.shape is Shape.TREE:
            self.findings += place(self.index, original.records or original.archive)
            want_tree(self.index)
        else:
            self.findings += want_layout(self.index, original, self.notes, list(self._zips), self.artifacts)
        tasks, files = (
            int(self.index.one(f"SELECT count(*) FROM {what}")[0]) for what in ("nodes WHERE task", "files")
        )
        self._notify(
            StageFinished(READ, f"{plural(tasks, 'task')} and {plural(files, 'file')} read from {original.uid}")
        )

    def _choose(self) -> Sequence[str]:
        """Marks what is chosen. The keys of the artifacts that are."""
        if self.job.choice is not None:
            return self.job.choice(self.index)
        choose(self.index, self.job.selection)
        return () if self.job.selection else self.job.original.artifacts

    def _folders(self) -> list[str]:
        original = self.job.original
        return [layout.attachments_folder(original.account), layout.backup_folder(original.account, original.uid)]

    def _fill(self) -> None:
        """From the records, else from the archive. Both are fetched where both are wanted."""
        original, job = self.job.original, self.job
        filling = Filling(self.index, original.manifest.attachments.mode, self._tell, bodies=job.shape is Shape.TREE)
        filled = False
        for key, read in ((original.records, filling.records), (original.archive, filling.archive)):
            if key is None or (filled and job.shape is Shape.TREE):
                continue
            try:
                file = self._zips[key] = self._fetch(key)
                if not filled:
                    with open_zip(file) as archive:
                        read(key, archive)
                        self.account_name = name_of_account(archive)
                    filled = True
            except Flawed as flaw:
                self.findings.append(flaw.finding)
                reason = f"{flaw.finding.what} in the backup: {flaw.finding.detail}"
                self.lost.append(Gap("files", key.rpartition("/")[2], reason))
            except UNREADABLE as error:
                if isinstance(error, KeyRefused):
                    raise
                self.findings.append(Finding(key, "damaged", f"not a whole zip: {one_line(error)}"))
        self.findings += filling.findings

    def _fetch(self, key: str) -> IO[bytes]:
        size, sha256 = self.index.one(
            "SELECT (SELECT size FROM listed WHERE key=?1), (SELECT sha256 FROM sums WHERE key=?1)", key
        )
        if size is None:
            raise Flawed(key, "missing", "every backup has one")
        try:
            return self.enter_context(fetched(self.job.original, key, size, sha256))
        except Flawed as flaw:
            if isinstance(flaw.__cause__, KeyRefused):
                raise KeyRefused(f"{key}: {flaw.finding.detail}", hint=flaw.__cause__.hint) from None
            raise

    def _tell(self, member: str, number: int) -> None:
        self._notify(StageProgress(READ, member, number))

    def wanted(self) -> tuple[int, int]:
        """Number and bytes, as they are stored, of what is to be in the target."""
        count, size = self.index.one("SELECT count(*), coalesce(sum(size), 0) FROM wanted")
        return int(count), int(size)

    def sweep(self) -> None:
        """Removes what a restore that was killed left unfinished, where this one is to write."""
        folders = self._folders()
        if self.job.shape is Shape.TREE:
            tops = "SELECT DISTINCT substr(key, 1, instr(key, '/') - 1) AS top FROM wanted WHERE top > ?1"
            folders = [top for (top,) in self.index.rows(tops)]
        for folder in folders:
            self.job.target.sweep(folder)

    def left_out(self) -> int:
        return int(self.index.one("SELECT count(*) FROM files WHERE origin IS NOT NULL AND NOT chosen")[0])

    def artifacts_left_out(self) -> Iterator[Gap]:
        for key in sorted(set(self.job.original.artifacts) - set(self.artifacts)):
            yield Gap("files", key.rpartition("/")[2], "left out by the selection of a restore")


def _refuse_encoded(job: RestoreJob) -> None:
    """Nobody wants the plain files beside the encrypted ones of the same backup."""
    account, uid = job.original.account, job.original.uid
    if job.shape is Shape.TREE:
        return
    with contextlib.suppress(KeyNotFound, FormatError):
        found: Manifest = AccountStore(job.target, account).manifest(uid)
        if any(one.get("suffix") for one in found.transforms):
            raise UsageError(
                f"{job.target.name} holds the backup {uid} as it is stored, encoded",
                hint="restore it to another folder",
            )
