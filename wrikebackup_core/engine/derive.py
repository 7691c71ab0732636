"""Derive: the archive in Wrike's own schema and the zip of all records, streamed from the spool; then what transforms add."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.fanout import NobodyWants
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import PluginError
from wrikebackup_core.format import archive, layout, official
from wrikebackup_core.model import Kind, Record, StageFinished, StageProgress, StageStarted
from wrikebackup_core.spool import Spool

__all__ = ["add", "derive"]

STAGE = "derive"
_Member = tuple[str, Iterable[bytes], int | None]
_GROWTH = 3  # derived JSON is never this many times as long as the records it comes from,
_LEAST = 512  # but for the keys that each derived record has, however short the one it comes from


@dataclass(frozen=True, slots=True)
class _File:
    """An object of the backup: its key relative to the account's folder, and a way to make its bytes."""

    key: str
    chunks: Callable[[], Iterator[bytes]]


def derive(attempt: Attempt) -> tuple[str, str]:
    """Stores both zips wherever they are lacking. Returns their names, the archive's first."""
    run, suffix = attempt.run, attempt.fan.suffix
    account, uid, strip = run.account.id, run.backup_uid, len(layout.account_folder(run.account.id)) + 1
    files = [
        _File(
            layout.archive_key(account, uid, suffix)[strip:],
            lambda: archive.zip_stream(_archive(attempt), run.started),
        ),
        _File(
            layout.records_key(account, uid, suffix)[strip:],
            lambda: archive.zip_stream(_records(attempt.spool), run.started, indexed=True),
        ),
    ]
    attempt.notify(StageStarted(STAGE, len(files)))
    each(files, lambda file: _store(attempt, file, STAGE), threads=len(files), name=STAGE)
    attempt.notify(StageFinished(STAGE, "archive and records written"))
    archive_name, records_name = (PurePosixPath(file.key).name for file in files)
    return archive_name, records_name


def add(attempt: Attempt) -> list[str]:
    """Stores what the transforms add. Returns the names, relative to the backup's folder."""
    run = attempt.run
    folder = layout.backup_folder(run.account.id, run.backup_uid).rpartition("/")[2]
    names = []
    for transform in attempt.job.transforms:
        for artifact in transform.add(run):
            name = _checked(artifact.key, transform.kind) + attempt.fan.suffix
            _store(attempt, _File(f"{folder}/{name}", artifact.chunks), "add")
            names.append(name)
    return names


def _checked(key: str, kind: str) -> str:
    parts = key.split("/")
    if not key or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise PluginError(f"the transform {kind} adds a file with the impossible name {key!r}")
    taken = key.startswith(("backup-", "records-", ".", "manifest.json.", "SHA256SUMS."))  # the last two attest
    if len(parts) == 1 and (taken or key in ("manifest.json", "SHA256SUMS")):
        raise PluginError(f"the transform {kind} adds a file with the reserved name {key!r}")
    return key


def _store(attempt: Attempt, file: _File, stage: str) -> None:
    lacking = [number for number in list(attempt.fan.live) if not attempt.ledger.holds(number, file.key)]
    if lacking:
        with contextlib.suppress(NobodyWants):  # those that lacked it have been dropped; the others hold it
            _write(attempt, file, stage, lacking)


def _write(attempt: Attempt, file: _File, stage: str, numbers: Iterable[int]) -> None:
    writer = attempt.fan.writer(file.key, numbers)
    written = 0
    try:
        for chunk in file.chunks():
            writer.write(chunk)
            written += len(chunk)
            attempt.notify(StageProgress(stage, PurePosixPath(file.key).name, 0, written))
    except BaseException:
        writer.discard()
        raise
    writer.commit()


def _archive(attempt: Attempt) -> Iterator[_Member]:
    account, spool, mode = attempt.run.account.id, attempt.spool, attempt.job.attachments
    yield (
        "users.json",
        official.users(spool.records(Kind.CONTACTS), account, attempt.miss),
        _bound(spool, Kind.CONTACTS),
    )
    belongings = (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS)
    folders = official.folders(spool.items(Kind.FOLDERS), mode, attempt.miss)
    yield "folders.json", folders, _bound(spool, Kind.FOLDERS, *belongings)
    tasks = official.tasks(spool.items(Kind.TASKS), mode, attempt.miss)
    yield "tasks.json", tasks, _bound(spool, Kind.TASKS, *belongings)
    yield "teams.json", official.teams(_groups(spool), attempt.miss), _bound(spool, Kind.GROUPS, Kind.CONTACTS)


def _groups(spool: Spool) -> Iterable[Record]:
    """The groups; where the list of groups is refused, the contacts that are groups."""
    return spool.records(Kind.GROUPS if spool.counts().get(Kind.GROUPS) else Kind.CONTACTS)


def _records(spool: Spool) -> Iterator[_Member]:
    for kind in spool.counts():
        yield f"{kind}.jsonl", _ended(spool.lines(Kind(kind))), _bound(spool, Kind(kind))


def _ended(lines: Iterable[bytes]) -> Iterator[bytes]:
    for some in lines:
        yield some + b"\n"


def _bound(spool: Spool, *kinds: Kind) -> int:
    """More bytes than the member can have."""
    volumes = [spool.volume(kind) for kind in kinds]
    return sum(_LEAST * count + _GROWTH * size for count, size in volumes) + (1 << 20)
