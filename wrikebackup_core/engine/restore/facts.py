"""What the page of a task or folder says, whatever it was read from."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Facts", "of_item", "of_record"]


class Facts(msgspec.Struct, gc=False, array_like=True):
    """People, statuses and fields are ids; times are in UTC, as `2026-10-07 01:48:56`, and days as Wrike has them."""

    what: str
    title: str
    description: str = ""
    status: str = ""
    status_id: str = ""
    importance: str = ""
    start: str = ""
    due: str = ""
    created: str = ""
    updated: str = ""
    completed: str = ""
    authors: list[str] = []
    responsible: list[str] = []
    permalink: str = ""
    id: str = ""
    fields: list[tuple[str, str]] = []


class _Dates(msgspec.Struct, gc=False):
    start: str | None = None
    due: str | None = None


class _Project(msgspec.Struct, gc=False):
    authorId: str | None = None  # noqa: N815 - these are Wrike's names
    ownerIds: list[str] | None = None  # noqa: N815
    status: str | None = None
    customStatusId: str | None = None  # noqa: N815
    startDate: str | None = None  # noqa: N815
    endDate: str | None = None  # noqa: N815
    completedDate: str | None = None  # noqa: N815


class _Field(msgspec.Struct, gc=False):
    id: str | None = None
    value: Any = None


class ItemRecord(msgspec.Struct, gc=False):
    """A task or folder of API v4."""

    id: str
    title: str | None = None
    description: str | None = None
    status: str | None = None
    customStatusId: str | None = None  # noqa: N815
    importance: str | None = None
    dates: _Dates | None = None
    createdDate: str | None = None  # noqa: N815
    updatedDate: str | None = None  # noqa: N815
    completedDate: str | None = None  # noqa: N815
    authorIds: list[str] | None = None  # noqa: N815
    responsibleIds: list[str] | None = None  # noqa: N815
    permalink: str | None = None
    scope: str | None = None
    space: bool | None = None
    project: _Project | None = None
    customFields: list[_Field] | None = None  # noqa: N815
    parentIds: list[str] | None = None  # noqa: N815
    superParentIds: list[str] | None = None  # noqa: N815
    superTaskIds: list[str] | None = None  # noqa: N815
    childIds: list[str] | None = None  # noqa: N815


class ArchiveItem(msgspec.Struct, gc=False):
    """A task or folder of the four files. Wrike's own tool may leave out what ours never does."""

    id: int | None = None
    title: str | None = None
    author: str | None = None
    dateCreated: str | None = None  # noqa: N815
    description: str | None = None
    children: list[int] | None = None
    comments: list[Any] | None = None
    attachments: list[Any] | None = None
    googleDocs: list[Any] | None = None  # noqa: N815
    timeLogs: list[Any] | None = None  # noqa: N815


def of_record(record: ItemRecord, *, task: bool) -> Facts:
    """From API v4."""
    project, dates = record.project or _Project(), record.dates or _Dates()
    what = "task" if task else "project" if record.project else "space" if record.space else "folder"
    return Facts(
        what,
        record.title or "",
        record.description or "",
        record.status or project.status or "",
        record.customStatusId or project.customStatusId or "",
        record.importance or "",
        dates.start or project.startDate or "",
        dates.due or project.endDate or "",
        record.createdDate or "",
        record.updatedDate or "",
        record.completedDate or project.completedDate or "",
        authors(record),
        record.responsibleIds or project.ownerIds or [],
        record.permalink or "",
        record.id,
        [
            (field.id, _shown(field.value))
            for field in record.customFields or ()
            if field.id and field.value not in (None, "", [])
        ],
    )


def authors(record: ItemRecord) -> list[str]:
    """Who made it; of folders only a project says."""
    return record.authorIds or ([record.project.authorId] if record.project and record.project.authorId else [])


def of_item(item: ArchiveItem, *, task: bool) -> Facts:
    """From one of the four files."""
    number = "" if item.id is None else str(item.id)
    return Facts(
        "task" if task else "folder",
        item.title or "",
        item.description or "",
        created=item.dateCreated or "",
        authors=[item.author] if item.author else [],
        id=number,
    )


def _shown(value: Any) -> str:
    some = value if isinstance(value, list) else [value]
    return ", ".join(one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in some)
