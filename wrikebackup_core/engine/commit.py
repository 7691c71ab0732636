"""Commit, sink by sink: barrier, SHA256SUMS, barrier, manifest, barrier. A sink that fails is reported; the others commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.errors import KeyNotFound, SinkError
from wrikebackup_core.format import checksums, layout
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import StageFinished, StageStarted
from wrikebackup_core.ports import Sink
from wrikebackup_core.version import __version__

__all__ = ["commit"]

STAGE = "commit"
_JOIN = 1 << 20


def commit(attempt: Attempt, files: Files) -> None:
    """Makes the backup a backup in each sink that is still in the run. Raises SinkError when none is left."""
    fan = attempt.fan
    attempt.notify(StageStarted(STAGE, len(fan.live)))
    fan.barrier()
    for number, sink in list(fan.live.items()):
        try:
            _commit(attempt, sink, number, files)
        except SinkError as error:
            fan.drop(number, error)
    attempt.notify(StageFinished(STAGE, ", ".join(sink.name for sink in fan.live.values())))


def _commit(attempt: Attempt, sink: Sink, number: int, files: Files) -> None:
    account, uid = attempt.run.account.id, attempt.run.backup_uid
    if any(entry.key == layout.manifest_key(account, uid) for entry in sink.list(layout.backup_folder(account, uid))):
        return  # the run was killed after this sink had committed
    _put(sink, layout.sums_key(account, uid), _sums(attempt.ledger, number, account, uid))
    sink.sync()
    _put(sink, layout.manifest_key(account, uid), iter([_manifest(attempt, number, files).encode()]))
    sink.sync()


def _put(sink: Sink, key: str, chunks: Iterator[bytes]) -> None:
    """Writes an object that only an unfinished backup may have had before."""
    try:
        sink.open(key).close()
    except KeyNotFound:
        pass
    else:
        sink.delete([key])
    writer = sink.create(key)
    try:
        for chunk in chunks:
            writer.write(chunk)
    except BaseException:
        writer.discard()
        raise
    writer.commit()


def _sums(ledger: Ledger, number: int, account: str, uid: str) -> Iterator[bytes]:
    folder = layout.backup_folder(account, uid).rpartition("/")[2]
    lines = bytearray()
    for sha256, key in ledger.sums(number, folder):
        path = key[len(folder) + 1 :] if key.startswith(folder + "/") else f"../{key}"
        lines += checksums.line(sha256, path).encode()
        if len(lines) >= _JOIN:
            yield bytes(lines)
            lines.clear()
    yield bytes(lines)


def _manifest(attempt: Attempt, number: int, files: Files) -> Manifest:
    job, run, spool, ledger = attempt.job, attempt.run, attempt.spool, attempt.ledger
    gaps = attempt.gaps(number)
    total, size = ledger.present(number)
    new, new_size = ledger.arrived(number)
    return Manifest(
        tool=Tool("wrikebackup", __version__),
        backup_uid=run.backup_uid,
        account=run.account,
        source=job.source_kind,
        started=run.started,
        finished=datetime.now(UTC),
        complete=not gaps,
        counts=spool.counts(),
        attachments=Attachments(job.attachments, total, new, size, new_size),
        files=files,
        transforms=tuple({"kind": transform.kind, **transform.describe()} for transform in job.transforms),
        skipped=tuple(sorted(job.skip)),
        gaps=gaps,
    )
