"""Which backups stay, and why: a pure decision about when they were begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from wrikebackup_retention.spans import Span

__all__ = ["PERIODS", "Rule", "decide"]


def _hour(local: datetime) -> str:
    # With the offset: the hour that a change of the clock repeats is two.
    return f"{local.date()} {local.hour:02}:00{local:%z}"


def _week(local: datetime) -> str:
    year, week, _ = local.isocalendar()
    return f"{year}-W{week:02}"


PERIODS: Mapping[str, Callable[[datetime], str] | None] = {
    "last": None,
    "hourly": _hour,
    "daily": lambda local: f"{local.date()}",
    "weekly": _week,
    "monthly": lambda local: f"{local.year:04}-{local.month:02}",
    "yearly": lambda local: f"{local.year:04}",
    "within": None,
}
"""The name of each rule, and what it calls the period that a local time is in; None where each backup is a period of its own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Keeps the newest backup of each period: of so many periods that have one, of those within a span, or of all (None)."""

    name: str
    limit: int | Span | None


@dataclass(frozen=True, slots=True)
class _Backup:
    started: datetime
    uid: str
    local: datetime


def decide(
    backups: Iterable[tuple[str, datetime]], now: datetime, rules: Sequence[Rule], zone: tzinfo | None = None
) -> dict[str, tuple[str, ...]]:
    """uid -> the reasons for which a backup stays, the newest first; those that no rule wants are not there.

    `backups` are uid and start of the complete ones, in any order; periods are those of `zone` (None: this machine's). With any rule
    the newest stays. Spans end at the newest, not at `now`: where backups have stopped, time alone takes none away. While a rule has
    room left, the oldest stays for it too, as in restic: history reaches back as far as it can from the first day. What is dated
    later than `now` stays and takes no other's place: some clock was wrong.
    """
    if not rules:
        return {}
    newest_first = sorted(((started.astimezone(UTC), uid) for uid, started in backups), reverse=True)
    past = [_Backup(started, uid, _local(started, zone)) for started, uid in newest_first if started <= now]
    reasons = {uid: ["dated later than now"] for started, uid in newest_first if started > now}
    if past:
        for uid, reason in _votes(past, rules, zone):
            reasons.setdefault(uid, []).append(reason)
    return {uid: tuple(reasons[uid]) for _, uid in newest_first if uid in reasons}


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, OSError, ValueError):  # so early that there, or on this system, no time is
        return moment


def _votes(past: Sequence[_Backup], rules: Sequence[Rule], zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    """`past` is not empty, and begins with the newest."""
    yield past[0].uid, "newest"
    oldest, roomy = past[-1], list[str]()
    for rule in rules:
        since = rule.limit.before(past[0].started, zone) if isinstance(rule.limit, Span) else None
        kept = dict(_periods(past, rule, since))
        for number, (uid, period) in enumerate(kept.items(), 1):
            yield uid, _reason(rule, number, period)
        if oldest.uid not in kept and _has_room(rule, len(kept), oldest, since):
            roomy.append(rule.name)
    if roomy:
        yield oldest.uid, f"oldest (room left in {', '.join(roomy)})"


def _has_room(rule: Rule, kept: int, oldest: _Backup, since: datetime | None) -> bool:
    if since is not None:
        return oldest.started > since
    return not isinstance(rule.limit, int) or kept < rule.limit


def _periods(past: Sequence[_Backup], rule: Rule, since: datetime | None) -> Iterator[tuple[str, str]]:
    """(uid, period) of the newest backup in each period that the rule reaches."""
    name = PERIODS[rule.name]
    seen = set[str]()
    for backup in past:
        if len(seen) == rule.limit or (since is not None and backup.started <= since):
            return
        period = backup.uid if name is None else name(backup.local)
        # Not only another one than before: a clock set back at midnight comes into a day twice.
        if period not in seen:
            seen.add(period)
            yield backup.uid, "" if name is None else period


def _reason(rule: Rule, number: int, period: str) -> str:
    where = f" ({period})" if period else ""
    if isinstance(rule.limit, Span):
        name = "" if rule.name == "within" else f"{rule.name} "
        return f"{name}within {rule.limit}{where}"
    return f"{rule.name} {number} of {'all' if rule.limit is None else rule.limit}{where}"
