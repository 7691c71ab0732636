"""Small backups written straight into a sink, many of them in no time, and what holds of those that a prune leaves."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wrikebackup_core import Account, AttachmentMode, Backup, Gap, Sink, Transform
from wrikebackup_core.engine.prune import Place, Pruned, PruneJob, prune
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import AlreadyExists
from wrikebackup_core.format import checksums, layout, schema
from wrikebackup_core.format.archive import zip_stream
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.stored import store

ACCOUNT = Account("IEAAAEDY", "Acme")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Keep(Transform):
    """Keeps the newest so many, or those that are named."""

    kind = "keep"

    def __init__(self, last: int = 0, uids: Iterable[str] = ()) -> None:
        self.last, self.uids = last, set(uids)

    def keep(self, backups: Sequence[Backup], now: datetime) -> Mapping[str, str]:
        found = {backup.uid: f"last {self.last}" for backup in backups[len(backups) - self.last :]}
        return found | {backup.uid: "named" for backup in backups if backup.uid in self.uids}


def uid_of(days: float, tail: str = "000000") -> str:
    """Of a backup so many days ago."""
    return layout.new_backup_uid(NOW - timedelta(days=days), tail)


def put(
    sink: Sink,
    uid: str,
    names: Sequence[str] = (),
    *,
    gaps: int = 0,
    suffix: str = "",
    account: Account = ACCOUNT,
    manifest: bool = True,
    sums: bool = True,
    new: Iterable[str] | None = None,
) -> None:
    """A backup with these files in `attachments/`, whose names are their contents too. Of them the `new` ones are stored; all for None."""
    folder, shared = layout.backup_folder(account.id, uid), layout.attachments_folder(account.id)
    started = layout.started(uid)
    assert started is not None
    named = {f"../attachments/{name}": hashlib.sha256(name.encode()).hexdigest() for name in names}
    for name in names if new is None else new:
        _put(sink, f"{shared}/{name}", name.encode())
    own = {
        f"backup-{uid}.zip{suffix}": _zip(dict.fromkeys(schema.FILES, b"[]"), started),
        f"records-{uid}.zip{suffix}": _zip({}, started),
    }
    for name, data in own.items():
        named[name] = _put(sink, f"{folder}/{name}", data)
    lines = "".join(checksums.line(sha256, path) for path, sha256 in sorted(named.items())).encode()
    if sums:
        _put(sink, layout.sums_key(account.id, uid), lines)
    if manifest:
        files = Attachments(AttachmentMode.LATEST, total=len(named) - len(own))
        found = Manifest(
            tool=Tool("wrikebackup", "0"),
            backup_uid=uid,
            account=account,
            source="scripted",
            started=started,
            finished=started,
            complete=not gaps,
            counts={},
            attachments=files,
            files=Files(f"backup-{uid}.zip{suffix}", f"records-{uid}.zip{suffix}"),
            transforms=({"kind": "encrypt", "suffix": suffix},) if suffix else (),
            gaps=tuple(Gap("attachments", f"lost-{number}", "gone") for number in range(gaps)),
            sha256sums=hashlib.sha256(lines).hexdigest(),
        )
        _put(sink, layout.manifest_key(account.id, uid), found.encode())


def _zip(members: Mapping[str, bytes], when: datetime) -> bytes:
    return b"".join(zip_stream(((name, [data], len(data)) for name, data in members.items()), when))


def _put(sink: Sink, key: str, data: bytes) -> str:
    with contextlib.suppress(AlreadyExists):
        store(sink, key, [data])
    return hashlib.sha256(data).hexdigest()


def pruned(sinks: Sink | Sequence[Sink], state: Path, *transforms: Transform, now: datetime = NOW) -> Pruned:
    given = tuple(sinks) if isinstance(sinks, Sequence) else (sinks,)
    return prune(PruneJob(given, state, Plugins(), transforms or (Keep(last=2),)), lambda _: None, now)


def only(result: Pruned) -> Place:
    (place,) = result.places
    assert place.failed is None, place.failed
    return place


def uids(sink: Sink) -> list[str]:
    """Of the folders that there are, whole or not."""
    start = f"{layout.account_folder(ACCOUNT.id)}/backup-"
    keys = (entry.key for entry in sink.list("") if entry.key.startswith(start))
    return sorted({key.removeprefix(start).partition("/")[0] for key in keys})


def committed(sink: Sink) -> list[str]:
    return sorted(entry.key.split("/")[1][7:] for entry in sink.list("") if entry.key.endswith("/manifest.json"))


def attachments(sink: Sink) -> set[str]:
    return {entry.key.rpartition("/")[2] for entry in sink.list(layout.attachments_folder(ACCOUNT.id))}


def whole(sink: Sink, wanted: Iterable[str], account: Account = ACCOUNT) -> None:
    """Each of these backups is there and as it should be."""
    for uid in wanted:
        report = verify(sink, account.id, uid, lambda _: None)
        assert report.findings == (), (uid, report.findings)


def sha256sum(root: Path, uid: str) -> None:
    """As a person would check it."""
    folder = root / layout.backup_folder(ACCOUNT.id, uid)
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
