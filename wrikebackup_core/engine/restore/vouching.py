"""SHA256SUMS and the manifest of what was restored to the layout: they say what is there, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec

from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.job import Kept, RestoreJob
from wrikebackup_core.engine.restore.notes import Notes
from wrikebackup_core.engine.restore.wanting import plain_name
from wrikebackup_core.errors import FormatError, KeyLocked, KeyNotFound
from wrikebackup_core.format import checksums, layout
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, intact
from wrikebackup_core.model import Gap, Kind
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import hash_of, hash_stored, store

__all__ = ["vouch"]

_OTHER = "of another origin, and stays as it is: what was restored now is not in it"
_LOCKED = "of an earlier restore, and locked: what was restored now is not in it"


def vouch(
    job: RestoreJob, index: Index, notes: Notes, account_name: str, gaps: Sequence[Gap], *, whole: bool
) -> list[Kept]:
    """Writes both, after all else; those of an earlier restore to this place are replaced, and whole ones of the backup that vouch for all
    that was restored now stay. Gives what had to stay besides. `whole`: nothing was wrong with the backup."""
    account, uid = job.original.account, job.original.uid
    sums_key, manifest_key = layout.sums_key(account, uid), layout.manifest_key(account, uid)

    def sums() -> Iterator[bytes]:
        return _sums(index, layout.backup_folder(account, uid), layout.account_folder(account))

    manifest = _manifest(job, index, account_name, gaps, hash_of(sums()))
    data = msgspec.structs.replace(manifest, complete=manifest.complete and whole).encode()
    made: dict[str, Callable[[], Iterator[bytes]]] = {sums_key: sums, manifest_key: lambda: iter([data])}
    todo, kept, old = [], list[Kept](), []
    for key, content in made.items():
        there = _hash_of(job, index, key)
        if there != hash_of(content()):
            todo.append(key)
            if there is not None and not notes.knows(key, there):
                kept.append(Kept(key, _OTHER))
            elif there is not None:
                old.append(key)
    if kept:
        return [] if _covered(job, index) else kept
    job.target.sync()
    try:
        for key in reversed(old):  # the manifest first
            job.target.delete([key])
    except KeyLocked as error:
        return [Kept(manifest_key, f"{_LOCKED} ({error.message})")]
    for key in todo:
        notes.add(key, "", hash_of(made[key]()))
        store(job.target, key, made[key]())
        job.target.sync()
    return []


def _covered(job: RestoreJob, index: Index) -> bool:
    """Whether the target holds a whole manifest of this backup, whose checksums name all that was restored now, as it is."""
    account, uid = job.original.account, job.original.uid
    store = AccountStore(job.target, account)
    try:
        data = store.manifest_bytes(uid)
        found = Manifest.decode(data, layout.manifest_key(account, uid))
        whole = intact(data) and found.sha256sums == hash_stored(job.target, layout.sums_key(account, uid))
        if not whole or (found.backup_uid, found.account.id) != (uid, account):
            return False
        index.insert("INSERT OR REPLACE INTO vouched VALUES (?, ?)", ((key, sha256) for sha256, key in store.sums(uid)))
    except (KeyNotFound, FormatError):
        return False
    other = (
        "SELECT 1 FROM done d WHERE NOT EXISTS (SELECT 1 FROM vouched v WHERE v.key = d.key AND v.sha256 = d.sha256)"
    )
    return index.one(other) is None


def _hash_of(job: RestoreJob, index: Index, key: str) -> str | None:
    return hash_stored(job.target, key) if index.one("SELECT 1 FROM held WHERE key=?", key) else None


def _sums(index: Index, own: str, account: str) -> Iterator[bytes]:
    for key, sha256 in index.rows("SELECT key, sha256 FROM done WHERE key > ?1"):
        inside = key.startswith(f"{own}/")
        path = key.removeprefix(f"{own}/") if inside else f"../{key.removeprefix(account + '/')}"
        yield checksums.line(sha256, path).encode()


def _manifest(job: RestoreJob, index: Index, account_name: str, gaps: Sequence[Gap], sums: str) -> Manifest:
    """As the original's, of the same times: a restore that is run again writes the same."""
    original, found = job.original, job.original.manifest
    account, uid, suffix = original.account, original.uid, original.decoding.suffix
    folder = layout.attachments_folder(account)
    query = "SELECT count(*), coalesce(sum(size), 0) FROM done WHERE key > ? AND key < ?"
    count, size = index.one(query, f"{folder}/", f"{folder}0")
    own = len(f"{original.folder}/")
    artifacts = tuple(plain_name(key, suffix)[own:] for key in original.artifacts)
    present = tuple(
        name
        for name in artifacts
        if index.one("SELECT 1 FROM done WHERE key=?", f"{layout.backup_folder(account, uid)}/{name}")
    )
    records = None if original.records is None else layout.records_key(account, uid).rpartition("/")[2]
    every = (*found.gaps, *gaps)
    return msgspec.structs.replace(
        found,
        account=replace(found.account, name=found.account.name or account_name),
        complete=found.complete and not gaps,
        counts=found.counts or _counts(index),
        attachments=Attachments(found.attachments.mode, total=count, new=count, bytes=size, new_bytes=size),
        files=Files(layout.archive_key(account, uid).rpartition("/")[2], records, present),
        transforms=(),
        gaps=every,
        sha256sums=sums,
        previous=None,
    )


def _counts(index: Index) -> dict[str, int]:
    """Of a backup whose manifest we make."""
    queries = {
        Kind.CONTACTS: "SELECT count(*) FROM people",
        Kind.FOLDERS: "SELECT count(*) FROM nodes WHERE NOT task",
        Kind.TASKS: "SELECT count(*) FROM nodes WHERE task",
    }
    return {kind.value: int(index.one(query)[0]) for kind, query in queries.items()}
