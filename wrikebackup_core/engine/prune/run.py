"""A prune from end to end: sink by sink, each under its lock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

from wrikebackup_core.engine.leases import leased
from wrikebackup_core.engine.listeners import listeners
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.engine.prune.deleting import delete
from wrikebackup_core.engine.prune.job import Place, Pruned, PruneJob
from wrikebackup_core.engine.prune.planning import STAGE, Planning, Terms
from wrikebackup_core.errors import Locked, SinkError, UsageError, WrikeBackupError
from wrikebackup_core.model import Account, Event, Message, StageFinished, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore, accounts
from wrikebackup_core.transforms import Transform

__all__ = ["plan_prune", "prune", "prune_after_run", "retaining"]

Notify = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Locking:
    """What a lock is for."""

    sinks: Sequence[Sink]
    state: Path


def retaining(transforms: Sequence[Transform]) -> list[Transform]:
    """Those that vote."""
    return [transform for transform in transforms if type(transform).keep is not Transform.keep]


def plan_prune(job: PruneJob, notify: Notify, now: datetime | None = None) -> Pruned:
    """What `prune` would delete. Nothing is written to a sink, and no lock is needed.

    A sink that fails is told of, and the others are looked at. Raises UsageError where the profile has no rules, or a sink holds several
    accounts, none is chosen, and it cannot be told which is meant since the sinks have backups of several.
    """
    return _prune(job, listeners(job.plugins, notify), now, write=False)


def prune(job: PruneJob, notify: Notify, now: datetime | None = None) -> Pruned:
    """Deletes what no rule keeps. Raises as `plan_prune` does."""
    return _prune(job, listeners(job.plugins, notify), now, write=True)


def prune_after_run(job: PruneJob, account: str, demand: Callable[[Sink], None], notify: Notify) -> Pruned:
    """The same for one account right behind a run, which holds the locks and the leases: `demand` raises LeaseLost where it does not any more. Never
    raises but for Ctrl-C: the backup stands.
    """
    begun = time.monotonic()
    places = [Place(sink.name, account) for sink in job.sinks]
    notify(StageStarted(STAGE))
    terms = Terms(job.state, retaining(job.transforms), datetime.now(UTC), notify)
    for sink, place in zip(job.sinks, places, strict=True):
        try:
            _work(sink, place, terms, partial(demand, sink))
        except Exception as error:  # noqa: BLE001 - a plugin's: what becomes of the backup does not hang on it
            place.failed = " ".join(str(error).split()) or type(error).__name__
        for reason in place.attachments.stay:
            notify(Message(f"{sink.name}: attachments stay: {reason}", warning=True))
        if place.failed is not None:
            notify(Message(f"{sink.name}: not pruned: {place.failed}", warning=True))
    pruned = Pruned(tuple(places), True, time.monotonic() - begun)
    notify(StageFinished(STAGE, _summary(pruned)))
    return pruned


def _prune(job: PruneJob, notify: Notify, now: datetime | None, *, write: bool) -> Pruned:
    begun, voters = time.monotonic(), retaining(job.transforms)
    if not voters:
        raise UsageError(
            "the profile has no rules: nothing says which backups are to stay",
            hint="add a transform such as `retain: {daily: 7, weekly: 5, monthly: 12}`",
        )
    terms = Terms(job.state, voters, now or datetime.now(UTC), notify)
    notify(StageStarted(STAGE))
    places = _places(job)
    for sink, place in places:
        with contextlib.ExitStack() as stack:
            demand = _lock(stack, sink, place, job.state) if write and place.failed is None else None
            _work(sink, place, terms, demand)
    pruned = Pruned(tuple(place for _, place in places), write, time.monotonic() - begun)
    notify(StageFinished(STAGE, _summary(pruned)))
    return pruned


def _places(job: PruneJob) -> list[tuple[Sink, Place]]:
    """The accounts in the sinks, and those sinks that cannot be looked into. The rules of a profile are for one account: which, has to
    be said where a sink holds several.
    """
    held, failed = list[tuple[Sink, str]](), list[tuple[Sink, SinkError]]()
    for sink in job.sinks:
        try:
            held += [(sink, account) for account in accounts(sink)]
        except SinkError as error:
            failed.append((sink, error))
    wanted = job.account
    if wanted is None and (several := _with_several(held)) is not None:
        wanted = _with_backups(held)
        if wanted is None:
            found = [account for sink, account in held if sink is several]
            raise UsageError(
                f"{several.name} holds several accounts: {', '.join(found[:5])}", hint="choose one with --account"
            )
    places = [(sink, Place(sink.name, account)) for sink, account in held if wanted in (None, account)]
    places += [(sink, Place(sink.name, wanted or "", failed=e.message, hint=e.hint)) for sink, e in failed]
    return sorted(places, key=lambda pair: job.sinks.index(pair[0]))


def _with_several(held: Sequence[tuple[Sink, str]]) -> Sink | None:
    """The first sink that has the folders of several accounts."""
    return next((sink for (sink, _), (other, _) in pairwise(held) if sink is other), None)


def _with_backups(held: Sequence[tuple[Sink, str]]) -> str | None:
    """The only account that has a backup; where none has, any: an empty folder says nothing of whose the profile is. None where there
    are several, or it cannot be told."""
    try:
        found = {account for sink, account in held if AccountStore(sink, account).uids()[0]}
    except SinkError:
        return None  # one that cannot be looked into may not be passed over
    return None if len(found) > 1 else min(found or {account for _, account in held})


def _lock(stack: contextlib.ExitStack, sink: Sink, place: Place, state: Path) -> Callable[[], None] | None:
    """What raises LeaseLost as soon as another has the place. None where another has it now, which is written down."""
    try:
        stack.enter_context(locked(_Locking((sink,), state), Account(place.account, ""))).sign("prune")
        return stack.enter_context(leased(sink, place.account, state, "prune")).check
    except WrikeBackupError as error:
        place.failed, place.hint, place.busy = error.message, error.hint, isinstance(error, Locked)
        return None


def _work(sink: Sink, place: Place, terms: Terms, demand: Callable[[], None] | None) -> None:
    """One place; what goes wrong is written down in it. Without `demand`, which is asked ahead of deleting, it is only planned."""
    if place.failed is not None:
        return
    try:
        with Planning(sink, place, terms) as planning:
            planning.make()
            if demand is not None:
                delete(planning, terms.state, terms.notify, demand)
    except WrikeBackupError as error:
        place.failed, place.hint = error.message, error.hint


def _summary(pruned: Pruned) -> str:
    if not pruned.anything:
        return "nothing to delete"
    backups = sum(not one.keep for place in pruned.places for one in place.backups)
    files = sum(place.attachments.files for place in pruned.places)
    return f"{plural(backups, 'backup')} and {plural(files, 'attachment')} {'deleted' if pruned.done else 'to delete'}"
