"""The four files of a backup, derived from the records: keys, their order and their values as Wrike's own tool writes them.

Source: "Account Backup" of Wrike's help centre, whose samples these files follow to the letter. Strings that stay as they are go
through as the JSON they came in. Every generator yields the pieces of one JSON array, a record to a line, in constant memory.
A record that is not what API v4 says is left out and is a gap: one odd record is no reason to have no backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format.attachments import NUMBERS, attachments_of, entries, is_stored, numbered
from wrikebackup_core.format.records import EMPTY, NULL, ZERO, RecordDecoder, date, figure, text
from wrikebackup_core.model import AttachmentMode, Gap, Kind, Record

__all__ = ["NUMBERS", "Item", "attachments_of", "folders", "is_stored", "tasks", "teams", "users"]

_PIECE = 512 * 1024  # large enough for the compressor to work without the interpreter lock
_USER, _INVITED_USER = 1, 2
_RECYCLED = "Rb"

OnGap = Callable[[Gap], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Item:
    """A folder or task with the records that belong to it. `children` are the numbers of the folders in a folder."""

    number: int | None
    body: Record
    comments: Sequence[Record] = ()
    attachments: Sequence[Record] = ()
    timelogs: Sequence[Record] = ()
    children: Sequence[int] = ()


class _Profile(msgspec.Struct, gc=False):
    accountId: str | None = None  # noqa: N815 - these are Wrike's names
    email: str | None = None
    role: str | None = None


class _Contact(msgspec.Struct, gc=False):
    id: msgspec.Raw
    firstName: msgspec.Raw = EMPTY  # noqa: N815
    lastName: msgspec.Raw = EMPTY  # noqa: N815
    type: str | None = None
    profiles: list[_Profile] | None = None
    primaryEmail: str | None = None  # noqa: N815


class _Group(msgspec.Struct, gc=False):
    id: msgspec.Raw
    title: msgspec.Raw = NULL
    firstName: msgspec.Raw = EMPTY  # noqa: N815 - a contact's, which has no title
    type: str | None = None
    memberIds: list[str] | None = None  # noqa: N815


class _Project(msgspec.Struct, gc=False):
    authorId: str | None = None  # noqa: N815


class _Item(msgspec.Struct, gc=False):
    id: msgspec.Raw
    title: msgspec.Raw = EMPTY
    createdDate: msgspec.Raw = EMPTY  # noqa: N815
    description: msgspec.Raw = EMPTY
    sharedIds: list[str] | None = None  # noqa: N815
    scope: str | None = None
    authorIds: list[str] | None = None  # noqa: N815
    project: _Project | None = None


class _Comment(msgspec.Struct, gc=False):
    text: msgspec.Raw = EMPTY
    authorId: msgspec.Raw = EMPTY  # noqa: N815
    createdDate: msgspec.Raw = EMPTY  # noqa: N815


class _Timelog(msgspec.Struct, gc=False):
    id: msgspec.Raw
    userId: msgspec.Raw = EMPTY  # noqa: N815
    hours: msgspec.Raw = ZERO
    trackedDate: msgspec.Raw = EMPTY  # noqa: N815
    createdDate: msgspec.Raw = EMPTY  # noqa: N815
    comment: msgspec.Raw = EMPTY
    categoryId: msgspec.Raw = EMPTY  # noqa: N815


_contact = RecordDecoder(Kind.CONTACTS, _Contact)
_group = RecordDecoder(Kind.GROUPS, _Group)
_folder = RecordDecoder(Kind.FOLDERS, _Item)
_task = RecordDecoder(Kind.TASKS, _Item)
_comment = RecordDecoder(Kind.COMMENTS, _Comment)
_timelog = RecordDecoder(Kind.TIMELOGS, _Timelog)
_encode = msgspec.json.encode


def users(contacts: Iterable[Record], account_id: str, on_gap: OnGap) -> Iterator[bytes]:
    """users.json: everybody but groups, the deleted included."""
    return _array(_usable(_contact, contacts, on_gap, lambda record: _user(record, account_id)))


def teams(groups: Iterable[Record], on_gap: OnGap) -> Iterator[bytes]:
    """teams.json, from the records of groups, or from contacts, of which it takes those that are groups."""
    return _array(_usable(_group, groups, on_gap, _team))


def folders(items: Iterable[Item], mode: AttachmentMode, on_gap: OnGap) -> Iterator[bytes]:
    """folders.json: folders, projects and spaces outside the recycle bin."""
    return _array(_items(_folder, items, on_gap, lambda item: _folder_row(item, mode, on_gap)))


def tasks(items: Iterable[Item], mode: AttachmentMode, on_gap: OnGap) -> Iterator[bytes]:
    """tasks.json: tasks and subtasks alike, outside the recycle bin."""
    return _array(_items(_task, items, on_gap, lambda item: _task_row(item, mode, on_gap)))


def _usable(
    decoder: RecordDecoder[_T], records: Iterable[Record], on_gap: OnGap, row: Callable[[Record], bytes | None]
) -> Iterator[bytes | None]:
    """The rows of all records; a gap for one that is not what API v4 says."""
    for record in records:
        try:
            yield row(record)
        except FormatError as error:
            on_gap(decoder.gap(record, error))


def _items(
    decoder: RecordDecoder[_T], items: Iterable[Item], on_gap: OnGap, row: Callable[[Item], bytes | None]
) -> Iterator[bytes | None]:
    for item in items:
        try:
            yield row(item)
        except FormatError as error:
            on_gap(decoder.gap(item.body, error))


def _array(rows: Iterable[bytes | None]) -> Iterator[bytes]:
    """The pieces of an array of all rows that are there."""
    batch: list[bytes] = []
    size, opening = 0, b"[\n"
    for row in rows:
        if row is None:
            continue
        batch.append(row)
        size += len(row)
        if size >= _PIECE:
            yield opening + _in_utf8(b",\n".join(batch))
            batch.clear()
            size, opening = 0, b",\n"
    if batch:
        yield opening + _in_utf8(b",\n".join(batch))
        opening = b",\n"
    yield b"[]\n" if opening == b"[\n" else b"\n]\n"


def _in_utf8(piece: bytes) -> bytes:
    """What passed through unread may not have been UTF-8; the file is."""
    if not piece.isascii():
        try:
            piece.decode()
        except UnicodeDecodeError:
            return piece.decode(errors="replace").encode()
    return piece


def _user(record: Record, account_id: str) -> bytes | None:
    """A person as one line; None for a group."""
    contact = _contact(record)
    if contact.type == "Group":
        return None
    profile = next((one for one in contact.profiles or () if one.accountId == account_id), _Profile())
    try:
        return b'{"firstName":%b,"lastName":%b,"uid":%b,"email":%b,"userType":%d}' % (
            text(contact.firstName),
            text(contact.lastName),
            text(contact.id),
            _encode(profile.email or contact.primaryEmail or ""),
            _INVITED_USER if profile.role == "Collaborator" else _USER,
        )
    except TypeError as error:
        raise _contact.error(record, error) from error


def _team(record: Record) -> bytes | None:
    """A group as one line; None for a contact that is none."""
    group = _group(record)
    if group.type not in (None, "Group"):
        return None
    try:
        return b'{"uid":%b,"name":%b,"Members":%b}' % (
            text(group.id),
            text(group.firstName if group.title == NULL else group.title),
            _encode(group.memberIds or []),
        )
    except TypeError as error:
        raise _group.error(record, error) from error


def _folder_row(item: Item, mode: AttachmentMode, on_gap: OnGap) -> bytes | None:
    """A folder as one line; None for what lies in the recycle bin."""
    folder = _folder(item.body)
    if folder.scope is not None and folder.scope.startswith(_RECYCLED):
        return None
    try:
        number = _number(item, folder, "folder", on_gap)
        author = folder.project.authorId if folder.project else None
        files, documents = entries(item.attachments, mode, number, on_gap)
        return b"".join((
            b'{"id":', number,
            b',"children":', _encode(list(item.children)),
            *_common(folder, author or ""),
            b',"comments":[', _comments(item.comments, on_gap),
            b'],"attachments":[', files,
            b'],"googleDocs":[', documents,
            b"]}",
        ))  # fmt: skip
    except (TypeError, ValueError) as error:
        raise _folder.error(item.body, error) from error


def _task_row(item: Item, mode: AttachmentMode, on_gap: OnGap) -> bytes | None:
    """A task as one line; None for what lies in the recycle bin."""
    task = _task(item.body)
    if task.scope is not None and task.scope.startswith(_RECYCLED):
        return None
    try:
        number = _number(item, task, "task", on_gap)
        files, documents = entries(item.attachments, mode, number, on_gap)
        return b"".join((
            b'{"id":', number,
            *_common(task, task.authorIds[0] if task.authorIds else ""),
            b',"comments":[', _comments(item.comments, on_gap),
            b'],"attachments":[', files,
            b'],"googleDocs":[', documents,
            b'],"timeLogs":[', _timelogs(item.timelogs, on_gap),
            b"]}",
        ))  # fmt: skip
    except (TypeError, ValueError) as error:
        raise _task.error(item.body, error) from error


def _number(item: Item, decoded: _Item, what: str, on_gap: OnGap) -> bytes:
    return numbered(what, decoded.id, on_gap) if item.number is None else b"%d" % item.number


def _common(item: _Item, author: str) -> tuple[bytes | msgspec.Raw, ...]:
    """What folders and tasks have in common, in pieces."""
    return (
        b',"title":', text(item.title),
        b',"author":', _encode(author),
        b',"dateCreated":', date(item.createdDate),
        b',"description":', text(item.description),
        b',"shared":', _encode(item.sharedIds or []),
    )  # fmt: skip


def _comments(records: Sequence[Record], on_gap: OnGap) -> bytes:
    if not records:
        return b""
    dated: list[tuple[bytes, bytes]] = []
    for record in records:
        try:
            comment = _comment(record)
            created = date(comment.createdDate)
            row = b'{"body":%b,"author":%b,"dateCreated":%b}' % (text(comment.text), text(comment.authorId), created)
        except FormatError as error:
            on_gap(_comment.gap(record, error))
        except (TypeError, ValueError) as error:
            on_gap(_comment.gap(record, _comment.error(record, error)))
        else:
            dated.append((created, row))
    dated.sort(key=_created)
    return b",".join([row for _, row in dated])


def _created(dated: tuple[bytes, bytes]) -> bytes:
    return dated[0]


def _timelogs(records: Sequence[Record], on_gap: OnGap) -> bytes:
    if not records:
        return b""
    rows = []
    for record in records:
        try:
            rows.append(_timelog_row(_timelog(record), on_gap))
        except FormatError as error:
            on_gap(_timelog.gap(record, error))
        except (TypeError, ValueError) as error:
            on_gap(_timelog.gap(record, _timelog.error(record, error)))
    return b",".join(rows)


def _timelog_row(entry: _Timelog, on_gap: OnGap) -> bytes:
    return b'{"id":%b,"user":%b,"hours":%b,"trackedDate":%b,"dateCreated":%b,"comment":%b,"category":%b}' % (
        numbered("time log", entry.id, on_gap),
        text(entry.userId),
        figure(entry.hours),
        text(entry.trackedDate),
        date(entry.createdDate),
        text(entry.comment),
        text(entry.categoryId),
    )
