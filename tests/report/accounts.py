"""Accounts as a report may meet them, written straight into a sink: years of backups in a second, with what manifests say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from wrikebackup_core import Account, AttachmentMode, Gap, Sink
from wrikebackup_core.format import layout
from wrikebackup_core.format.coverage import Coverage, KindCounts
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Previous, Tool
from wrikebackup_core.stored import store

ACCOUNT = Account("IEAAAEDY", "Acme")


def put(
    sink: Sink,
    when: datetime,
    counts: dict[str, int] | None = None,
    *,
    account: Account = ACCOUNT,
    gaps: Iterable[Gap] = (),
    files: int = 0,
    size: int = 0,
    new: int = 0,
    previous: str | None = None,
    coverage: Coverage | None = None,
    suffix: str = "",
) -> str:
    """A backup that is nothing but SHA256SUMS and a manifest. Returns its uid."""
    uid, named = layout.new_backup_uid(when, "000000"), tuple(gaps)
    store(sink, layout.sums_key(account.id, uid), [b""])
    manifest = Manifest(
        tool=Tool("wrikebackup", "0"),
        backup_uid=uid,
        account=account,
        source="scripted",
        started=when,
        finished=when + timedelta(minutes=4),
        complete=not named,
        counts=counts or {},
        attachments=Attachments(AttachmentMode.LATEST, files, new, size, new * 1000),
        files=Files(f"backup-{uid}.zip{suffix}", f"records-{uid}.zip{suffix}"),
        transforms=({"kind": "encrypt", "suffix": suffix},) if suffix else (),
        gaps=named,
        sha256sums=hashlib.sha256().hexdigest(),
        previous=None if previous is None else Previous(previous, "0" * 64),
        coverage=coverage,
    )
    store(sink, layout.manifest_key(account.id, uid), [manifest.encode()])
    return uid


def grow(sink: Sink, days: int, now: datetime, *, account: Account = ACCOUNT, outage: range = range(0)) -> None:
    """A backup a day, growing, now and then with gaps; none on the days of the `outage`, counted from the first."""
    previous = None
    for day in range(days):
        if day in outage:
            continue
        tasks = 4000 + day * 9 + (day % 7) * 4 - (300 if day > days * 0.6 else 0)
        counts = {
            "tasks": tasks,
            "comments": 21_000 + day * 61,
            "folders": 380 + day // 5,
            "contacts": 140 - day // 60,
            "attachments": 1500 + day * 4,
            "timelogs": 900 + day * 12,
            "spaces": 12,
            "customfields": 31,
        }
        gaps = [
            Gap("tasks", f"IEAAAEDYKQ{n}", "comments were refused: 403", "give the token's user the right")
            for n in range(day % 4)
        ]
        when = now - timedelta(days=days - 1 - day, hours=3)
        previous = put(
            sink,
            when,
            counts,
            account=account,
            gaps=gaps if day % 41 == 39 else (),
            files=1500 + day * 4,
            size=2_400_000_000 + day * 9_300_000,
            new=4 + day % 5,
            previous=previous,
            coverage=_coverage(tasks) if day > days - 3 else None,
        )


def _coverage(tasks: int) -> Coverage:
    kinds = {
        "tasks": KindCounts(tasks, tasks + 620, tasks, 0, 620, 0, 3),
        "folders": KindCounts(380, 402, 380, 0, 22),
        "contacts": KindCounts(140, 140, 140),
        "timelog_categories": KindCounts(12, 12, 12),
    }
    return Coverage("bi-export", None, kinds, hidden_spaces=2)
