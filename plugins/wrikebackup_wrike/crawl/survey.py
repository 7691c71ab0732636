"""What the records name: people, statuses, fields, folders, the first date. Collected while they pass by.

A run that goes on where another was killed has not seen everything pass by; what it missed it reads back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from wrikebackup_core import Crawled, Kind
from wrikebackup_wrike.answer import Named, head_of
from wrikebackup_wrike.crawl.shapes import (
    ApprovalHead,
    CommentHead,
    FolderHead,
    GroupHead,
    SpaceHead,
    TaskHead,
    TimelogHead,
    WorkflowHead,
    shape_of,
)

__all__ = ["Names", "Survey"]


class Names:
    """What the records of one kind name."""

    def __init__(self) -> None:
        self.earliest = self.latest = ""
        self.contacts: set[str] = set()
        self.statuses: set[str] = set()
        self.workflows: set[str] = set()
        self.fields: set[str] = set()
        self.item_types: set[str] = set()
        self.folders: set[str] = set()
        self.homes: set[str] = set()
        """Folders that comments, attachments or time logs belong to."""
        self.dependent = False
        self.links = 0
        """The sum of all links of tasks to subtasks, less those of subtasks to tasks: 0 when each was seen from both ends, so
        that no task is missing which another names."""

    def add(self, head: Named) -> None:
        if isinstance(head, TaskHead):
            self._task(head)
        elif isinstance(head, FolderHead):
            self._folder(head)
        elif isinstance(head, CommentHead):  # attachments and approvals too
            self._people((head.authorId,))
            self._home(head)
            if isinstance(head, ApprovalHead):
                self._people(decision.approverId for decision in head.decisions)
        elif isinstance(head, TimelogHead):
            self._people((head.userId,))
            self._home(head)
        elif isinstance(head, GroupHead):
            self.contacts.update(head.memberIds)
        elif isinstance(head, SpaceHead):
            self._space(head)
        elif isinstance(head, WorkflowHead):
            self.workflows.add(head.id)
            self.statuses.update(status.id for status in head.customStatuses)

    def _people(self, ids: Iterable[str | None]) -> None:
        self.contacts.update(id_ for id_ in ids if id_)

    def _home(self, head: CommentHead | TimelogHead) -> None:
        if head.folderId and not head.taskId:
            self.homes.add(head.folderId)

    def _dates(self, created: str, updated: str) -> None:
        if created and (not self.earliest or created < self.earliest):
            self.earliest = created
        self.latest = max(self.latest, created, updated)

    def _task(self, head: TaskHead) -> None:
        self._dates(head.createdDate, head.updatedDate)
        self.contacts.update(head.authorIds, head.responsibleIds, head.sharedIds, head.followerIds)
        self.folders.update(head.parentIds)
        if head.customStatusId:
            self.statuses.add(head.customStatusId)
        if head.customItemTypeId:
            self.item_types.add(head.customItemTypeId)
        self.fields.update(field.id for field in head.customFields)
        for other in head.subTaskIds:
            self.links += hash((head.id, other))
        for other in head.superTaskIds:
            self.links -= hash((other, head.id))
        self.dependent = self.dependent or bool(head.dependencyIds)

    def _folder(self, head: FolderHead) -> None:
        self._dates(head.createdDate, head.updatedDate)
        self.contacts.update(head.sharedIds)
        self.folders.update(head.parentIds)
        self.folders.update(head.childIds)
        if head.workflowId:
            self.workflows.add(head.workflowId)
        if head.customItemTypeId:
            self.item_types.add(head.customItemTypeId)
        self.fields.update(field.id for field in head.customFields)
        if head.project is not None:
            self._people((head.project.authorId, *head.project.ownerIds))
            if head.project.customStatusId:
                self.statuses.add(head.project.customStatusId)

    def _space(self, head: SpaceHead) -> None:
        self.folders.add(head.id)
        self._people(member.id for member in head.members)
        self.workflows.update(id_ for id_ in (head.defaultTaskWorkflowId, head.defaultProjectWorkflowId) if id_)


class Survey:
    """What each kind names. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[Kind, Names] = {}
        self._partial: set[Kind] = set()
        self._locks: dict[Kind, threading.Lock] = {}

    def begin(self, kind: Kind, *, from_start: bool) -> None:
        """A listing of `kind` starts; unless from its start, the survey of the kind stays partial."""
        with self._lock:
            if from_start:
                self._names[kind] = Names()
                self._partial.discard(kind)
            else:
                self._partial.add(kind)

    def note(self, kind: Kind, heads: Sequence[Named]) -> None:
        """Records of `kind` pass by. Only the thread that reads the kind calls this."""
        if (names := self._names.get(kind)) is not None:
            for head in heads:
                names.add(head)

    def of(self, kind: Kind, crawled: Crawled) -> Names:
        """What the records of `kind` name; reads them back where not all of them passed by here."""
        with self._lock:
            lock = self._locks.setdefault(kind, threading.Lock())
        with lock:
            if kind not in self._names or kind in self._partial:
                names = Names()
                for record in crawled.records(kind):
                    names.add(head_of(record, shape_of(kind)))
                self._names[kind] = names
                self._partial.discard(kind)
            return self._names[kind]
