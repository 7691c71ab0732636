"""Backups to restore: an account with a tree of folders, and a transform whose way back can be refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.verify.sample import ACCOUNT, DAY, Sample
from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.restore import Original, Restored, RestoreJob, Selection, Shape, restore
from wrikebackup_core.errors import FormatError, KeyRefused
from wrikebackup_core.format import layout
from wrikebackup_core.model import Kind
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.ports import Context, Reader, Sink
from wrikebackup_core.store import AccountStore
from wrikebackup_core.testing import MemorySink
from wrikebackup_core.transforms import Transform

ADA, BOB = "KUAAAAAA", "KUAAAAAB"
SUFFIX = ".mask"
_MARK = b"mask "


def masked(data: bytes) -> bytes:
    """As the transform stores it."""
    return _MARK + bytes(byte ^ 0x55 for byte in data)


class Mask(Transform):
    """Turns bits over. `key` False is one that does not fit."""

    kind, suffix = "mask", SUFFIX

    def __init__(self, *, key: bool = True) -> None:
        self._key = key

    def decode(self, stored: Reader) -> Reader:
        if not self._key:
            raise KeyRefused("the key does not fit")
        return _Unmasked(stored)


class _Unmasked:
    size, start = None, 0

    def __init__(self, stored: Reader) -> None:
        self._stored = stored
        if stored.read(len(_MARK)) != _MARK:
            raise FormatError("not masked")

    def read(self, size: int = -1, /) -> bytes:
        return bytes(byte ^ 0x55 for byte in self._stored.read(size))

    def close(self) -> None:
        self._stored.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def folder(id_: str, title: str, *children: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "title": title, "createdDate": DAY, "scope": "WsFolder", "childIds": list(children)} | more


def task(id_: str, title: str, *parents: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "title": title, "createdDate": DAY, "scope": "WsTask", "parentIds": list(parents)} | more


def file(id_: str, name: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, "createdDate": DAY, "version": 1, "type": "Wrike", "size": len(data)} | more


def account(
    folders: Sequence[dict[str, Any]] = (),
    tasks: Sequence[dict[str, Any]] = (),
    files: Sequence[tuple[dict[str, Any], bytes]] = (),
    **more: Sequence[dict[str, Any]],
) -> Sample:
    """A backup of these records."""
    people = [
        {"id": ADA, "firstName": "Ada", "lastName": "Lovelace", "type": "Person", "primaryEmail": "ada@example.com"},
        {"id": BOB, "firstName": "Bob", "lastName": "Byron", "type": "Person", "primaryEmail": "bob@example.com"},
    ]
    records: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in Kind} | {
        Kind.ACCOUNT: [{"id": ACCOUNT.id, "name": ACCOUNT.name}],
        Kind.CONTACTS: people,
        Kind.FOLDERS: list(folders),
        Kind.TASKS: list(tasks),
        Kind.ATTACHMENTS: [record for record, _ in files],
    }
    records |= {Kind(kind): list(listed) for kind, listed in more.items()}
    return Sample(records=records, files={record["id"]: data for record, data in files})


def original(sink: Sink, uid: str, *transforms: Transform) -> Original:
    """The backup, opened."""
    manifest = AccountStore(sink, ACCOUNT.id).manifest(uid)
    return Original.of(OpenBackup(sink, ACCOUNT.id, manifest, Decoding(transforms)))


def restored(
    source: Original, target: Sink, state: Path, shape: Shape = Shape.LAYOUT, selection: Selection | None = None
) -> Restored:
    """Restores it."""
    return restore(RestoreJob(source, target, shape, selection or Selection(), state, 4), lambda _: None)


def stored(sample: Sample, *transforms: Transform) -> tuple[MemorySink, Original]:
    """A sink with the backup, and the backup opened."""
    sink = MemorySink("source")
    if transforms:
        sample.suffix, sample.encoded = SUFFIX, masked
    sample.store(sink)
    return sink, original(sink, sample.uid, *transforms)


def local(path: Path) -> Sink:
    """A folder as a sink, made as the program makes it."""
    plugins = Plugins.load()
    options = plugins.sinks["local"].options.model_validate({"path": str(path)})
    return plugins.make_sink("local", options, Context(lambda name: name))


def attachment(id_: str, name: str, suffix: str = "") -> str:
    return layout.attachment_key(ACCOUNT.id, id_, name, suffix)
