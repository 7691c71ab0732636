"""From the zips of a backup into the index: the records where there are any, else the four files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from wrikebackup_core.engine.contents import UNREADABLE, MemberFindings, by_element, one_line
from wrikebackup_core.engine.elements import LONGEST
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.facts import ArchiveItem, ItemRecord, authors, of_item, of_record
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.selection import moment
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import attachments, ids, schema
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import AttachmentMode, Kind, Record

__all__ = ["Filling", "name_of_account"]

_RECYCLED = "Rb"
_Struct = TypeVar("_Struct", bound=msgspec.Struct)
Tell = Callable[[str, int], None]
_Rows = Callable[[Any, Record], Iterator[Sequence[object]]]
_SOME, _BYTES = 200, 8 << 20  # records taken in together, and how long they may be
_TELL = 1000
_LARGEST = 1 << 63
_NODE = "INSERT OR IGNORE INTO nodes (ref, task, number, title, project, created, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
_FILE = "INSERT OR REPLACE INTO files (id, name, type, author, created, size, ref, stored, url) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class _Account(msgspec.Struct, gc=False):
    name: str | None = None


class _Profile(msgspec.Struct, gc=False):
    email: str | None = None


class _Contact(msgspec.Struct, gc=False):
    id: str
    firstName: str | None = None  # noqa: N815 - these are Wrike's names
    lastName: str | None = None  # noqa: N815
    title: str | None = None
    primaryEmail: str | None = None  # noqa: N815
    profiles: list[_Profile] | None = None


class _Named(msgspec.Struct, gc=False):
    id: str
    title: str | None = None
    name: str | None = None


class _Workflow(msgspec.Struct, gc=False):
    customStatuses: list[_Named] | None = None  # noqa: N815


class _Comment(msgspec.Struct, gc=False):
    text: str | None = None
    authorId: str | None = None  # noqa: N815
    createdDate: str | None = None  # noqa: N815
    taskId: str | None = None  # noqa: N815
    folderId: str | None = None  # noqa: N815


class _Hours(msgspec.Struct, gc=False):
    taskId: str | None = None  # noqa: N815
    userId: str | None = None  # noqa: N815
    hours: float | None = None
    trackedDate: str | None = None  # noqa: N815
    comment: str | None = None
    categoryId: str | None = None  # noqa: N815


class _File(msgspec.Struct, gc=False):
    id: str
    name: str | None = None
    contentType: Any = None  # noqa: N815
    authorId: Any = None  # noqa: N815
    createdDate: Any = None  # noqa: N815
    size: Any = None
    taskId: Any = None  # noqa: N815
    folderId: Any = None  # noqa: N815
    url: Any = None


class Filling:
    """`bodies`: whether what pages say is wanted, and not only what a selection asks for. Damage is found, never raised."""

    def __init__(self, index: Index, mode: AttachmentMode, tell: Tell, *, bodies: bool) -> None:
        self._index, self._mode, self._tell, self._bodies = index, mode, tell, bodies
        self._task = False  # whether the records are tasks or folders
        self.findings: list[Finding] = []

    # From the records

    def records(self, key: str, archive: zipfile.ZipFile) -> None:
        """The zip of all records."""
        node = [
            (_NODE, self._node),
            ("INSERT INTO named_links VALUES (?, ?, ?)", _links),
            ("INSERT INTO authors VALUES (?, ?)", _authors),
        ]
        kinds: list[tuple[Kind, type[msgspec.Struct], list[tuple[str, _Rows]]]] = [
            (Kind.CONTACTS, _Contact, [("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", _person)]),
            (Kind.ATTACHMENTS, _File, [(_FILE, self._file)]),
            (Kind.FOLDERS, ItemRecord, list[tuple[str, _Rows]](node)),
            (Kind.TASKS, ItemRecord, list[tuple[str, _Rows]](node)),
        ]
        if self._bodies:
            word = "INSERT OR REPLACE INTO words VALUES (?, ?)"
            kinds += [
                (Kind.WORKFLOWS, _Workflow, [(word, lambda one, _: _words(*(one.customStatuses or ())))]),
                (Kind.CUSTOM_FIELDS, _Named, [(word, lambda one, _: _words(one))]),
                (Kind.TIMELOG_CATEGORIES, _Named, [(word, lambda one, _: _words(one))]),
                (Kind.COMMENTS, _Comment, [("INSERT INTO comments VALUES (?, ?, ?, ?)", _comment)]),
                (Kind.TIMELOGS, _Hours, [("INSERT INTO hours VALUES (?, ?, ?, ?, ?, ?)", _hours)]),
            ]
        members = set(archive.namelist())
        for kind, struct, statements in kinds:
            self._task = kind is Kind.TASKS
            if f"{kind}.jsonl" in members:  # no records, no member
                for some in _together(self._lines(key, archive, kind, struct)):
                    for statement, rows in statements:
                        self._index.insert(statement, (row for one, record in some for row in rows(one, record)))

    def _lines(
        self, key: str, archive: zipfile.ZipFile, kind: Kind, struct: type[_Struct]
    ) -> Iterator[tuple[_Struct, Record]]:
        name = f"{kind}.jsonl"
        decode, findings, number = RecordDecoder(kind, struct), MemberFindings(key, name), 0
        try:
            with archive.open(name) as member:
                while line := member.readline(LONGEST):
                    number += 1
                    try:
                        yield decode(Record(line)), Record(line)
                    except FormatError as error:
                        findings.add(f"line {number}: {one_line(error)}")
                    if not number % _TELL:
                        self._tell(name, number)
        except UNREADABLE as error:
            findings.add(one_line(error))
        self.findings += findings.all()

    def _node(self, record: ItemRecord, _record: Record) -> Iterator[Sequence[object]]:
        if record.scope is not None and record.scope.startswith(_RECYCLED):
            return
        number = ids.permalink_number(record.permalink)
        if number is None:
            number = ids.number(record.id)
        body = msgspec.json.encode(of_record(record, task=self._task)) if self._bodies else None
        title, project = _text(record.title), record.project is not None
        yield record.id, self._task, number, title, project, moment(record.createdDate), body

    def _file(self, file: _File, record: Record) -> Iterator[Sequence[object]]:
        kept = next(attachments.attachments_of([record], self._mode), None)
        if kept is None and attachments.is_stored(record):
            return  # an older version, in a backup of the latest ones
        size = _figure(kept.size) if kept else None
        ref = _text(file.taskId) or _text(file.folderId)
        kind, url = _text(file.contentType), _text(file.url)
        created, author = moment(_text(file.createdDate)), _text(file.authorId)
        yield file.id, _text(file.name), kind, author, created, size, ref, kept is not None, url

    # From the four files

    def archive(self, key: str, archive: zipfile.ZipFile) -> None:
        """The zip of the four files."""
        for name in schema.FILES:
            if name not in archive.namelist():
                self.findings.append(Finding(key, "damaged", f"holds no {name}"))
        for row in self._elements(key, archive, "users.json", dict):
            self._index.insert("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", [_user(row)])
        for name, task in (("folders.json", False), ("tasks.json", True)):
            for number, item in enumerate(self._elements(key, archive, name, ArchiveItem), 1):
                self._item(item, "t" if task else "f", task=task, number=number)

    def _elements(self, key: str, archive: zipfile.ZipFile, name: str, struct: Any) -> Iterator[Any]:
        if name not in archive.namelist():
            return
        findings, number = MemberFindings(key, name), 0
        try:
            with archive.open(name) as member:
                for number, row in enumerate(by_element(member, struct, findings), 1):
                    yield row
                    if not number % _TELL:
                        self._tell(name, number)
        except UNREADABLE as error:
            findings.add(one_line(error))
        self.findings += findings.all()

    def _item(self, item: ArchiveItem, mark: str, *, task: bool, number: int) -> None:
        """Its number is its name here; one without a number gets its place in the file."""
        insert = self._index.insert
        ref = f"{mark}{item.id}" if item.id is not None else f"{mark}#{number}"
        known = _figure(item.id)
        facts = of_item(item, task=task)
        body = msgspec.json.encode(facts) if self._bodies else None
        insert(_NODE, [(ref, task, known, _text(item.title), False, moment(item.dateCreated), body)])
        insert("INSERT INTO authors VALUES (?, ?)", [(ref, _text(one)) for one in facts.authors])
        insert(
            "INSERT INTO named_links VALUES (?, ?, ?)",
            [(ref, f"f{one}", place) for place, one in enumerate(item.children or ())],
        )
        insert(_FILE, [row for one in _dicts(item.attachments) for row in self._archived(one, ref, documents=False)])
        insert(_FILE, [row for one in _dicts(item.googleDocs) for row in self._archived(one, ref, documents=True)])
        if self._bodies:
            insert("INSERT INTO comments VALUES (?, ?, ?, ?)", [_said(ref, one) for one in _dicts(item.comments)])
            insert("INSERT INTO hours VALUES (?, ?, ?, ?, ?, ?)", [_tracked(ref, one) for one in _dicts(item.timeLogs)])

    def _archived(self, file: dict[str, Any], ref: str, *, documents: bool) -> Iterator[Sequence[object]]:
        id_ = _text(file.get("resourceId" if documents else "apiId"))
        if id_:
            id_ += f" of {ref}" if documents else ""  # one document may be attached to many tasks
            stored = not documents and file.get("attachType") != "External"
            kind, created = _text(file.get("contentType")), moment(_text(file.get("dateUploaded")))
            yield id_, _text(file.get("name")), kind, "", created, None, ref, stored, ""


def name_of_account(archive: zipfile.ZipFile) -> str:
    """As the records have it: the manifest of a backup that hides names does not. `""` where it cannot be made out."""
    try:
        with archive.open(f"{Kind.ACCOUNT}.jsonl") as member:
            return RecordDecoder(Kind.ACCOUNT, _Account)(Record(member.readline(LONGEST))).name or ""
    except (*UNREADABLE, KeyError):
        return ""


def _together(lines: Iterator[tuple[_Struct, Record]]) -> Iterator[list[tuple[_Struct, Record]]]:
    """Some at a time, so that one statement takes them all; but no more than memory is meant for."""
    some: list[tuple[_Struct, Record]] = []
    size = 0
    for one, record in lines:
        some.append((one, record))
        size += len(record)
        if len(some) >= _SOME or size >= _BYTES:
            yield some
            some, size = [], 0
    yield some


def _text(value: object) -> str:
    """A text that a database takes; `""` for what is none."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _figure(number: int | None) -> int | None:
    """A number that a database takes, None for none."""
    return number if number is not None and abs(number) < _LARGEST else None


def _person(one: _Contact, _record: Record) -> Iterator[Sequence[object]]:
    mail = one.primaryEmail or next((profile.email for profile in one.profiles or () if profile.email), None)
    name = " ".join(filter(None, (one.firstName, one.lastName))) or one.title
    yield one.id, _text(name), _text(mail)


def _user(row: dict[str, Any]) -> Sequence[object]:
    name = " ".join(filter(None, (_text(row.get("firstName")), _text(row.get("lastName")))))
    return _text(row.get("uid")), name, _text(row.get("email"))


def _links(record: ItemRecord, _record: Record) -> Iterator[Sequence[object]]:
    above = [*(record.superTaskIds or ()), *(record.parentIds or ()), *(record.superParentIds or ())]
    yield from ((parent, record.id, place) for place, parent in enumerate(above))
    yield from ((record.id, child, len(above) + place) for place, child in enumerate(record.childIds or ()))


def _authors(record: ItemRecord, _record: Record) -> Iterator[Sequence[object]]:
    yield from ((record.id, person) for person in authors(record))


def _words(*named: _Named) -> Iterator[Sequence[object]]:
    yield from ((one.id, _text(one.title or one.name)) for one in named)


def _comment(one: _Comment, _record: Record) -> Iterator[Sequence[object]]:
    if ref := one.taskId or one.folderId:
        yield ref, moment(one.createdDate), _text(one.authorId), _text(one.text)


def _hours(one: _Hours, _record: Record) -> Iterator[Sequence[object]]:
    if one.taskId:
        day, person, category = _text(one.trackedDate), _text(one.userId), _text(one.categoryId)
        yield one.taskId, day, person, one.hours or 0.0, category, _text(one.comment)


def _dicts(values: Sequence[Any] | None) -> list[dict[str, Any]]:
    return [value for value in values or () if isinstance(value, dict)]


def _said(ref: str, one: dict[str, Any]) -> Sequence[object]:
    return ref, moment(_text(one.get("dateCreated"))), _text(one.get("author")), _text(one.get("body"))


def _tracked(ref: str, one: dict[str, Any]) -> Sequence[object]:
    hours = one.get("hours")
    spent = float(hours) if isinstance(hours, int | float) else 0.0
    day, person, category = _text(one.get("trackedDate")), _text(one.get("user")), _text(one.get("category"))
    return ref, day, person, spent, category, _text(one.get("comment"))
