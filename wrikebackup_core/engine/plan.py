"""Plan: the files that the records name, less those that each sink already holds.

What a sink holds is told by its own listing, and what those files are by the checksums of its backups and by this host's own notes
of a run that was killed. Nothing is read back unless neither explains a file, and no key is ever needed.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.job import Job
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.format import layout, names, official
from wrikebackup_core.journal import StoredObject
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, Attachment, AttachmentMode, Message, StageFinished, StageStarted
from wrikebackup_core.ports import Entry, Sink
from wrikebackup_core.spool import Spool
from wrikebackup_core.store import AccountStore

__all__ = ["discard_unfinished", "plan"]

STAGE = "plan"
_CHUNK = 1 << 20


def plan(attempt: Attempt, *, write: bool = True) -> None:
    """Fills the ledger. With `write` false nothing is changed in a sink. A sink that cannot be listed is dropped.

    Raises SinkError when no sink is left.
    """
    ledger, fan = attempt.ledger, attempt.fan
    attempt.notify(StageStarted(STAGE))
    ledger.want(_wanted(attempt))
    for number, sink in list(fan.live.items()):
        try:
            _Reconciled(attempt, sink, number).run(write=write)
        except SinkError as error:
            fan.drop(number, error)
    count, _ = ledger.wanted()
    new, _ = ledger.plan(list(fan.live))
    attempt.notify(StageFinished(STAGE, f"{count:,} files, {new:,} of them new"))


def discard_unfinished(job: Job, account: Account, spool: Spool, uid: str) -> None:
    """Deletes what a run that is not gone on with had written into its backup's folder, unless that backup is committed."""
    ledger = Ledger(spool, [sink.name for sink in job.sinks])
    for sink in job.sinks:
        with contextlib.suppress(SinkError):  # what stays there is a folder without a manifest: no backup
            keys = [entry.key for entry in sink.list(layout.backup_folder(account.id, uid))]
            if layout.manifest_key(account.id, uid) not in keys:
                sink.delete(keys)
    ledger.drop_folder(layout.backup_folder(account.id, uid).rpartition("/")[2])


def _wanted(attempt: Attempt) -> Iterator[tuple[Attachment, str]]:
    mode = attempt.job.attachments
    if mode is AttachmentMode.NONE:
        return
    for attachment in official.attachments_of(attempt.spool.attachments_in_use(), mode, attempt.miss):
        yield attachment, names.attachment_file_name(attachment.id, attachment.name, attempt.fan.suffix)


class _Reconciled:
    """One sink's listing brought together with what is known of it."""

    def __init__(self, attempt: Attempt, sink: Sink, number: int) -> None:
        account, uid = attempt.run.account.id, attempt.run.backup_uid
        self._sink, self._number, self._ledger, self._notify = sink, number, attempt.ledger, attempt.notify
        self._sizes = not attempt.fan.suffix  # no transform changes bytes: what is stored has the recorded size
        self._folder = layout.account_folder(account)
        self._areas = (f"{layout.attachments_folder(account)}/", f"{layout.backup_folder(account, uid)}/")
        self._committed: list[str] = []
        self._store = AccountStore(sink, account)

    def run(self, *, write: bool) -> None:
        if write:
            self._sink.sweep(self._folder)
        self._ledger.take_listing(self._number, self._listed(), len(self._folder) + 1)
        self._ledger.forget_absent(self._number)
        self._look_again(write=write)
        self._read_checksums()
        self._adopt()
        if write:
            self._clear_the_way()

    def _listed(self) -> Iterator[Entry]:
        """One listing of the account; the committed backups are noted on the way."""
        for entry in self._sink.list(self._folder):
            if entry.key.startswith(self._areas):
                yield entry
            folder, _, name = entry.key[len(self._folder) + 1 :].partition("/")
            uid = folder.removeprefix("backup-")
            if name == "manifest.json" and uid != folder and layout.started(uid) is not None:
                self._committed.append(uid)

    def _look_again(self, *, write: bool) -> None:
        """What the last run wrote down but could not make durable is read back once."""
        listed, absent = self._ledger.unsure(self._number)
        whole: list[StoredObject] = []
        damaged: list[str] = []
        for stored in listed:
            if self._hash(stored.key) == stored.sha256:
                whole.append(stored)
            else:
                damaged.append(stored.key)
        self._ledger.know(whole)
        self._ledger.unlist(self._number, damaged)
        if write:
            self._sink.delete([self._path(key) for key in damaged])
            self._ledger.drop(self._number, [*absent, *damaged])
            if whole:
                self._sink.sync()
                self._ledger.settle(self._number, whole)

    def _read_checksums(self) -> None:
        for uid in sorted(self._committed, reverse=True):
            if next(self._ledger.unexplained(self._number, sizes=self._sizes), None) is None:
                return
            sums = ((sha256, key[len(self._folder) + 1 :]) for sha256, key in self._store.sums(uid))
            try:
                self._ledger.explain(self._number, sums, sizes=self._sizes)
            except FormatError as error:
                self._notify(Message(f"{self._sink.name}: {error.message}", warning=True))

    def _adopt(self) -> None:
        """A file that no checksum explains, of the recorded size: the notes of the run that wrote it are lost."""
        if not self._sizes:
            return
        for key, size, recorded in self._ledger.unexplained(self._number, sizes=True):
            if recorded is not None:
                self._ledger.know([StoredObject(self._number, key, self._hash(key), size, new=False)])

    def _clear_the_way(self) -> None:
        """What is left is not the file that its name says. It makes room for the one that is downloaded now."""
        bad = [key for key, _, _ in self._ledger.unexplained(self._number, sizes=False)]
        if bad:
            named = ", ".join(bad[:3]) + (f" and {len(bad) - 3:,} more" if len(bad) > 3 else "")
            text = f"stored, but not as it should be, and downloaded again: {named}"
            self._notify(Message(f"{self._sink.name}: {text}", warning=True))
            self._sink.delete([self._path(key) for key in bad])

    def _path(self, key: str) -> str:
        return f"{self._folder}/{key}"

    def _hash(self, key: str) -> str:
        digest = hashlib.sha256()
        with self._sink.open(self._path(key)) as reader:
            while chunk := reader.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()
