"""Looking for a text in the titles, descriptions, comments and names of a backup, in constant memory."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Self

import msgspec

from wrikebackup_core.engine.lookup.members import LINES, blocks, read_member, rows
from wrikebackup_core.engine.lookup.patterns import Pattern, plain
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import ids
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Kind, Record

__all__ = ["KINDS", "Hit", "Hits", "search"]

KINDS = (
    Kind.SPACES, Kind.FOLDERS, Kind.TASKS, Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS, Kind.APPROVALS, Kind.FOLDER_BLUEPRINTS,
    Kind.TASK_BLUEPRINTS,
)  # fmt: skip
"""What is searched."""

_HTML = frozenset({"description", "text", "body"})
_FIELDS = ("title", "name", "description", "text", "comment")
_AROUND = 60  # characters of an excerpt on either side of what was found
_PAGE = "https://www.wrike.com/open.htm?id="
_BATCH = 500


class _Texts(msgspec.Struct, gc=False):
    id: str | int | None = None
    title: str | None = None
    name: str | None = None
    description: str | None = None
    text: str | None = None
    comment: str | None = None
    permalink: str | None = None
    taskId: str | None = None  # noqa: N815 - these are Wrike's names
    folderId: str | None = None  # noqa: N815


class _Comment(msgspec.Struct, gc=False):
    body: str | None = None


class _File(msgspec.Struct, gc=False):
    apiId: str | None = None  # noqa: N815
    name: str | None = None


class _Item(msgspec.Struct, gc=False):
    """A task or folder of the four files."""

    id: int | None = None
    title: str | None = None
    description: str | None = None
    comments: list[_Comment] = []
    attachments: list[_File] = []


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found: `excerpt[start:end]` in the `field` of a record. `first` and `last` are uids of backups that have it."""

    kind: str
    id: str
    title: str
    field: str
    excerpt: str
    start: int
    end: int
    permalink: str | None
    first: str
    last: str


def search(backup: OpenBackup, pattern: Pattern, kinds: Collection[str] = KINDS) -> Iterator[Hit]:
    """The hits, one for each field of a record at the most. Raises FormatError, KeyNotFound, SinkError, KeyRefused."""
    with backup.records() as records:
        if records is not None:
            there = set(records.namelist())
            for kind in (kind for kind in KINDS if kind in kinds and f"{kind}{LINES}" in there):
                yield from _in_records(backup, records, kind, pattern)
            return
    with backup.archive() as archive:
        for kind in (Kind.FOLDERS, Kind.TASKS):
            yield from (hit for hit in _in_items(backup, archive, kind, pattern) if hit.kind in kinds)


def _in_records(backup: OpenBackup, records: zipfile.ZipFile, kind: Kind, pattern: Pattern) -> Iterator[Hit]:
    name = f"{kind}{LINES}"
    decode = RecordDecoder(kind, _Texts)
    for block in blocks(read_member(records, name, backup), f"{backup.uid}: {name}"):
        for line in pattern.candidates(block):
            if not line:
                continue
            try:
                record = decode(Record(line))
            except FormatError as error:
                raise FormatError(f"{backup.uid}: {name}: {error.message}") from error
            link = record.permalink or _page(record.taskId or record.folderId)
            owner = _Owner(kind, record.id, record.title or record.name, link)
            for field in _FIELDS:
                yield from _hit(backup, pattern, owner, field, getattr(record, field))


def _in_items(backup: OpenBackup, archive: zipfile.ZipFile, kind: Kind, pattern: Pattern) -> Iterator[Hit]:
    """Of a backup of Wrike's own tool, where comments and attachments stand in their tasks and folders."""
    name = f"{kind}.json"
    decode = RecordDecoder(name, _Item)
    for row in rows(archive, name, backup) if name in archive.namelist() else ():
        item = decode(Record(row))
        link = _PAGE + str(item.id) if item.id is not None else None
        owner = _Owner(kind, item.id, item.title, link)
        yield from _hit(backup, pattern, owner, "title", item.title)
        yield from _hit(backup, pattern, owner, "description", item.description)
        for comment in item.comments:
            yield from _hit(backup, pattern, _Owner(Kind.COMMENTS, item.id, item.title, link), "body", comment.body)
        for file in item.attachments:
            yield from _hit(backup, pattern, _Owner(Kind.ATTACHMENTS, file.apiId, file.name, link), "name", file.name)


@dataclass(frozen=True, slots=True)
class _Owner:
    """The record that a field is of."""

    kind: Kind
    id: str | int | None
    title: str | None
    link: str | None


def _hit(backup: OpenBackup, pattern: Pattern, owner: _Owner, field: str, value: str | None) -> Iterator[Hit]:
    if not value:
        return
    text = plain(value) if field in _HTML else " ".join(value.split())
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    found = pattern.find(text)
    if found is None:
        return
    id_ = str(owner.id if owner.id is not None else "")
    excerpt, start, end = _excerpt(text, *found)
    yield Hit(str(owner.kind), id_, owner.title or "", field, excerpt, start, end, owner.link, backup.uid, backup.uid)


def _excerpt(text: str, start: int, end: int) -> tuple[str, int, int]:
    """What stands around a match, and where the match stands in it."""
    end = min(end, start + 2 * _AROUND)
    begin, stop = max(start - _AROUND, 0), min(end + _AROUND, len(text))
    head, tail = "…" if begin else "", "…" if stop < len(text) else ""
    moved = len(head) - begin
    return head + text[begin:stop] + tail, start + moved, end + moved


def _page(id_: str | None) -> str | None:
    number = ids.number(id_) if id_ else None
    return f"{_PAGE}{number}" if number is not None and number > 0 else None


class Hits:
    """The hits of several backups, each once, in a temporary SQLite file. A context manager."""

    def __init__(self) -> None:
        self._db = scratch()
        self._db.execute(
            "CREATE TABLE hits (kind TEXT, id TEXT, field TEXT, seq INTEGER, first TEXT, last TEXT, hit BLOB,"
            " PRIMARY KEY (kind, id, field)) WITHOUT ROWID"
        )
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def add(self, hit: Hit) -> None:
        """Hits of newer backups come first: theirs is what is shown."""
        self._count += 1
        key = [text.encode(errors="surrogatepass").decode(errors="replace") for text in (hit.kind, hit.id, hit.field)]
        self._db.execute(
            "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET first=min(first, excluded.first), last=max(last, excluded.last)",
            (*key, self._count, hit.first, hit.last, msgspec.json.encode(asdict(hit))),
        )

    def all(self) -> Iterator[Hit]:
        """As they came, with the first and the last backup that has each."""
        for first, last, hit in self._db.execute("SELECT first, last, hit FROM hits ORDER BY seq"):
            yield Hit(**msgspec.json.decode(hit) | {"first": first, "last": last})
