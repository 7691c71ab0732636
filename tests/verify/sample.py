"""A small account and a backup of it, made by the format's own functions: what tests damage, and what tests/data/format1 holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wrikebackup_core.format import checksums, ids, layout, official
from wrikebackup_core.format.archive import zip_stream
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool
from wrikebackup_core.format.official import Item
from wrikebackup_core.model import Account, AttachmentMode, Gap, Kind, Record
from wrikebackup_core.ports import Sink

ACCOUNT = Account("IEAAAEDY", "Acme")
UID = "20261123T153000Z-7f3a9c"
STARTED = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
DAY = "2026-10-07T01:48:56Z"


def _task(number: int, **more: Any) -> dict[str, Any]:
    permalink = f"https://www.wrike.com/open.htm?id={number}"
    return {"title": f"Task {number}", "createdDate": DAY, "scope": "WsTask", "permalink": permalink} | more


def _file(id_: str, name: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, "createdDate": DAY, "version": 1, "type": "Wrike", "size": len(data)} | more


FILES = {
    "IEAAAEDYIYAB7DLK": b"the plan",
    "IEAAAEDYIYAB7DLL": bytes(range(256)) * 8,
    "IEAAAEDYIYAB7DLM": b"",
    "MwAAAAEQ_HoO": b"an id of a kind to come",
}

RECORDS: dict[Kind, list[dict[str, Any]]] = {
    Kind.ACCOUNT: [{"id": ACCOUNT.id, "name": ACCOUNT.name}],
    Kind.CONTACTS: [
        {"id": "KUAZR5CO", "firstName": "Ada", "lastName": "L", "type": "Person", "profiles": []},
        {"id": "KUAZR5CP", "firstName": "Gone", "lastName": "", "type": "Person", "deleted": True},
        {"id": "KX7XIKVN", "firstName": "Team", "type": "Group", "memberIds": ["KUAZR5CO"]},
    ],
    Kind.GROUPS: [{"id": "KX7XIKVN", "title": "Team", "memberIds": ["KUAZR5CO"]}],
    Kind.FOLDERS: [
        {"id": "MQAAAAEQ_HoI", "title": "Größe 🚀", "createdDate": DAY, "scope": "WsFolder", "sharedIds": ["KUAZR5CO"]}
        | {"permalink": "https://www.wrike.com/open.htm?id=4579949064", "project": {"authorId": "KUAZR5CO"}},
        {"id": "IEAAAEDYI4AB7DLK", "title": "Trash", "createdDate": DAY, "scope": "RbFolder"},
    ],
    Kind.TASKS: [
        _task(4579949070, id="MAAAAAEQ_HoO", authorIds=["KUAZR5CO"], description="<b>Lorem</b>"),
        _task(2067818, id="IEAAAEDYKQAB7DLK", sharedIds=["KX7XIKVN"]),
    ],
    Kind.COMMENTS: [
        {
            "id": "IEAG5DAKIMCT7UZ3",
            "authorId": "KUAZR5CO",
            "text": "Hello",
            "createdDate": DAY,
            "taskId": "MAAAAAEQ_HoO",
        }
    ],
    Kind.ATTACHMENTS: [
        _file("IEAAAEDYIYAB7DLK", "plan.pdf", FILES["IEAAAEDYIYAB7DLK"], taskId="MAAAAAEQ_HoO"),
        _file("IEAAAEDYIYAB7DLL", "../a\u202eb?.bin", FILES["IEAAAEDYIYAB7DLL"], taskId="MAAAAAEQ_HoO"),
        _file("IEAAAEDYIYAB7DLM", "", FILES["IEAAAEDYIYAB7DLM"], folderId="MQAAAAEQ_HoI"),
        _file("MwAAAAEQ_HoO", "new.txt", FILES["MwAAAAEQ_HoO"], taskId="IEAAAEDYKQAB7DLK"),
        _file("IEAAAEDYIYAB7DLA", "old.pdf", b"old", taskId="MAAAAAEQ_HoO", currentAttachmentId="IEAAAEDYIYAB7DLK"),
        _file("IEAAAEDYIYAB7DLB", "box.pdf", b"", taskId="MAAAAAEQ_HoO", type="Box") | {"size": -1},
        _file("IEAAAEDYIYAB7DLC", "doc", b"", taskId="MAAAAAEQ_HoO", type="Google")
        | {"size": -1, "url": "https://docs.google.com/document/d/1NPu/edit"},
    ],
    Kind.TIMELOGS: [
        {"id": "IEAG5DAKJQAC56AU", "taskId": "MAAAAAEQ_HoO", "userId": "KUAZR5CO", "hours": 1.5, "createdDate": DAY}
        | {"trackedDate": "2026-10-08", "comment": "", "categoryId": None}
    ],
}


@dataclass
class Sample:
    """What goes into a backup; change it before `store`."""

    uid: str = UID
    suffix: str = ""
    mode: AttachmentMode = AttachmentMode.LATEST
    records: dict[Kind, list[dict[str, Any]]] = field(default_factory=lambda: {**RECORDS})
    files: dict[str, bytes] = field(default_factory=lambda: {**FILES})
    artifacts: dict[str, bytes] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    members: dict[str, bytes] | None = None
    encoded: Callable[[bytes], bytes] = bytes

    def store(self, sink: Sink) -> None:
        """Writes the backup as a run would: the manifest last."""
        folder = layout.backup_folder(ACCOUNT.id, self.uid)
        sums: dict[str, str] = {}
        for record in self.records[Kind.ATTACHMENTS]:
            if (data := self.files.get(record["id"])) is not None and self.mode is not AttachmentMode.NONE:
                key = layout.attachment_key(ACCOUNT.id, record["id"], record["name"], self.suffix)
                sums["../" + key.split("/", 1)[1]] = _put(sink, key, self.encoded(data), shared=True)
        own = {f"backup-{self.uid}.zip": self.archive(), f"records-{self.uid}.zip": self.records_zip()} | self.artifacts
        for name, data in own.items():
            sums[name + self.suffix] = _put(sink, f"{folder}/{name}{self.suffix}", self.encoded(data))
        lines = "".join(checksums.line(sha256, path) for path, sha256 in sorted(sums.items()))
        _put(sink, layout.sums_key(ACCOUNT.id, self.uid), lines.encode())
        _put(sink, layout.manifest_key(ACCOUNT.id, self.uid), self.manifest().encode())
        sink.sync()

    def archive(self) -> bytes:
        """The zip of the four files."""
        lost = _Lost()
        members = self.members or {
            "users.json": b"".join(official.users(_records(self.records[Kind.CONTACTS]), ACCOUNT.id, print)),
            "folders.json": b"".join(official.folders(self._items(Kind.FOLDERS), self.mode, lost)),
            "tasks.json": b"".join(official.tasks(self._items(Kind.TASKS), self.mode, lost)),
            "teams.json": b"".join(official.teams(_records(self.records[Kind.GROUPS]), print)),
        }
        return _zip(members)

    def records_zip(self) -> bytes:
        """The zip of all records."""
        lines = {f"{kind}.jsonl": _records(records) for kind, records in self.records.items() if records}
        return _zip({name: b"".join(record + b"\n" for record in records) for name, records in lines.items()})

    def manifest(self) -> Manifest:
        """What a run would write."""
        files = {} if self.mode is AttachmentMode.NONE else self.files
        size = sum(map(len, files.values()))
        return Manifest(
            tool=Tool("wrikebackup", "0.1.0"),
            backup_uid=self.uid,
            account=ACCOUNT,
            source="mock",
            started=STARTED,
            finished=STARTED,
            complete=not self.gaps,
            counts={kind.value: len(records) for kind, records in self.records.items() if records},
            attachments=Attachments(self.mode, len(files), len(files), size, size),
            files=Files(
                f"backup-{self.uid}.zip{self.suffix}",
                f"records-{self.uid}.zip{self.suffix}",
                tuple(f"{name}{self.suffix}" for name in self.artifacts),
            ),
            transforms=({"kind": "encrypt"},) if self.suffix else (),
            gaps=self.gaps,
        )

    def _items(self, kind: Kind) -> Iterable[Item]:
        parent = {Kind.TASKS: "taskId", Kind.FOLDERS: "folderId"}[kind]
        for body in self.records[kind]:
            comments, attachments, timelogs = (
                _records([one for one in self.records[child] if one.get(parent) == body["id"]])
                for child in (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS)
            )
            number = ids.permalink_number(body.get("permalink"))
            yield Item(number, *_records([body]), comments, attachments, timelogs)


class _Lost(list[Gap]):
    """Takes gaps; the sample has an id without a number."""

    def __call__(self, gap: Gap) -> None:
        self.append(gap)


def _records(records: Iterable[dict[str, Any]]) -> list[Record]:
    return [Record(json.dumps(record, ensure_ascii=False).encode()) for record in records]


def _zip(members: dict[str, bytes]) -> bytes:
    return b"".join(zip_stream(((name, [data], len(data)) for name, data in members.items()), STARTED))


def _put(sink: Sink, key: str, data: bytes, *, shared: bool = False) -> str:
    if not (shared and any(entry.key == key for entry in sink.list(key.rpartition("/")[0]))):
        writer = sink.create(key)
        writer.write(data)
        writer.commit()
    return hashlib.sha256(data).hexdigest()
