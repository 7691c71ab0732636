"""Whether a backup is due, by what the sinks hold: other hosts may write to them too, and a note here may be untrue by now."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.locking import spool_folder
from wrikebackup_core.engine.prune.deciding import SKEW
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import Event, Message
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore

__all__ = ["Recent", "recent_enough"]


@dataclass(frozen=True, slots=True)
class Recent:
    """The oldest of the newest complete backups of the sinks, and how old it is."""

    backup_uid: str
    age: timedelta


def recent_enough(
    job: Job, interval: timedelta | None, now: datetime, notify: Callable[[Event], None]
) -> Recent | None:
    """That every sink has a complete backup, of all that the job asks for, that was begun less than `interval` ago. None where a run is due: no interval is given, a sink has none or cannot
    be asked, or a run was interrupted and is to be gone on with. Raises SourceError where the account cannot be asked for its id.

    A backup that is begun in the future, by this clock, counts for nothing: `notify` hears of it.
    """
    if interval is None:
        return None
    account = job.source.account()
    if _unfinished(job, account.id):
        return None
    found: list[tuple[datetime, str]] = []
    for sink in job.sinks:
        try:
            uids = AccountStore(sink, account.id).uids()[0]
        except SinkError:
            return None  # the run will say what is wrong with it
        if ahead := [uid for uid in uids if _begun(uid) > now + SKEW]:
            text = f"{sink.name}: the backup {max(ahead)} was begun in the future, so one of the clocks is or was wrong"
            notify(Message(f"{text}; min_interval passes over it", warning=True))
        newest = _newest_complete(
            job, sink, account.id, (uid for uid in uids if now - interval < _begun(uid) <= now + SKEW)
        )
        if newest is None:
            return None
        found.append((_begun(newest), newest))
    begun, uid = min(found)
    return Recent(uid, max(now - begun, timedelta(0)))


def _begun(uid: str) -> datetime:
    begun = layout.started(uid)
    assert begun is not None  # the store passes over other folders
    return begun


def _newest_complete(job: Job, sink: Sink, account: str, uids: Iterable[str]) -> str | None:
    store = AccountStore(sink, account)
    for uid in sorted(uids, reverse=True):
        with contextlib.suppress(
            KeyNotFound, FormatError, SinkError
        ):  # deleted since, damaged, or not to be had: none of use
            manifest = store.manifest(uid)
            if manifest.complete and _holds_as_much(manifest, job):
                return uid
    return None


def _holds_as_much(manifest: Manifest, job: Job) -> bool:
    """Whether it was taken with what this profile asks for: another one may leave out more, and write to the same sink."""
    return set(manifest.skipped) <= job.skip and manifest.attachments.mode == job.attachments


def _unfinished(job: Job, account: str) -> bool:
    """Whether a run left its spool behind. One that cannot be made out is for the run itself to tell of."""
    path = spool_folder(job, account) / "spool.sqlite"
    if not path.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute("SELECT 1 FROM run WHERE key='backup'").fetchone() is not None
    except sqlite3.Error:
        return True
