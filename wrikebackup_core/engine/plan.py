"""Plan: the files that the records name, less those that each sink already holds.

What a sink holds is told by its own listing, and what those files are by the checksums of its backups and by this host's own notes
of a run that was killed. Nothing is read back unless neither explains a file, and no key is ever needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.removal import remove
from wrikebackup_core.engine.stock import Stock, read_sums
from wrikebackup_core.errors import KeyLocked, SinkError
from wrikebackup_core.format import layout, names, official
from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, Attachment, AttachmentMode, Event, Message, StageFinished, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.spool import Spool
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import hash_stored

__all__ = ["discard_unfinished", "forget_unfinished", "plan"]

STAGE = "plan"


def plan(attempt: Attempt, stocks: Callable[[], Sequence[Stock]], *, write: bool = True) -> None:
    """Fills the ledger. `stocks` waits for what the sinks hold.

    With `write` false nothing is changed in a sink. A sink that cannot be read is dropped. Raises SinkError when no sink is left.
    """
    ledger, fan = attempt.ledger, attempt.fan
    attempt.notify(StageStarted(STAGE))
    ledger.want(_wanted(attempt))
    reconciled = [_Reconciled(attempt, stock) for stock in stocks()]
    # What checksums say of all of them comes first: it vouches for what is in others.
    for step in (_Reconciled.explain, _Reconciled.adopt, *([_Reconciled.clear_the_way] if write else [])):
        for one in reconciled:
            if one.number in fan.live:
                try:
                    step(one)
                except SinkError as error:
                    fan.drop(one.number, error)
    count, _ = ledger.wanted()
    planned = ledger.plan(list(fan.live))
    copies = f", {planned.copies:,} to be copied from one sink to another" if planned.copies else ""
    attempt.notify(StageFinished(STAGE, f"{plural(count, 'file')}, {planned.downloads:,} of them new{copies}"))


def forget_unfinished(job: Job, account: Account, spool: Spool, uid: str) -> None:
    """Nothing of a run that is not gone on with counts as stored any more, but for the attachments."""
    ledger = Ledger(spool, [sink.name for sink in job.sinks])
    ledger.drop_folder(layout.backup_folder(account.id, uid).rpartition("/")[2])
    ledger.age()


def discard_unfinished(job: Job, account: Account, uid: str, notify: Callable[[Event], None]) -> None:
    """Deletes what a run that is not gone on with had written into its backup's folder, unless that backup is committed.

    What a store refuses to delete stays, which is told: a folder without a manifest is no backup.
    """
    folder = layout.backup_folder(account.id, uid)
    for sink in job.sinks:
        try:
            keys = [entry.key for entry in sink.list(folder)]
            if layout.manifest_key(account.id, uid) not in keys:
                sink.delete(keys)
        except KeyLocked:
            text = f"{sink.name}: {folder} stays there without a manifest, for parts of it are locked; it is no backup"
            notify(Message(text, warning=True))
        except SinkError:
            pass  # the new run finds out what is wrong with the sink


def _wanted(attempt: Attempt) -> Iterator[tuple[Attachment, str]]:
    mode = attempt.job.attachments
    if mode is AttachmentMode.NONE:
        return
    hidden, suffix = attempt.job.hides_names, attempt.fan.suffix
    for attachment in official.attachments_of(attempt.spool.attachments_in_use(), mode, attempt.miss):
        yield attachment, names.stored_name(attachment.id, attachment.name, suffix, hidden=hidden)


class _Reconciled:
    """One sink's stock brought together with what is wanted."""

    def __init__(self, attempt: Attempt, stock: Stock) -> None:
        self._attempt, self._stock, self._ledger = attempt, stock, attempt.ledger
        self._sink, self.number = stock.sink, stock.number
        self._sizes = not attempt.fan.suffix  # no transform changes bytes: what is stored has the recorded size

    def explain(self) -> None:
        """By the checksums of one backup after the other, the newest first, for as long as a file needs it."""
        for position, uid in enumerate(self._stock.backups):
            if position:
                read_sums(self._attempt, self._stock, uid)
            self._ledger.explain(self.number, sizes=self._sizes)
            if not self._ledger.astray(self.number) and self._all_explained():
                return

    def _all_explained(self) -> bool:
        return next(self._ledger.unexplained(self.number, sizes=self._sizes), None) is None

    def adopt(self) -> None:
        """A file that none of the sink's checksums explains: the notes of the run that wrote it are lost.

        It is taken for what it should be if it is the same as in another sink that knows; where none does, if it has the recorded size.
        """
        for key, size, recorded in self._ledger.unexplained(self.number, sizes=self._sizes):
            known, found = self._ledger.elsewhere(self.number, key), self._ledger.found(self.number, key)
            if size not in known.values() if known else not self._sizes or recorded is None or found is not None:
                continue
            sha256 = found or hash_stored(self._sink, self._attempt.fan.path(key))
            if not known or sha256 in known:
                origin = Origin.HELD if known else Origin.ADOPTED
                self._ledger.know([StoredObject(self.number, key, sha256, size, origin)])

    def _bad(self) -> list[str]:
        unexplained = {key for key, _, _ in self._ledger.unexplained(self.number, sizes=False)}
        return sorted(unexplained.union(self._ledger.astray(self.number)))

    def _look_for_newer(self) -> None:
        """Nothing is deleted that a backup needs which another host has committed since the sink was listed."""
        account = self._attempt.run.account.id
        for uid in AccountStore(self._sink, account).uids()[0]:
            if uid not in self._stock.backups and uid != self._attempt.run.backup_uid:
                read_sums(self._attempt, self._stock, uid)
                self._ledger.explain(self.number, sizes=self._sizes)

    def clear_the_way(self) -> None:
        """What is left is not the file that its name says. It makes room for the one that is brought now."""
        if self._bad():
            self._look_for_newer()
        bad = self._bad()
        if bad and self._stock.unreadable:
            for key in bad:
                reason = f"what is stored may be what the backup {self._stock.unreadable[0]} needs, whose checksums cannot be read"
                self._attempt.fan.bar(self.number, key, reason)
        elif bad:
            named = ", ".join(bad[:3]) + (f" and {len(bad) - 3:,} more" if len(bad) > 3 else "")
            text = f"stored, but not as it should be, and to be replaced: {named}"
            self._attempt.notify(Message(f"{self._sink.name}: {text}", warning=True))
            remove(self._attempt, self.number, self._sink, bad)
        self._ledger.resolve(self.number)
