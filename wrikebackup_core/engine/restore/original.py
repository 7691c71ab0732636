"""The backup that is restored: one of ours, or a folder of Wrike's own tool, which says neither what it consists of nor how to check it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import msgspec

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.wrikes import WrikesOwn
from wrikebackup_core.engine.foreign import SOURCE_KIND
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.errors import FormatError, UsageError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool
from wrikebackup_core.model import Account, AttachmentMode
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import accounts
from wrikebackup_core.transforms import Verifier
from wrikebackup_core.version import __version__

__all__ = ["Original", "wrikes_own"]


@dataclass(frozen=True, slots=True)
class Original:
    """`archive`, `records` and `artifacts` are keys in the sink. `ours`: there are a SHA256SUMS and a manifest. `verifiers` know who is
    trusted to vouch for it; without any nobody needs to."""

    sink: Sink
    account: str
    manifest: Manifest
    decoding: Decoding
    archive: str
    records: str | None = None
    artifacts: tuple[str, ...] = ()
    ours: bool = True
    verifiers: tuple[Verifier, ...] = ()

    @property
    def uid(self) -> str:
        """Its name in what is restored."""
        return self.manifest.backup_uid

    @property
    def folder(self) -> str:
        """Where its own files lie in the sink."""
        return self.archive.rpartition("/")[0]

    @classmethod
    def of(cls, opened: OpenBackup) -> Self:
        """Raises FormatError where the manifest names files outside of the backup."""
        files = opened.manifest.files
        return cls(
            opened.sink,
            opened.account,
            _whose(opened.manifest, opened.account),
            opened.decoding,
            opened.key(files.archive),
            None if files.records is None else opened.key(files.records),
            tuple(opened.key(name) for name in files.artifacts),
        )


def _whose(manifest: Manifest, account: str) -> Manifest:
    """The folder says whose it is; a manifest that says something else is told of by verify."""
    return msgspec.structs.replace(manifest, account=replace(manifest.account, id=account))


def wrikes_own(sinks: Sequence[Sink], name: str | None) -> Original | None:
    """The newest backup of Wrike's own tool in the sinks, or the one that is called so. Raises FormatError, SinkError, UsageError."""
    found = sorted(
        (uid, sink.name, sink, account, folder)
        for sink in sinks
        for account, folder, uid in _folders(sink, name)
        if name is None or name in (folder, uid)
    )
    if not found:
        return None
    if name is not None and len({(account, folder) for *_, account, folder in found}) > 1:
        raise UsageError(f"several backups are called {name}")
    uid, _, sink, account, folder = found[-1]
    taken = layout.started(uid)
    assert taken is not None
    manifest = Manifest(
        tool=Tool("Wrike's backup tool, restored by wrikebackup", __version__),
        backup_uid=uid,
        account=Account(account, ""),
        source=SOURCE_KIND,
        started=taken,
        finished=taken,
        complete=True,
        counts={},
        attachments=Attachments(AttachmentMode.LATEST),
        files=Files(f"backup-{uid}.zip", None),
    )
    key = f"{layout.account_folder(account)}/backup-{folder}/backup-{folder}.zip"
    return Original(sink, account, manifest, Decoding(), key, ours=False)


def _folders(sink: Sink, name: str | None) -> Iterator[tuple[str, str, str]]:
    """Account, folder name and uid of the backups of Wrike's own tool. One that is damaged is passed over for others, if there are any."""
    damaged: FormatError | None = None
    found = False
    for account in accounts(sink):
        start = f"{layout.account_folder(account)}/backup-"
        inside: dict[str, set[str]] = {}
        with Catalog() as catalog:
            listed = [entry for entry in sink.list(layout.account_folder(account)) if entry.key.startswith(start)]
            catalog.list_source(listed)
            for entry in listed:
                folder, _, file = entry.key.removeprefix(start).partition("/")
                inside.setdefault(folder, set()).add(file)
            for folder, files in inside.items():
                if layout.started(folder) is None and f"backup-{folder}.zip" in files and "manifest.json" not in files:
                    try:
                        uid = WrikesOwn(sink, account, folder, catalog).uid
                    except FormatError as error:
                        if folder == name:
                            raise
                        damaged = damaged or error
                    else:
                        found = True
                        yield account, folder, uid
    if damaged is not None and not found:
        raise damaged
