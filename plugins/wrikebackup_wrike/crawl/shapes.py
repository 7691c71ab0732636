"""What the crawl looks at in a record; every other field passes through unread.

Field names are Wrike's (reference: the models of developers.wrike.com).
"""
# ruff: noqa: N815 - Wrike's names

from __future__ import annotations

import msgspec

from wrikebackup_core import Kind
from wrikebackup_wrike.answer import Named

__all__ = [
    "AccountHead",
    "ApprovalHead",
    "AttachmentHead",
    "CommentHead",
    "FolderHead",
    "GroupHead",
    "SpaceHead",
    "TaskHead",
    "TimelogHead",
    "WorkflowHead",
    "shape_of",
]


class _Part(msgspec.Struct, gc=False):
    id: str = ""


class AccountHead(Named):
    name: str = ""
    rootFolderId: str = ""
    recycleBinId: str = ""
    createdDate: str = ""
    joinedDate: str = ""


class _Project(msgspec.Struct):
    authorId: str | None = None
    ownerIds: tuple[str, ...] = ()
    customStatusId: str | None = None


class FolderHead(Named):
    createdDate: str = ""
    updatedDate: str = ""
    scope: str = ""
    sharedIds: tuple[str, ...] = ()
    parentIds: tuple[str, ...] = ()
    childIds: tuple[str, ...] = ()
    workflowId: str | None = None
    customFields: tuple[_Part, ...] = ()
    customItemTypeId: str | None = None
    hasAttachments: bool | None = None
    project: _Project | None = None


class TaskHead(Named):
    createdDate: str = ""
    updatedDate: str = ""
    scope: str = ""
    authorIds: tuple[str, ...] = ()
    responsibleIds: tuple[str, ...] = ()
    sharedIds: tuple[str, ...] = ()
    followerIds: tuple[str, ...] = ()
    parentIds: tuple[str, ...] = ()
    superTaskIds: tuple[str, ...] = ()
    subTaskIds: tuple[str, ...] = ()
    dependencyIds: tuple[str, ...] = ()
    hasAttachments: bool | None = None
    customStatusId: str | None = None
    customFields: tuple[_Part, ...] = ()
    customItemTypeId: str | None = None


class CommentHead(Named):
    authorId: str | None = None
    taskId: str | None = None
    folderId: str | None = None


class AttachmentHead(CommentHead):
    type: str = ""
    url: str | None = None
    previewUrl: str | None = None
    playlistUrl: str | None = None


class TimelogHead(Named):
    userId: str | None = None
    taskId: str | None = None
    folderId: str | None = None


class _Decision(msgspec.Struct, gc=False):
    approverId: str | None = None


class ApprovalHead(CommentHead):
    decisions: tuple[_Decision, ...] = ()


class GroupHead(Named):
    memberIds: tuple[str, ...] = ()


class SpaceHead(Named):
    defaultProjectWorkflowId: str | None = None
    defaultTaskWorkflowId: str | None = None
    members: tuple[_Part, ...] = ()


class WorkflowHead(Named):
    customStatuses: tuple[_Part, ...] = ()


_SHAPES: dict[Kind, type[Named]] = {
    Kind.ACCOUNT: AccountHead,
    Kind.FOLDERS: FolderHead,
    Kind.TASKS: TaskHead,
    Kind.COMMENTS: CommentHead,
    Kind.ATTACHMENTS: AttachmentHead,
    Kind.TIMELOGS: TimelogHead,
    Kind.APPROVALS: ApprovalHead,
    Kind.GROUPS: GroupHead,
    Kind.SPACES: SpaceHead,
    Kind.WORKFLOWS: WorkflowHead,
}


def shape_of(kind: Kind) -> type[Named]:
    """What is decoded of a record of `kind`."""
    return _SHAPES.get(kind, Named)
