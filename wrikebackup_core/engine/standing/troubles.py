"""Which troubles began, last and are over: decided from how a profile stands, without any I/O.

What cannot be told now (a sink that is not reached, a clock that was set back) neither begins a trouble nor ends one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from wrikebackup_core.engine.prune.deciding import SKEW
from wrikebackup_core.engine.standing.causes import BUSY, INTERRUPTED, STORES
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.monitors import Ran, SinkStanding, Standing, Trouble

__all__ = ["WHOSE", "Judged", "Open", "judge"]

_SOON = timedelta(days=7)
WHOSE = "the sinks hold several accounts, and no run on this machine says which is this profile's"
"""The problem of a sink that was looked at, but nobody knows for what."""


class Open(msgspec.Struct, frozen=True):
    """A trouble that lasts. `about` is the backup that it was seen with, where it has to do with one."""

    id: str
    text: str
    since: datetime
    hint: str | None = None
    about: str | None = None

    @property
    def trouble(self) -> Trouble:
        return Trouble(self.id, self.text, self.since, self.hint)


@dataclass(frozen=True, slots=True)
class Judged:
    """`lasting` are all that are there now, those that `begun` among them, in the order in which they began."""

    lasting: tuple[Open, ...]
    begun: tuple[Open, ...]
    over: tuple[Open, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was looked at: is it wrong? `text` None: no. An id that nothing was found of is unknown, and stays as it was."""

    id: str
    text: str | None = None
    hint: str | None = None
    about: str | None = None


def judge(last: Sequence[Open], standing: Standing, runs: Sequence[Ran], *, missed: Collection[str] = ()) -> Judged:
    """`last` are the troubles that lasted at the last look, and `runs` what is remembered of runs, the oldest first. `missed` are sinks
    that were given too little time to answer."""
    before = {one.id: one for one in last}
    found = {one.id: one for one in _findings(standing, runs, before, missed)}
    lasting, begun, over = list[Open](), list[Open](), list[Open]()
    for known in before.values():
        now = found.get(known.id)
        if now is None:
            lasting.append(known)
        elif now.text is None:
            over.append(known)
        else:
            lasting.append(Open(known.id, now.text, known.since, now.hint, now.about))
    for one in found.values():
        if one.text is not None and one.id not in before:
            begun.append(Open(one.id, one.text, standing.at, one.hint, one.about))
    return Judged((*lasting, *begun), tuple(begun), tuple(over))


def _findings(
    standing: Standing, runs: Sequence[Ran], before: Mapping[str, Open], missed: Collection[str]
) -> Iterator[_Found]:
    yield from _of_runs(runs, before)
    yield from _of_prune(runs)
    names = {one.sink for one in standing.sinks}
    for known in before.values():  # of a sink that the profile no longer has
        kind, _, name = known.id.partition(" ")
        # One that was missed may go by another name.
        if kind in ("sink", "late", "lock", "drill") and name not in names and not missed:
            yield _Found(known.id)
    for sink in standing.sinks:
        if sink.sink not in missed:
            yield from _of_reach(sink, runs)
        if sink.drilled is not None:
            words = None if sink.drilled == sink.drilled_well else f"{sink.sink}: in the last drill, {sink.drill_words}"
            hint = sink.drill_hint or "`wrikebackup drill` tries it again, and says what is wrong"
            yield _Found(f"drill {sink.sink}", words, hint)
        if sink.problem is None:
            yield from _of_age(sink, standing, before.get(f"late {sink.sink}"))
            yield from _of_lock(sink, standing, before.get(f"lock {sink.sink}"))
    yield from _of_account(standing)
    yield from _of_clock(standing)
    yield from _of_gaps(standing, before.get("gaps"))


def _conclusive(runs: Sequence[Ran]) -> Ran | None:
    """The last run that says whether runs go well: one that was interrupted, or gave way to another, does not."""
    return next((ran for ran in reversed(runs) if ran.cause not in (BUSY, INTERRUPTED)), None)


def _of_runs(runs: Sequence[Ran], before: Mapping[str, Open]) -> Iterator[_Found]:
    """One trouble for each cause: another cause is another trouble, and the end of the first."""
    ran = _conclusive(runs)
    if ran is None:
        return
    failed = None
    of_a_sink = ran.cause in STORES and any(ran.sinks.values())  # then the sink is the trouble
    if ran.exit_code not in (ExitCode.DONE, ExitCode.PARTIAL) and not of_a_sink:
        failed = f"run {ran.cause or 'failed'}"
        yield _Found(failed, f"the last run failed: {ran.words}", ran.hint)
    yield from (_Found(id_) for id_ in before if id_.startswith("run ") and id_ != failed)


def _of_prune(runs: Sequence[Ran]) -> Iterator[_Found]:
    ran = next((ran for ran in reversed(runs) if ran.pruned is not None), None)
    if ran is not None:
        hint = "`wrikebackup prune` shows the plan, and what is in its way"
        words = None if ran.pruned else f"older backups were not pruned: {ran.prune_words or 'it failed'}"
        yield _Found("prune", words, hint)


def _of_reach(sink: SinkStanding, runs: Sequence[Ran]) -> Iterator[_Found]:
    """Whether it answers, and whether the last run that had to do with it could write there."""
    id_ = f"sink {sink.sink}"
    if sink.problem is not None and sink.problem != WHOSE:
        hint = sink.hint or "`wrikebackup doctor` says what is in the way"
        yield _Found(id_, f"{sink.sink}: {sink.problem}", hint)
        return
    ran = next((ran for ran in reversed(runs) if sink.sink in ran.sinks), None)
    reason = None if ran is None else ran.sinks[sink.sink]
    if ran is None or reason is None or (sink.newest_complete is not None and sink.newest_complete > ran.ended):
        yield _Found(id_)  # in the last case another host has written there since
    else:
        words = f"{sink.sink}: could not be written to in the last run: {reason.removeprefix(f'{sink.sink}: ')}"
        yield _Found(id_, words, "`wrikebackup doctor` says what is in the way")


def _of_age(sink: SinkStanding, standing: Standing, known: Open | None) -> Iterator[_Found]:
    id_, newest, now = f"late {sink.sink}", sink.newest_complete, standing.at
    if newest is None:
        hint = "`wrikebackup backup` takes one"
        yield _Found(id_, f"{sink.sink}: there is no complete backup" if standing.objective else None, hint)
    elif standing.objective is None:
        yield _Found(id_)
    elif now - newest > standing.objective:
        words = f"{sink.sink}: the last complete backup is of {newest:%Y-%m-%d %H:%M} UTC, older than {span(standing.objective)}"
        yield _Found(
            id_, words, "see whether the timer runs; `wrikebackup doctor` says what is in the way", sink.complete_uid
        )
    elif known is None or known.about != sink.complete_uid or now >= known.since:
        yield _Found(id_)  # else the clock was set back, and no backup grows younger


def _of_lock(sink: SinkStanding, standing: Standing, known: Open | None) -> Iterator[_Found]:
    """Of the newest complete backup. Soon is a week, or a quarter of the time for which it was locked where that is less."""
    id_, until, begun = f"lock {sink.sink}", sink.locked_until, sink.newest_complete
    if until is None or begun is None:
        if known is not None and known.about != sink.complete_uid:
            yield _Found(id_)  # else it has run out
        return
    if until - standing.at < min(_SOON, (until - begun) / 4):
        words = f"{sink.sink}: the newest complete backup is locked until {until:%Y-%m-%d %H:%M} UTC only"
        yield _Found(id_, words, "another complete backup is locked anew", sink.complete_uid)
    elif known is None or known.about != sink.complete_uid or standing.at >= known.since:
        yield _Found(id_)


def _of_account(standing: Standing) -> Iterator[_Found]:
    """One trouble, however many sinks hold several accounts."""
    problems = {one.problem for one in standing.sinks}
    if WHOSE in problems:
        hint = "`wrikebackup backup` finds out, and notes it as soon as the account has answered"
        yield _Found("account", WHOSE, hint)
    elif standing.account_id is not None or problems <= {None}:
        yield _Found("account")


def _of_clock(standing: Standing) -> Iterator[_Found]:
    ahead = [one for one in standing.sinks if one.newest is not None and one.newest > standing.at + SKEW]
    if ahead:
        words = f"{ahead[0].sink}: the newest backup is from the future, so one of the clocks is or was wrong"
        yield _Found("clock", words, "set the clock of this machine, or of the one that took it")
    elif all(one.problem is None for one in standing.sinks):
        yield _Found("clock")


def _of_gaps(standing: Standing, known: Open | None) -> Iterator[_Found]:
    seen = [one for one in standing.sinks if one.newest is not None]
    newest = max(seen, key=lambda one: (one.newest or standing.at, one.gaps), default=None)
    whole = all(one.problem is None for one in standing.sinks)
    if newest is None:
        if whole:
            yield _Found("gaps")
    elif newest.gaps:
        many = f"{newest.gaps:,} gap{'' if newest.gaps == 1 else 's'}"
        yield _Found("gaps", f"the newest backup is incomplete: {many}", "`wrikebackup show` names each of them")
    elif whole or (known is not None and newest.newest is not None and newest.newest > known.since):
        yield _Found("gaps")  # else the newest may be in a sink that is not reached


def span(time: timedelta) -> str:
    """`26 hours`, `8 days`: the largest unit of which there are two."""
    seconds = max(time.total_seconds(), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length and (seconds % length == 0 or seconds >= 4 * length):
            return f"{seconds / length:,.0f} {unit}s"
    return f"{seconds / 60:,.0f} minute{'' if round(seconds / 60) == 1 else 's'}"
