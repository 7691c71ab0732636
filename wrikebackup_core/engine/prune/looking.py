"""What there is of an account in one sink: the folders of backups, their manifests and pins. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest, intact
from wrikebackup_core.model import Backup
from wrikebackup_core.ports import Browsing, Sink, waits
from wrikebackup_core.store import AccountStore, described

__all__ = ["Folder", "Found", "folders_of", "look"]

_THREADS = 16
_MANIFEST, _PIN = "manifest.json", "pin.json"
_START = "backup-"


@dataclass(slots=True)
class Folder:
    """One backup's: its keys with their bytes. `backup` is None without a manifest; `sums` and `total` are what the manifest says of
    SHA256SUMS: its hash, and the number of attachments."""

    uid: str
    objects: dict[str, int] = field(default_factory=dict)
    backup: Backup | None = None
    sums: str | None = None
    total: int = 0
    pin: str | None = None

    @property
    def bytes(self) -> int:
        return sum(self.objects.values())


@dataclass(slots=True)
class Found:
    """Folders by uid, oldest first, and the names of others that somebody else's backups may be in: Wrike's own tool's."""

    folders: dict[str, Folder]
    strange: list[str]


def folders_of(sink: Sink, account: str) -> Found:
    """The folders and what is in each. Raises SinkError."""
    root = layout.account_folder(account)
    if not isinstance(sink, Browsing):
        return _sorted(root, ((entry.key, entry.size) for entry in sink.list(root)))
    names = [name for name in sink.folders(root) if name.startswith(_START)]
    listed: list[list[tuple[str, int]]] = []

    def list_one(name: str) -> None:
        listed.append([(entry.key, entry.size) for entry in sink.list(f"{root}/{name}")])

    each(names, list_one, threads=_threads(sink), name="prune")
    return _sorted(root, (pair for pairs in listed for pair in pairs))


def _sorted(root: str, objects: Iterator[tuple[str, int]]) -> Found:
    folders, strange = dict[str, Folder](), set[str]()
    for key, size in objects:
        name, slash, _ = key[len(root) + 1 :].partition("/")
        if not slash or not name.startswith(_START):
            continue
        uid = name.removeprefix(_START)
        if layout.started(uid) is None:
            strange.add(name)
        else:
            folders.setdefault(uid, Folder(uid)).objects[key] = size
    return Found({uid: folders[uid] for uid in sorted(folders)}, sorted(strange))


def look(sink: Sink, account: str) -> Found:
    """The same with what manifests and pins say. Raises SinkError where one of them cannot be had at all."""
    found = folders_of(sink, account)
    store = AccountStore(sink, account)

    def read(folder: Folder) -> None:
        keys = {key.rpartition("/")[2] for key in folder.objects if key.count("/") == 2}
        if _MANIFEST in keys:
            _read_manifest(store, account, folder)
        if _PIN in keys and folder.backup is not None:
            folder.pin = store.pinned(folder.uid)

    each(found.folders.values(), read, threads=_threads(sink), name="prune")
    return found


def _read_manifest(store: AccountStore, account: str, folder: Folder) -> None:
    uid, started = folder.uid, layout.started(folder.uid)
    assert started is not None
    try:
        data = store.manifest_bytes(uid)
        manifest = Manifest.decode(data, uid)
    except KeyNotFound:
        return  # deleted since it was listed
    except FormatError:
        folder.backup = Backup(uid, started, complete=None)
        return
    whole = intact(data) and (manifest.backup_uid, manifest.account.id) == (uid, account)
    folder.backup = described(manifest, uid, started) if whole else Backup(uid, started, complete=None)
    folder.sums, folder.total = manifest.sha256sums, manifest.attachments.total


def _threads(sink: Sink) -> int:
    return _THREADS if waits(sink) else 1
