"""Derive: the archive in Wrike's own schema and the zip of all records, streamed from the spool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.making import MadeFile, store
from wrikebackup_core.engine.threads import each
from wrikebackup_core.format import archive, layout, official
from wrikebackup_core.model import Kind, Record, StageFinished, StageStarted
from wrikebackup_core.spool import Spool

__all__ = ["derive"]

STAGE = "derive"
_Member = tuple[str, Iterable[bytes], int | None]
_GROWTH = 3  # derived JSON is never this many times as long as the records it comes from,
_LEAST = 512  # but for the keys that each derived record has, however short the one it comes from


def derive(attempt: Attempt) -> tuple[str, str]:
    """Stores both zips wherever they are lacking. Returns their names, the archive's first."""
    run, suffix = attempt.run, attempt.fan.suffix
    account, uid, strip = run.account.id, run.backup_uid, len(layout.account_folder(run.account.id)) + 1
    files = [
        MadeFile(
            layout.archive_key(account, uid, suffix)[strip:],
            lambda: archive.zip_stream(_archive(attempt), run.started),
        ),
        MadeFile(
            layout.records_key(account, uid, suffix)[strip:],
            lambda: archive.zip_stream(_records(attempt.spool), run.started, indexed=True),
        ),
    ]
    attempt.notify(StageStarted(STAGE, len(files)))
    each(files, lambda file: store(attempt, file, STAGE), threads=len(files), name=STAGE)
    attempt.notify(StageFinished(STAGE, "archive and records written"))
    archive_name, records_name = (PurePosixPath(file.key).name for file in files)
    return archive_name, records_name


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
