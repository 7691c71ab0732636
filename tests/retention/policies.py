"""Texts that say when backups were begun, and which of them each policy keeps.

A line `times:` lists when, or says `every 6h from … to …`; all in UTC. Each line `retain:` holds options as a profile has them. What follows
it is written by the policy: the backups that stay, with their reasons. `now` is a second after the newest. `prune after each:` is the same where
the policy had its way after every single backup, and what it did not keep was gone by the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ruamel.yaml import YAML

from wrikebackup_core import Backup
from wrikebackup_retention import RetainOptions
from wrikebackup_retention.retention import Retention, retention

_SECOND = timedelta(seconds=1)


def transform(text: str, *, zone: str | None = "UTC") -> Retention:
    """From options as they stand in a profile, such as `{daily: 7}`. Days are those of `zone` where they do not say."""
    options: dict[str, Any] = {"time_zone": zone} if zone else {}
    options |= YAML(typ="safe").load(text)
    return retention(RetainOptions.model_validate_json(json.dumps(options), strict=True))


def backup(started: datetime, *, complete: bool | None = True) -> Backup:
    return Backup(f"{started:%Y%m%dT%H%M%SZ}-7f3a9c", started, complete=complete)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(text: str) -> Iterator[datetime]:
    """`2026-11-24T03:00 …`, or `every 6h from 2026-11-24T03:00 to 2026-12-24T03:00`, both ends included."""
    words = text.split()
    if words[0] != "every":
        yield from map(moment, words)
        return
    number, unit = int(words[1][:-1]), words[1][-1]
    step = timedelta(minutes=number) if unit == "m" else timedelta(hours=number)
    at, end = moment(words[3]), moment(words[5])
    while at <= end:
        yield at
        at += step


def table(backups: Sequence[Backup], kept: Mapping[str, str]) -> Iterator[str]:
    """A line for each backup that stays, the newest first, and one that counts them."""
    for one in sorted(backups, key=lambda one: one.started, reverse=True):
        if one.uid in kept:
            yield f"    {one.started:%Y-%m-%d %H:%M}  {kept[one.uid]}"
    yield f"    = {len(kept)} of {len(backups)}"


def survivors(policy: Retention, backups: Sequence[Backup]) -> list[Backup]:
    """Those that are left where all others were deleted after each backup."""
    left = list[Backup]()
    for one in backups:
        left.append(one)
        kept = policy.keep(left, one.started + _SECOND)
        left = [other for other in left if other.uid in kept]
    return left


def rewritten(text: str) -> str:
    """The text with what the policies decide now."""
    lines, backups = list[str](), list[Backup]()
    for line in text.splitlines():
        key, _, value = line.partition(": ")
        if line.startswith("    "):
            continue
        lines.append(line)
        if key == "times":
            backups += map(backup, times(value))
        elif key in ("retain", "prune after each"):
            policy, now = transform(value), max(one.started for one in backups) + _SECOND
            left = backups if key == "retain" else survivors(policy, backups)
            lines += table(backups, policy.keep(left, now))
    return "\n".join(lines) + "\n"
