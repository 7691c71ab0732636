"""The transform `retain`: its rules' votes on the backups that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from wrikebackup_core import Backup, Transform, time_zone
from wrikebackup_retention.options import RetainOptions
from wrikebackup_retention.policy import Rule, decide

__all__ = ["Retention", "retention"]


class Retention(Transform):
    """Changes nothing of a backup. Safe from any thread."""

    kind = "retain"

    def __init__(self, rules: Sequence[Rule], where: tzinfo | None = None, *, prunes: bool = False) -> None:
        """`where` is the zone whose days count, None for this machine's."""
        self._rules, self._where, self.prunes = tuple(rules), where, prunes

    def keep(self, backups: Sequence[Backup], now: datetime) -> Mapping[str, str]:
        """Only complete backups are voted for, and counted: one with gaps, or one that cannot be read, takes no other's place."""
        complete = ((backup.uid, backup.started) for backup in backups if backup.complete is True)
        decided = decide(complete, now, self._rules, self._where)
        return {uid: ", ".join(reasons) for uid, reasons in decided.items()}


def retention(options: RetainOptions) -> Retention:
    """From a profile, whose zone is known to be one."""
    where = None if options.time_zone is None else time_zone(options.time_zone)
    return Retention(options.rules, where, prunes=options.prune)
