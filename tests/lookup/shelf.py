"""Small backups in a folder, with what a test puts into them, and what command lines gave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wrikebackup_core import Account, AttachmentMode, Gap
from wrikebackup_core.format import layout, schema
from wrikebackup_core.format.archive import zip_stream
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool

ACCOUNT = "IEAAAEDY"
Records = Mapping[str, Sequence[Mapping[str, Any] | bytes]]


@dataclass(frozen=True)
class Ran:
    """What a command line gave."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


@dataclass(frozen=True)
class Shelf:
    """A folder with backups."""

    root: Path

    def put(
        self,
        uid: str,
        records: Records | None = None,
        *,
        files: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        attachments: Mapping[str, bytes] | None = None,
        skipped: Sequence[str] = (),
        gaps: Sequence[Gap] = (),
    ) -> None:
        """A backup with these records (None: one of Wrike's own tool), elements of the four files, and files in attachments/."""
        folder = self.root / layout.backup_folder(ACCOUNT, uid)
        shared = self.root / layout.attachments_folder(ACCOUNT)
        folder.mkdir(parents=True)
        shared.mkdir(exist_ok=True)
        started = layout.started(uid)
        assert started is not None
        four = [(name, _array((files or {}).get(name, [])), None) for name in schema.FILES]
        self._store(folder / f"backup-{uid}.zip", four, started)
        if records is not None:
            members = [(f"{kind}.jsonl", [_lines(rows)], None) for kind, rows in records.items()]
            self._store(folder / f"records-{uid}.zip", members, started)
        for name, data in (attachments or {}).items():
            (shared / name).write_bytes(data)
        named = [f"../attachments/{name}" for name in attachments or {}] + [path.name for path in folder.iterdir()]
        sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in named]
        (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
        manifest = Manifest(
            tool=Tool("wrikebackup", "0"),
            backup_uid=uid,
            account=Account(ACCOUNT, "Acme"),
            source="scripted",
            started=started,
            finished=started,
            complete=not gaps,
            counts={kind: len(rows) for kind, rows in (records or {}).items()},
            attachments=Attachments(AttachmentMode.LATEST, total=len(attachments or {})),
            files=Files(f"backup-{uid}.zip", f"records-{uid}.zip" if records is not None else None),
            skipped=tuple(skipped),
            gaps=tuple(gaps),
        )
        (folder / "manifest.json").write_bytes(manifest.encode())

    def _store(self, path: Path, members: Sequence[tuple[str, Sequence[bytes], None]], when: datetime) -> None:
        path.write_bytes(b"".join(zip_stream(members, when)))


def _lines(rows: Sequence[Mapping[str, Any] | bytes]) -> bytes:
    encoded = [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows]
    return b"".join(row + b"\n" for row in encoded)


def _array(rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    return [json.dumps(list(rows), ensure_ascii=False).encode()]
