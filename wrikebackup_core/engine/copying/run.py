"""A copy from end to end, account by account."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wrikebackup_core.engine.copying.account import AccountCopy
from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.job import Copied, CopyJob, CopyPlan, Received, Results
from wrikebackup_core.engine.copying.targets import Crew, NothingLeft, Target
from wrikebackup_core.engine.leases import leased
from wrikebackup_core.engine.listeners import listeners
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.engine.prune.notes import Notes
from wrikebackup_core.errors import Locked, SinkError, UsageError
from wrikebackup_core.model import Account, Event
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import accounts

__all__ = ["copy", "plan_copy"]

Notify = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a lock is for."""

    sinks: Sequence[Sink]
    state: Path


def copy(job: CopyJob, notify: Notify) -> Copied:
    """Copies backups, or finishes a copy that was interrupted.

    Damage, and a target that fails, are no error: what is returned tells. Raises UsageError where there is nothing to copy,
    SinkError where the source is out of reach.
    """
    begun = time.monotonic()
    results = _Run(job, notify, write=True).all()
    seconds = time.monotonic() - begun
    return Copied(job.source.name, tuple(results.received), tuple(results.flaws), results.gaps, seconds)


def plan_copy(job: CopyJob, notify: Notify) -> CopyPlan:
    """What `copy` would do. Nothing is written anywhere, and no lock is needed. Raises as `copy` does."""
    results = _Run(job, notify, write=False).all()
    targets, flaws = tuple(results.received), tuple(results.flaws)
    return CopyPlan(job.source.name, tuple(results.planned), targets, flaws, results.gaps)


class _Run:
    def __init__(self, job: CopyJob, notify: Notify, *, write: bool) -> None:
        self._job, self._write = job, write
        self._notify = listeners(job.plugins, notify)
        self._results = Results([Received(sink.name) for sink in job.targets])
        self._met: set[str] = set()

    def all(self) -> Results:
        with contextlib.suppress(NothingLeft):  # each target says why
            for account in self._accounts():
                self._account(account)
            self._complain()
        return self._results

    def _accounts(self) -> list[str]:
        there, wanted = accounts(self._job.source), self._job.accounts
        for account in wanted:
            if account not in there:
                hint = f"there are {', '.join(there[:5])}" if there else None
                raise UsageError(f"{self._job.source.name} has no account {account}", hint=hint)
        return [account for account in there if not wanted or account in wanted]

    def _complain(self) -> None:
        """Of a source without any backup, and of names that none has."""
        name = self._job.source.name
        for wanted in self._job.backups:
            if wanted not in self._met:
                raise UsageError(f"{name} has no backup {wanted}")
        if not self._results.found:
            hint = "is it mounted, and are there folders `account-…` with backups in it?"
            raise UsageError(f"there is nothing to copy: no backups in {name}", hint=hint)

    def _chosen(self, name: str) -> bool:
        fitting = {wanted for wanted in self._job.backups if wanted and name.startswith(wanted)}
        self._met |= fitting
        return bool(fitting) or not self._job.backups

    def _account(self, account: str) -> None:
        received = enumerate(self._results.received)
        targets = [Target(number, self._job.targets[number], account, one) for number, one in received]
        crew = Crew(targets, self._job.source.name, self._results.flaws, self._notify)
        with contextlib.ExitStack() as stack, Catalog() as catalog:
            if self._write:
                self._lock(stack, crew, account)
            notes = [(target, Notes(self._job.state, account, target.sink.name)) for target in crew.live if self._write]
            for _, note in notes:
                note.copy_begins()
            AccountCopy(self._job, account, catalog, crew, self._results, write=self._write).run(self._chosen)
            for target, note in notes:
                if target.live:
                    note.copy_ends()

    def _lock(self, stack: contextlib.ExitStack, crew: Crew, account: str) -> None:
        """A target at which another run is at work is left out."""
        for target in crew.live:
            try:
                stack.enter_context(locked(_Place((target.sink,), self._job.state), Account(account, ""))).sign("copy")
                lose = partial(crew.drop, target)
                target.hold = stack.enter_context(leased(target.sink, account, self._job.state, "copy", lose))
            except (Locked, SinkError, OSError) as error:
                crew.drop(target, error, locked=isinstance(error, Locked))
        crew.demand()
