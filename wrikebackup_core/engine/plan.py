"""Plan: the files that the records name, less those that each sink already holds.

What a sink holds is told by its own listing, and what those files are by the checksums of its backups and by this host's own notes
of a run that was killed. Nothing is read back unless neither explains a file, and no key is ever needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.stock import Stock, hash_stored, read_sums
from wrikebackup_core.errors import SinkError
from wrikebackup_core.format import layout, names, official
from wrikebackup_core.journal import StoredObject
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, Attachment, AttachmentMode, Message, StageFinished, StageStarted
from wrikebackup_core.spool import Spool

__all__ = ["discard_unfinished", "plan"]

STAGE = "plan"


def plan(attempt: Attempt, stocks: Callable[[], Sequence[Stock]], *, write: bool = True) -> None:
    """Fills the ledger. `stocks` waits for what the sinks hold.

    With `write` false nothing is changed in a sink. A sink that cannot be read is dropped. Raises SinkError when no sink is left.
    """
    ledger, fan = attempt.ledger, attempt.fan
    attempt.notify(StageStarted(STAGE))
    ledger.want(_wanted(attempt))
    for stock in stocks():
        try:
            _Reconciled(attempt, stock).run(write=write)
        except SinkError as error:
            fan.drop(stock.number, error)
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
    """One sink's stock brought together with what is wanted."""

    def __init__(self, attempt: Attempt, stock: Stock) -> None:
        self._attempt, self._stock, self._ledger = attempt, stock, attempt.ledger
        self._sink, self._number = stock.sink, stock.number
        self._sizes = not attempt.fan.suffix  # no transform changes bytes: what is stored has the recorded size

    def run(self, *, write: bool) -> None:
        self._explain()
        self._adopt()
        if write:
            self._clear_the_way()

    def _explain(self) -> None:
        """By the checksums of one backup after the other, the newest first, for as long as a file needs it."""
        for position, uid in enumerate(self._stock.backups):
            if position:
                read_sums(self._attempt, self._stock, uid)
            self._ledger.explain(self._number, sizes=self._sizes)
            if next(self._ledger.unexplained(self._number, sizes=self._sizes), None) is None:
                return

    def _adopt(self) -> None:
        """A file that no checksum explains, of the recorded size: the notes of the run that wrote it are lost."""
        if not self._sizes:
            return
        for key, size, recorded in self._ledger.unexplained(self._number, sizes=True):
            if recorded is not None:
                sha256 = hash_stored(self._sink, self._attempt.fan.path(key))
                self._ledger.know([StoredObject(self._number, key, sha256, size, new=False)])

    def _clear_the_way(self) -> None:
        """What is left is not the file that its name says. It makes room for the one that is downloaded now."""
        bad = [key for key, _, _ in self._ledger.unexplained(self._number, sizes=False)]
        if bad:
            named = ", ".join(bad[:3]) + (f" and {len(bad) - 3:,} more" if len(bad) > 3 else "")
            text = f"stored, but not as it should be, and downloaded again: {named}"
            self._attempt.notify(Message(f"{self._sink.name}: {text}", warning=True))
            self._sink.delete([self._attempt.fan.path(key) for key in bad])
