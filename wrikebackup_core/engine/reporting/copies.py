"""One sink's copies of an account's backups, each as its manifest has it. Of a thousand manifests only what a report tells is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from wrikebackup_core.engine.prune import State
from wrikebackup_core.engine.prune.looking import Folder, folders_of
from wrikebackup_core.engine.reporting.facts import Taken
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.ports import Sink, waits
from wrikebackup_core.store import AccountStore

__all__ = ["Copy", "Shelf", "read_shelf"]

_THREADS = 16


@dataclass(frozen=True, slots=True)
class Copy:
    """`contents` is the same for copies of one run; None where the manifest cannot be read, or does not say."""

    taken: Taken
    contents: tuple[object, ...] | None = None
    covered: bool = False


@dataclass(slots=True)
class Shelf:
    """One account in one sink. `copies` go by uid, oldest first; `bytes` are those of the folders of backups."""

    sink: Sink
    account: str
    copies: dict[str, Copy] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def newest_covered(self) -> str | None:
        """The newest backup that a second witness was heard about."""
        return next((uid for uid in reversed(self.copies) if self.copies[uid].covered), None)


def read_shelf(sink: Sink, account: str) -> Shelf:
    """Raises SinkError."""
    folders, store, found = folders_of(sink, account).folders, AccountStore(sink, account), dict[str, Copy | None]()

    def read(folder: Folder) -> None:
        found[folder.uid] = _copy(store, account, folder)

    threads = _THREADS if waits(sink) else 1
    each(folders.values(), read, threads=threads, name="report")
    shelf = Shelf(sink, account)
    for uid, folder in folders.items():
        shelf.bytes += folder.bytes
        copy = found[uid]
        if copy is None:
            shelf.unfinished.append(uid)
        else:
            shelf.copies[uid] = copy
    return shelf


def _copy(store: AccountStore, account: str, folder: Folder) -> Copy | None:
    """None for a folder without a manifest, which is no backup."""
    started = layout.started(folder.uid)
    assert started is not None
    if layout.manifest_key(account, folder.uid) not in folder.objects:
        return None
    pinned = store.pinned(folder.uid) if layout.pin_key(account, folder.uid) in folder.objects else None
    try:
        manifest = store.manifest(folder.uid)
    except KeyNotFound:
        return None  # deleted since it was listed
    except FormatError:
        return Copy(Taken(folder.uid, started, State.UNREADABLE, pinned=pinned))
    return Copy(_taken(manifest, folder.uid, pinned), _contents(manifest), manifest.coverage is not None)


def _taken(manifest: Manifest, uid: str, pinned: str | None) -> Taken:
    started, files = layout.started(uid), manifest.attachments
    assert started is not None
    return Taken(
        uid,
        started,
        State.COMPLETE if manifest.complete else State.PARTIAL,
        (manifest.finished - manifest.started).total_seconds(),
        manifest.counts,
        files.total,
        files.bytes,
        files.new,
        files.new_bytes,
        len(manifest.gaps),
        pinned=pinned,
        encoded=any(one.get("suffix") for one in manifest.transforms),
        previous=None if manifest.previous is None else manifest.previous.backup_uid,
    )


def _contents(manifest: Manifest) -> tuple[object, ...] | None:
    files = manifest.attachments
    if manifest.sha256sums is None:
        return None
    return manifest.sha256sums, manifest.complete, files.total, files.bytes, len(manifest.gaps)
