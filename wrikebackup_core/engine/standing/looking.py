"""What the sinks hold, asked of each by itself: the truth about a profile's backups is there, whatever this host remembers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from wrikebackup_core.engine.leases import at_work
from wrikebackup_core.engine.standing.troubles import WHOSE
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.monitors import SinkStanding
from wrikebackup_core.ports import Locking, Sink
from wrikebackup_core.store import AccountStore, accounts

__all__ = ["Look", "Place", "look"]


@dataclass(frozen=True, slots=True)
class Place:
    """A sink that is not open yet. `label` is how it is called as long as it cannot be opened, and `part` how the profile writes it."""

    label: str
    part: str
    open: Callable[[], Sink]


@dataclass(slots=True)
class Look:
    """What was seen, in the places' order. `names` are the sinks' names by how the profile writes them, `account` is whose backups
    were looked at, `slow` are those of the sinks that did not answer in time."""

    sinks: list[SinkStanding] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    account: str | None = None
    slow: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Seen:
    """One sink. `held` are the newest backups by account; `standing` has a problem until all was seen."""

    standing: SinkStanding
    name: str | None = None
    held: dict[str, SinkStanding] = field(default_factory=dict)


def look(places: Sequence[Place], account: str | None, *, seconds: float) -> Look:
    """Each sink in a thread of its own; one that takes longer than `seconds` has that for a problem. `account` is whose backups are
    meant; None where nobody knows: then the only one that there is, and where there are several, nothing is said of their backups. Raises
    nothing.
    """
    slow = f"has not answered within {seconds:.0f} seconds"
    seen = [_Seen(SinkStanding(place.label, problem=slow)) for place in places]
    crew = [
        threading.Thread(target=_visit, args=(place, one, account), name=f"look-{number}", daemon=True)
        for number, (place, one) in enumerate(zip(places, seen, strict=True))
    ]
    for thread in crew:
        thread.start()
    end = time.monotonic() + seconds
    for thread in crew:
        while thread.is_alive() and (left := end - time.monotonic()) > 0:
            thread.join(min(left, 0.5))
    held = {name for one in seen for name, its in one.held.items() if its.backups}
    whose = account or (min(held) if len(held) == 1 else None)
    found = Look(account=whose)
    for place, one in zip(places, seen, strict=True):
        name, standing = one.name, one.standing
        if name is not None:
            found.names[place.part] = name
            standing = replace(standing, sink=name)
        if standing.problem == slow:
            found.slow.add(standing.sink)
        if standing.problem is None and whose is not None:
            standing = one.held.get(whose, standing)
        elif standing.problem is None and any(its.backups for its in one.held.values()):
            standing = replace(standing, problem=WHOSE)
        elif standing.problem is None:  # the first run may still be at work
            standing = replace(standing, at_work=next((its.at_work for its in one.held.values() if its.at_work), None))
        found.sinks.append(standing)
    return found


def _visit(place: Place, seen: _Seen, account: str | None) -> None:
    try:
        with contextlib.closing(place.open()) as sink:
            seen.name = sink.name
            whose = [account] if account is not None else accounts(sink)
            held = {one: _of_account(sink, one) for one in whose}
            seen.held, seen.standing = held, SinkStanding(sink.name)
    except WrikeBackupError as error:
        name = seen.name or place.label
        seen.standing = SinkStanding(name, problem=error.message.removeprefix(f"{name}: "), hint=error.hint)
    except Exception as error:  # noqa: BLE001 - one sink, whatever is wrong with it, keeps nobody from seeing the others
        words = " ".join(f"{type(error).__name__}: {error}".split())
        seen.standing = SinkStanding(seen.name or place.label, problem=words)


def _of_account(sink: Sink, account: str) -> SinkStanding:
    """Raises SinkError."""
    store = AccountStore(sink, account)
    uids = store.uids()[0]
    newest, complete = None, None
    for uid in reversed(uids):
        manifest = _manifest(store, uid)
        if manifest is None:
            continue
        newest = newest or manifest
        if manifest.complete:
            complete = manifest
            break
    standing = SinkStanding(
        sink.name,
        backups=len(uids),
        newest=layout.started(uids[-1]) if uids else None,
        gaps=max(len(newest.gaps), int(not newest.complete)) if newest is not None else 0,
        at_work=_at_work(sink, account),
    )
    return standing if complete is None else _with_complete(standing, sink, account, complete)


def _at_work(sink: Sink, account: str) -> str | None:
    try:
        return at_work(sink, account)
    except SinkError:
        return None  # what is known of the backups is worth more


def _with_complete(standing: SinkStanding, sink: Sink, account: str, complete: Manifest) -> SinkStanding:
    uid = complete.backup_uid
    return replace(
        standing,
        newest_complete=layout.started(uid),
        complete_uid=uid,
        counts=dict(complete.counts),
        attachments=complete.attachments.total,
        attachment_bytes=complete.attachments.bytes,
        locked_until=_locked_until(sink, layout.manifest_key(account, uid)),
    )


def _manifest(store: AccountStore, uid: str) -> Manifest | None:
    """None where it is gone since it was listed, or damaged: `verify` tells of that."""
    try:
        manifest = store.manifest(uid)
    except (KeyNotFound, FormatError):
        return None
    return manifest if manifest.backup_uid == uid else None


def _locked_until(sink: Sink, key: str) -> datetime | None:
    if not isinstance(sink, Locking):
        return None
    try:
        return sink.locked([key]).get(key)
    except SinkError:
        return None  # who may write need not be allowed to ask for locks
