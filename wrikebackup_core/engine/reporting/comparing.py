"""The two newest complete backups, record by record. Titles are told of the first changes, but not of backups that are stored encrypted."""

from __future__ import annotations

from wrikebackup_core.engine.lookup.differences import Comparison, Count
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.reporting.facts import Compared, KindChanges
from wrikebackup_core.errors import WrikeBackupError

__all__ = ["compared"]

_TITLES = 20
"""Most of one kind that are named."""


def compared(old: OpenBackup, new: OpenBackup) -> Compared:
    """Never raises for what cannot be read: it is told in `failed`, or for single kinds in `not_compared`."""
    secret = any(one.get("suffix") for side in (old, new) for one in side.manifest.transforms)
    try:
        with Comparison(old, new) as comparison:
            lacking, kinds = comparison.lacking(), list[KindChanges]()
            for kind in comparison.kinds():
                if kind in lacking:
                    continue
                try:
                    kinds.append(_kind(comparison, kind, secret=secret))
                except WrikeBackupError as error:
                    lacking[kind] = error.message
    except WrikeBackupError as error:
        return Compared(old.uid, new.uid, failed=error.message)
    return Compared(old.uid, new.uid, tuple(kinds), lacking)


def _kind(comparison: Comparison, kind: str, *, secret: bool) -> KindChanges:
    count, first = Count(kind), list[tuple[str, str]]()
    for change in comparison.changes(kind, count):
        if change.what != "touched" and change.title and not secret and len(first) < _TITLES:
            first.append((change.what, change.title))
    return KindChanges(kind, count.added, count.removed, count.changed, tuple(first))
