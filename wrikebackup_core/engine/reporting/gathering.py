"""What sinks hold, gathered for a report: from listings and manifests alone. No key is needed, and nothing is written to a sink."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path

from wrikebackup_core.engine.prune import Place, PruneJob, State, plan_prune
from wrikebackup_core.engine.remembered import recall, rolled_back
from wrikebackup_core.engine.reporting import judging
from wrikebackup_core.engine.reporting.copies import Copy, Shelf, read_shelf
from wrikebackup_core.engine.reporting.days import calendar, usual_wait
from wrikebackup_core.engine.reporting.facts import (
    AccountFacts,
    DrillFacts,
    Holding,
    Level,
    ProfileFacts,
    Remark,
    SinkFacts,
    Step,
    Taken,
)
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError, UsageError, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import Event
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.ports import Locking, Sink
from wrikebackup_core.store import AccountStore, accounts
from wrikebackup_core.transforms import Transform

__all__ = ["Asked", "gather"]

_NAMED_GAPS = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A profile, opened: the sinks that could be, those that could not (`lost`), and its transforms. `zone` is for the calendar: None for
    this machine's."""

    name: str
    sinks: Sequence[Sink]
    state: Path
    plugins: Plugins
    transforms: Sequence[Transform] = ()
    lost: Sequence[SinkFacts] = ()
    objective: timedelta | None = None
    drills: Sequence[DrillFacts] = ()
    zone: tzinfo | None = None


@dataclass(slots=True)
class _Seen:
    """The shelves of all sinks, by account."""

    sinks: list[SinkFacts] = field(default_factory=list)
    shelves: dict[str, list[Shelf]] = field(default_factory=lambda: defaultdict(list))


def gather(asked: Asked, now: datetime) -> ProfileFacts:
    """The facts of one profile. A sink that fails is told of in them; raises nothing but what is a bug."""
    seen = _Seen(list(asked.lost))
    for sink in asked.sinks:
        try:
            for account in accounts(sink):
                seen.shelves[account].append(read_shelf(sink, account))
            seen.sinks.append(SinkFacts(sink.name))
        except (SinkError, FormatError) as error:
            seen.sinks.append(SinkFacts(sink.name, error.message, error.hint))
    failed = {one.name for one in seen.sinks if one.failed is not None}
    answering = [sink for sink in asked.sinks if sink.name not in failed]
    found = []
    for account, shelves in sorted(seen.shelves.items()):
        there = {shelf.sink.name: shelf for shelf in shelves}
        # One that holds nothing of the account lacks all of it.
        whole = [there.get(sink.name) or Shelf(sink, account) for sink in answering]
        if any(shelf.copies or shelf.unfinished for shelf in whole):
            found.append(_account(asked, account, whole, now))
    remarks = [*judging.of_sinks(seen.sinks), *judging.of_drills(asked.drills)]
    if not any(one.backups for one in found) and len(failed) < len(seen.sinks):
        remarks.append(Remark(Level.BAD, "There is no backup yet.", "`wrikebackup backup` takes one"))
    level = judging.worst([*remarks, *(remark for one in found for remark in one.remarks)])
    return ProfileFacts(
        asked.name, level, tuple(remarks), asked.objective, tuple(seen.sinks), tuple(found), tuple(asked.drills)
    )


def _account(asked: Asked, id_: str, shelves: Sequence[Shelf], now: datetime) -> AccountFacts:
    backups = tuple(_merged(shelves))
    usual = usual_wait(backups)
    complete = [one for one in backups if one.state is State.COMPLETE]
    plan, no_plan = _plan(asked, id_, shelves, now)
    days = calendar(backups, now, usual, asked.objective, pruned=bool(plan), zone=asked.zone)
    facts = AccountFacts(
        id_,
        "",
        backups,
        tuple(_holdings(asked, shelves, backups)),
        tuple(days),
        usual,
        tuple(_step(one, other) for one, other in pairwise(complete)),
        plan=plan,
        no_plan=no_plan,
    )
    facts = _with_newest(facts, shelves)
    remarks = tuple(judging.of_account(facts, now, asked.objective)) if backups else ()
    return replace(facts, remarks=remarks)


def _merged(shelves: Sequence[Shelf]) -> Iterator[Taken]:
    """Each backup once: as the first sink has it where it can be read."""
    copies = defaultdict[str, list[tuple[str, Copy]]](list)
    for shelf in shelves:
        for uid, copy in shelf.copies.items():
            copies[uid].append((shelf.sink.name, copy))
    for uid in sorted(copies):
        pairs = copies[uid]
        taken = next((copy.taken for _, copy in pairs if copy.taken.state is not State.UNREADABLE), pairs[0][1].taken)
        pins = [copy.taken.pinned for _, copy in pairs if copy.taken.pinned is not None]
        new = max((copy.taken.new_files, copy.taken.new_bytes) for _, copy in pairs)
        yield replace(
            taken,
            sinks=tuple(name for name, _ in pairs),
            pinned=pins[0] if pins else None,
            new_files=new[0],
            new_bytes=new[1],
        )


def _holdings(asked: Asked, shelves: Sequence[Shelf], backups: Sequence[Taken]) -> Iterator[Holding]:
    prints: dict[str, object] = {}
    for shelf in shelves:
        for uid, copy in shelf.copies.items():
            if copy.contents is not None:
                prints.setdefault(uid, copy.contents)
    for shelf in shelves:
        own = [copy.taken for copy in shelf.copies.values()]
        whole = [one for one in own if one.state is State.COMPLETE]
        notes = [rolled_back(shelf.sink, one) for one in recall(asked.state, shelf.sink.name, shelf.account)]
        yield Holding(
            shelf.sink.name,
            len(own),
            len(whole),
            shelf.bytes,
            own[0].started if own else None,
            own[-1].started if own else None,
            whole[-1].uid if whole else None,
            tuple(shelf.unfinished),
            tuple(one.uid for one in own if one.state is State.UNREADABLE),
            tuple(one.uid for one in backups if one.uid not in shelf.copies),
            tuple(uid for uid, one in shelf.copies.items() if one.contents not in (None, prints.get(uid))),
            _locked_until(shelf, whole[-1].uid if whole else None),
            next((note for note in notes if note is not None), None),
        )


def _locked_until(shelf: Shelf, uid: str | None) -> datetime | None:
    if uid is None or not isinstance(shelf.sink, Locking):
        return None
    key = layout.manifest_key(shelf.account, uid)
    try:
        return shelf.sink.locked([key]).get(key)
    except SinkError:
        return None  # it was reachable a moment ago: the lock alone is not worth failing for


def _step(one: Taken, other: Taken) -> Step:
    kinds = sorted({*one.counts, *other.counts})
    more = {kind: other.counts.get(kind, 0) - one.counts.get(kind, 0) for kind in kinds}
    return Step(
        other.uid,
        other.started,
        {kind: number for kind, number in more.items() if number},
        other.files - one.files,
        other.bytes - one.bytes,
        other.new_files,
        other.new_bytes,
    )


def _plan(asked: Asked, account: str, shelves: Sequence[Shelf], now: datetime) -> tuple[tuple[Place, ...], str | None]:
    job = PruneJob([shelf.sink for shelf in shelves], asked.state, asked.plugins, asked.transforms, account)
    try:
        return plan_prune(job, _unheard, now).places, None
    except UsageError as error:
        return (), error.message
    except WrikeBackupError as error:
        return (), f"there is no plan: {error.message}"


def _unheard(_event: Event) -> None:
    """A report has nothing to tell while it is made."""


def _with_newest(facts: AccountFacts, shelves: Sequence[Shelf]) -> AccountFacts:
    """With what the newest manifests say at length: the account's name, gaps, coverage."""
    newest = facts.newest
    if newest is None:
        return facts
    manifest = _manifest(shelves, newest.uid)
    if manifest is None:
        return facts
    facts = replace(facts, name=manifest.account.name, gaps=manifest.gaps[:_NAMED_GAPS])
    uid = max((shelf.newest_covered for shelf in shelves if shelf.newest_covered is not None), default=None)
    covered = manifest if uid == newest.uid else None if uid is None else _manifest(shelves, uid)
    return facts if covered is None else replace(facts, coverage=covered.coverage, coverage_of=uid)


def _manifest(shelves: Sequence[Shelf], uid: str) -> Manifest | None:
    for shelf in shelves:
        if uid in shelf.copies:
            try:
                return AccountStore(shelf.sink, shelf.account).manifest(uid)
            except (KeyNotFound, FormatError, SinkError):
                continue
    return None
