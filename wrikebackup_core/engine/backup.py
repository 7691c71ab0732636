"""One run, from the crawl to the commit."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from wrikebackup_core.engine.abandoned import forget_abandoned
from wrikebackup_core.engine.add import add, add_quietly
from wrikebackup_core.engine.attempt import Attempt, RunView
from wrikebackup_core.engine.commit import commit
from wrikebackup_core.engine.coverage.stage import Covered, Covering, cover
from wrikebackup_core.engine.coverage.told import Told
from wrikebackup_core.engine.crawl import crawl
from wrikebackup_core.engine.derive import derive
from wrikebackup_core.engine.fanout import FanOut
from wrikebackup_core.engine.job import DryRun, Job, Outcome
from wrikebackup_core.engine.leases.keeping import Leases
from wrikebackup_core.engine.leases.running import held
from wrikebackup_core.engine.listeners import listeners
from wrikebackup_core.engine.locking import Locks, locked, spool_folder
from wrikebackup_core.engine.plan import discard_unfinished, forget_unfinished, plan
from wrikebackup_core.engine.prune import Notes, PruneJob, prune_after_run
from wrikebackup_core.engine.remembered import Newest, recall, remember, rolled_back
from wrikebackup_core.engine.removal import SPOILED, Unfinishable
from wrikebackup_core.engine.stock import Stocktaking
from wrikebackup_core.engine.transfer import transfer
from wrikebackup_core.errors import AlreadyExists, SinkError, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Files
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, AccountFound, Event, Message
from wrikebackup_core.spool import Spool

__all__ = ["back_up", "dry_run"]

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_GIVEN_UP = "given up"  # the fact in the spool that names backups that nobody goes on with
RESUME_WITHIN = timedelta(hours=24)
"""An unfinished run older than this is begun anew: its listings no longer describe one moment. Stored files are kept."""


def back_up(job: Job, notify: Callable[[Event], None]) -> Outcome:
    """Takes a backup, or finishes the one that a killed run began.

    Raises Locked when another run is at work on this account and these sinks, SourceError when the account cannot be read,
    SinkError when no sink can be written to. A gap, or one sink of several that fails, is no error: the Outcome tells.
    """
    begun = time.monotonic()
    notify = listeners(job.plugins, notify)
    try:
        return _back_up(job, notify, begun)
    except Unfinishable as error:  # a lock stands in the way of this backup, and not of another
        notify(Message(f"{error}; a new backup is begun", warning=True))
        return _back_up(job, notify, begun)


def _back_up(job: Job, notify: Callable[[Event], None], begun: float) -> Outcome:
    with _opened(job, notify, write=True) as (run, spool, locks, leases):
        with job.plugins.around(run):
            attempt = replace(_attempt(job, run, spool, locks, notify), leases=leases)
            for number, error in leases.refused.items():
                attempt.fan.drop(number, error)
            locks.sign(spool.name)
            _try_sinks(attempt)
            _warn_of_roll_backs(attempt)
            names, covered = _read(attempt, write=True)
            transfer(attempt)
            archive, records = derive(attempt)
            if covered is not None or run.resumed:  # an attempt that was killed may have left another one
                names += add_quietly(attempt, Covering(covered))
            coverage = None if covered is None else covered.coverage
            _remember(attempt, commit(attempt, Files(archive, records, tuple(names)), coverage))
        outcome = replace(_outcome(attempt, time.monotonic() - begun), coverage=coverage)
        spool.remove()
        _give_up(job, outcome)
        return _retain(job, outcome, leases, notify)


def dry_run(job: Job, notify: Callable[[Event], None]) -> DryRun:
    """Reads the account and says what a run would do. What was read stays for the real run, which goes on from there."""
    notify = listeners(job.plugins, notify)
    with _opened(job, notify, write=False) as (run, spool, locks, _):
        attempt = _attempt(job, run, spool, locks, notify)
        _read(attempt, write=False)
        ledger, fan = attempt.ledger, attempt.fan
        planned = ledger.plan(list(fan.live))
        return DryRun(
            profile=job.name,
            account=run.account,
            counts=spool.counts(),
            attachments_total=ledger.wanted()[0],
            attachments_new=planned.downloads,
            bytes_new=planned.download_bytes,
            per_sink={fan.name(number): ledger.lacking(number) for number in fan.live},
            gaps=attempt.gaps(),
            attachments_copied=planned.copies,
        )


def _give_up(job: Job, outcome: Outcome) -> None:
    """What a sink that dropped out holds of this backup is no use to any run."""
    for sink, reason in outcome.sinks.items():
        if reason is not None:
            with contextlib.suppress(WrikeBackupError):  # then a prune takes it for another host's, and waits
                Notes(job.state, outcome.account.id, sink).give_up([outcome.backup_uid])


def _retain(job: Job, outcome: Outcome, leases: Leases, notify: Callable[[Event], None]) -> Outcome:
    """Prunes, if the profile says so and the backup is complete. Whatever comes of it, the backup stands."""
    if not outcome.complete or not any(transform.prunes for transform in job.transforms):
        return outcome
    sinks = [sink for sink in job.sinks if outcome.sinks[sink.name] is None]
    pruning = PruneJob(sinks, job.state, job.plugins, job.transforms)
    return replace(outcome, pruned=prune_after_run(pruning, outcome.account.id, leases.demand, notify))


def _try_sinks(attempt: Attempt) -> None:
    """That a sink cannot be written to should not be found out after hours of reading. Leaves nothing behind."""
    key = layout.manifest_key(attempt.run.account.id, attempt.run.backup_uid)
    for number, sink in list(attempt.fan.live.items()):
        try:
            with contextlib.suppress(AlreadyExists):  # a run that was killed at its very end
                sink.create(key).discard()
        except SinkError as error:
            attempt.fan.drop(number, error)


def _warn_of_roll_backs(attempt: Attempt) -> None:
    """A sink that has not what this host left there was set back: by somebody, or with the disk that it is on."""
    for sink in attempt.fan.live.values():
        for newest in recall(attempt.job.state, sink.name, attempt.run.account.id):
            if why := rolled_back(sink, newest):
                attempt.notify(Message(f"{sink.name}: {why}", warning=True))


def _remember(attempt: Attempt, manifests: Mapping[str, str]) -> None:
    """The backup is committed, and stays so: what cannot be noted is only told of."""
    for sink, sha256 in manifests.items():
        try:
            remember(attempt.job.state, Newest(attempt.run.account.id, sink, attempt.run.backup_uid, sha256))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            attempt.notify(Message(f"cannot note in {attempt.job.state} what is in {sink}: {why}", warning=True))


def _read(attempt: Attempt, *, write: bool) -> tuple[list[str], Covered | None]:
    """The account into the spool and, beside that, what the sinks hold into the ledger; then what transforms add, which may be a
    witness of what the crawl has missed; and what the sinks lack. Returns the names of what was added, and what the witness says.
    """
    names, covered = list[str](), None
    with Stocktaking(attempt, write=write) as stocktaking:
        attempt.leases.when_lost(stocktaking.lose)
        crawl(attempt.job, attempt.spool, attempt.notify, stocktaking.over)
        stocktaking.check()
        if write:
            stocktaking.wait()
            names, covered = add(attempt), cover(attempt)
        plan(attempt, stocktaking.wait, write=write)
    return names, covered


def _attempt(job: Job, run: RunView, spool: Spool, locks: Locks, notify: Callable[[Event], None]) -> Attempt:
    ledger = Ledger(spool, [sink.name for sink in job.sinks])
    sinks = dict(zip(ledger.numbers, job.sinks, strict=True))
    ledger.doubts.suspect(number for number, sink in sinks.items() if locks.written_by_another(sink.name, spool.name))
    fan = FanOut(sinks, ledger, job.transforms, layout.account_folder(run.account.id), notify)
    return Attempt(job, run, spool, ledger, fan, notify)


@contextlib.contextmanager
def _opened(
    job: Job, notify: Callable[[Event], None], *, write: bool
) -> Iterator[tuple[RunView, Spool, Locks, Leases]]:
    """The spool, locked, with the run that it holds or a new one; to write, with the leases of the sinks."""
    account = job.source.account()
    notify(AccountFound(account))
    with locked(job, account) as locks:
        spool = Spool(spool_folder(job, account.id) / "spool.sqlite")
        try:
            if write:
                forget_abandoned(job.state, account.id, spool.name, notify)
            with held(job, account, spool) if write else contextlib.nullcontext(Leases()) as leases:
                writable = replace(job, sinks=[sink for sink in job.sinks if leases.has(sink)])
                run = _begin(writable if write else job, account, spool, notify)
                if write:
                    _discard_given_up(writable, account, spool, notify)
                yield run, spool, locks, leases
        finally:
            spool.close()


def _begin(job: Job, account: Account, spool: Spool, notify: Callable[[Event], None]) -> RunView:
    facts, moment = spool.facts(), datetime.now(UTC)
    now = moment.replace(microsecond=0)
    uid = facts.get("backup")
    if uid is not None:
        started = datetime.strptime(facts["started"], _FORMAT).replace(tzinfo=UTC)
        fits = facts.get("fingerprint") == job.fingerprint and SPOILED not in facts
        if fits and timedelta(0) <= now - started < RESUME_WITHIN:
            notify(Message(f"going on with the unfinished backup {uid}"))
            return RunView(job.name, account, uid, started, job.source, spool, resumed=True, witness=Told(spool))
        notify(Message(f"the unfinished backup {uid} is given up; its files are kept"))
        forget_unfinished(job, account, spool, uid)
        spool.reset()
        spool.note({_GIVEN_UP: " ".join([*facts.get(_GIVEN_UP, "").split(), uid])})
    # Uids sort by time, also within one second: a tail of three hexadecimal digits of milliseconds and three random ones.
    tail = f"{moment.microsecond // 1000:03x}{secrets.randbelow(1 << 12):03x}"
    uid = layout.new_backup_uid(now, tail)
    spool.note({"backup": uid, "started": now.strftime(_FORMAT), "fingerprint": job.fingerprint})
    return RunView(job.name, account, uid, now, job.source, spool, resumed=False, witness=Told(spool))


def _discard_given_up(job: Job, account: Account, spool: Spool, notify: Callable[[Event], None]) -> None:
    """What a dry run has given up is deleted by the next run that writes."""
    for uid in spool.facts().get(_GIVEN_UP, "").split():
        discard_unfinished(job, account, uid, notify)
    spool.note({_GIVEN_UP: ""})


def _outcome(attempt: Attempt, seconds: float) -> Outcome:
    job, run, spool, ledger, fan = attempt.job, attempt.run, attempt.spool, attempt.ledger, attempt.fan
    if not fan.live:
        raise fan.nothing_left()
    best = max(fan.live, key=lambda number: ledger.present(number)[0])
    total, size = ledger.present(best)
    new, new_bytes = ledger.downloaded(list(fan.live))
    gaps = attempt.gaps(*fan.live)
    return Outcome(
        profile=job.name,
        account=run.account,
        backup_uid=run.backup_uid,
        complete=not gaps,
        counts=spool.counts(),
        attachments_total=total,
        attachments_new=new,
        attachments_bytes=size,
        bytes_new=new_bytes,
        gaps=gaps,
        sinks={sink.name: fan.dropped.get(number) for number, sink in zip(ledger.numbers, job.sinks, strict=True)},
        seconds=seconds,
        resumed=run.resumed,
        attachments_copied=ledger.copied(list(fan.live))[0],
    )
