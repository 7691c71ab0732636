"""Commit, sink by sink: barrier, SHA256SUMS, barrier, manifest, barrier. A sink that fails is reported; the others commit."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.removal import unfinishable
from wrikebackup_core.errors import KeyLocked, KeyNotFound, PluginError, SinkError
from wrikebackup_core.format import checksums, layout
from wrikebackup_core.format.coverage import Coverage
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Previous, Tool
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, StageFinished, StageStarted
from wrikebackup_core.ports import Locking, Sink
from wrikebackup_core.stored import hash_of, hash_stored, store
from wrikebackup_core.transforms import Artifact, Transform
from wrikebackup_core.version import __version__

__all__ = ["commit"]

STAGE = "commit"
_JOIN = 1 << 20


def commit(attempt: Attempt, files: Files, coverage: Coverage | None = None) -> dict[str, str]:
    """Makes the backup a backup in each sink that is still in the run. By each sink's name, the SHA-256 of its manifest.

    Raises SinkError when no sink is left.
    """
    fan, manifests = attempt.fan, dict[str, str]()
    attempt.notify(StageStarted(STAGE, len(fan.live)))
    fan.barrier()
    for number, sink in list(fan.live.items()):
        try:
            manifests[sink.name] = _commit(attempt, sink, number, files, coverage)
        except SinkError as error:
            fan.drop(number, error)
    attempt.notify(StageFinished(STAGE, ", ".join(sink.name for sink in fan.live.values())))
    return manifests


def _commit(attempt: Attempt, sink: Sink, number: int, files: Files, coverage: Coverage | None) -> str:
    account, uid = attempt.run.account.id, attempt.run.backup_uid
    sums_key, manifest_key = layout.sums_key(account, uid), layout.manifest_key(account, uid)
    if any(entry.key == manifest_key for entry in sink.list(layout.backup_folder(account, uid))):
        sink.sync(
            [sums_key, manifest_key]
        )  # the run was killed after this sink had committed, and maybe before its barrier
        return hash_stored(sink, manifest_key)
    if isinstance(sink, Locking):
        # What is locked for less long than the backup that names it could be deleted under it.
        sink.prolong(map(attempt.fan.path, _standing(attempt, number)))

    def sums() -> Iterator[bytes]:
        return _sums(attempt.ledger, number, account, uid)

    checksums = _put(attempt, sink, sums_key, sums)
    written: list[bytes] = []
    of_sums, of_manifest = (
        _attestations(attempt, "SHA256SUMS", sums),
        _attestations(attempt, "manifest.json", lambda: iter(written)),
    )
    files = msgspec.structs.replace(files, attestations=tuple(one.key for one in (*of_sums, *of_manifest)))
    manifest = _manifest(attempt, number, files, checksums, _previous(attempt, sink, number))
    written.append(msgspec.structs.replace(manifest, coverage=coverage).encode())
    for artifact in (*of_sums, *of_manifest):
        _put(attempt, sink, f"{layout.backup_folder(account, uid)}/{artifact.key}", artifact.chunks)
    sink.sync([sums_key])
    attempt.leases.check(number)
    sha256 = _put(attempt, sink, manifest_key, lambda: iter(written))
    sink.sync()
    return sha256


def _attestations(attempt: Attempt, name: str, content: Callable[[], Iterator[bytes]]) -> list[Artifact]:
    """What transforms store beside one of the two files that no checksum vouches for."""
    found: list[Artifact] = []
    for transform in attempt.job.transforms:
        for artifact in transform.attest(name, content):
            if not artifact.key.startswith(f"{name}.") or "/" in artifact.key:
                raise PluginError(
                    f"the transform {transform.kind} attests {name} under the impossible name {artifact.key!r}"
                )
            if any(artifact.key == other.key for other in found):
                raise PluginError(
                    f"the transform {transform.kind} attests under the name {artifact.key!r}, as another does"
                )
            found.append(artifact)
    return found


def _previous(attempt: Attempt, sink: Sink, number: int) -> Previous | None:
    """The newest backup that was there when the sink was listed, if it still is."""
    for uid in attempt.ledger.doubts.seen(number):
        if uid != attempt.run.backup_uid:
            with contextlib.suppress(KeyNotFound):
                return Previous(uid, hash_stored(sink, layout.manifest_key(attempt.run.account.id, uid)))
    return None


def _standing(attempt: Attempt, number: int) -> Iterator[str]:
    """Keys of what was locked before this attempt, if at all: what it wrote itself was locked then."""
    if not attempt.run.resumed:
        return attempt.ledger.standing(number)
    folder = layout.backup_folder(attempt.run.account.id, attempt.run.backup_uid).rpartition("/")[2]
    return (key for _, key in attempt.ledger.sums(number, folder))


def _put(attempt: Attempt, sink: Sink, key: str, data: Callable[[], Iterator[bytes]]) -> str:
    """Writes an object that only an unfinished backup may have had before, and gives its SHA-256 in hex. Raises Unfinishable where that
    one is locked and another.
    """
    try:
        sink.open(key).close()
        sink.delete([key])
    except KeyNotFound:
        pass
    except KeyLocked:
        if (sha256 := hash_stored(sink, key)) == hash_of(data()):
            if isinstance(sink, Locking):
                sink.prolong([key])
            return sha256
        end = sink.locked([key]).get(key) if isinstance(sink, Locking) else None
        raise unfinishable(attempt, sink, key, end) from None
    digest = hashlib.sha256()
    store(sink, key, _through(digest, data()))
    return digest.hexdigest()


def _through(digest: hashlib._Hash, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


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


def _manifest(attempt: Attempt, number: int, files: Files, checksums: str, previous: Previous | None) -> Manifest:
    job, run, spool, ledger = attempt.job, attempt.run, attempt.spool, attempt.ledger
    gaps = attempt.gaps(number)
    total, size = ledger.present(number)
    new, new_size = ledger.arrived(number)
    return Manifest(
        tool=Tool("wrikebackup", __version__),
        backup_uid=run.backup_uid,
        account=Account(run.account.id, "") if job.hides_names else run.account,
        source=job.source_kind,
        started=run.started,
        finished=datetime.now(UTC),
        complete=not gaps,
        counts=spool.counts(),
        attachments=Attachments(job.attachments, total, new, size, new_size),
        files=files,
        transforms=tuple(map(_described, job.transforms)),
        skipped=tuple(sorted(job.skip)),
        gaps=gaps,
        sha256sums=checksums,
        previous=previous,
    )


def _described(transform: Transform) -> dict[str, object]:
    suffix = {"suffix": transform.suffix} if transform.suffix else {}
    return {"kind": transform.kind, **suffix, **transform.describe()}
