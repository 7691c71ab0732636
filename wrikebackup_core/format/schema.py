"""What one record of each of the four files is, for reading. Every key must be there; further ones are passed over.

Source: the samples in "Account Backup" of Wrike's help centre. Numbers are null where an id says none.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = ["FILES", "STORED", "Attachment", "Comment", "Folder", "GoogleDoc", "Task", "Team", "TimeLog", "User"]

_Date = Annotated[str, msgspec.Meta(pattern=r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?$")]

STORED = "Task"
"""The `attachType` of a file that Wrike stores, and a backup holds."""


class User(msgspec.Struct, gc=False):
    firstName: str  # noqa: N815 - these are Wrike's names
    lastName: str  # noqa: N815
    uid: str
    email: str
    userType: Literal[1, 2]  # noqa: N815


class Comment(msgspec.Struct, gc=False):
    body: str
    author: str
    dateCreated: _Date  # noqa: N815


class Attachment(msgspec.Struct, gc=False):
    contentType: str  # noqa: N815
    version: int
    parentId: int | None  # noqa: N815
    description: str
    apiId: str  # noqa: N815
    attachType: Literal["Legacy", "Temp", "External", "ASPost", "Task"]  # noqa: N815
    id: int | None
    name: str
    dateUploaded: _Date  # noqa: N815


class GoogleDoc(msgspec.Struct, gc=False):
    resourceId: str | None  # noqa: N815
    id: int | None
    name: str
    dateUploaded: _Date  # noqa: N815


class TimeLog(msgspec.Struct, gc=False):
    id: int | None
    user: str
    hours: int | float
    trackedDate: str  # noqa: N815
    dateCreated: _Date  # noqa: N815
    comment: str
    category: str


class _Item(msgspec.Struct, gc=False):
    id: int | None
    title: str
    author: str
    dateCreated: _Date  # noqa: N815
    description: str
    shared: list[str]
    comments: list[Comment]
    attachments: list[Attachment]
    googleDocs: list[GoogleDoc]  # noqa: N815


class Folder(_Item, gc=False):
    children: list[int]


class Task(_Item, gc=False):
    timeLogs: list[TimeLog]  # noqa: N815


class Team(msgspec.Struct, gc=False):
    uid: str
    name: str
    Members: list[str]


FILES: dict[str, type[User | Folder | Task | Team]] = {
    "users.json": User,
    "folders.json": Folder,
    "tasks.json": Task,
    "teams.json": Team,
}
"""The members of the archive, in their order, and what each is an array of."""
