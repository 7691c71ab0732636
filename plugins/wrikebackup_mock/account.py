"""A generated account: record i of each kind follows from the seed and i, so that a million tasks cost no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import msgspec

from wrikebackup_core import Account, Kind, Record
from wrikebackup_mock import content, ids
from wrikebackup_mock.activity import Activity
from wrikebackup_mock.chance import moment
from wrikebackup_mock.parts import Parts
from wrikebackup_mock.series import Series
from wrikebackup_mock.shape import Shape
from wrikebackup_mock.work import Work

VOLATILE = {Kind.ATTACHMENTS: ("url", "previewUrl")}
"""Members that the API answers differently each time, and that `records` therefore leaves out: the addresses of files that
Wrike stores, which are good for 24 hours. An external file's `url` is its content and stays."""

_encode = msgspec.json.Encoder().encode

_Make = Callable[[int], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Listed:
    """The records of a kind: their indices, how one is built, and which there are no longer."""

    rows: list[range]
    make: _Make
    gone: set[int] = field(default_factory=set)


class MockAccount:
    """An account that is the same for the same arguments, on every machine and at any time.

    `tasks` (20 to 5,000,000) sets the size of everything else; `attachments`, `comments`, `timelogs`, `folders` and `people` override
    it. `attachments` counts the newest versions of stored files on live items; old versions, external files and those
    in the recycle bin come on top. `attachment_size` gives every stored file that many bytes, save the two empty ones
    (numbers 5 and 35). `modern_attachments` gives the later attachments new-style ids, some differing only by case: Wrike says that
    more kinds may get them, and had not done so by October 2026. `generation` is how often the account has changed since.
    So many `hidden_spaces` come on top, which the user cannot see: only the BI export knows what is in them.
    """

    def __init__(
        self,
        seed: int = 1,
        tasks: int = 50,
        attachments: int | None = None,
        attachment_size: int | None = None,
        *,
        comments: int | None = None,
        timelogs: int | None = None,
        folders: int | None = None,
        people: int | None = None,
        generation: int = 0,
        modern_attachments: bool = False,
        hidden_spaces: int = 0,
    ) -> None:
        self._build(
            Shape.of(
                seed=seed,
                tasks=tasks,
                attachments=attachments,
                attachment_size=attachment_size,
                comments=comments,
                timelogs=timelogs,
                folders=folders,
                people=people,
                generation=generation,
                modern_attachments=modern_attachments,
                hidden_spaces=hidden_spaces,
            )
        )

    def _build(self, shape: Shape) -> None:
        parts = Parts.of(shape)
        self.shape, self.ids, self.tree = shape, parts.ids, parts.tree
        self.belongings, self.people, self.catalogue = parts.belongings, parts.people, parts.catalogue
        self.work = Work(parts)
        self.activity = Activity(parts, self.work)
        self.account = Account(parts.ids.account, "Acme & Söhne 🚀")

    def changed(self, generation: int = 1) -> MockAccount:
        """The same account some days later. Each generation adds tasks, folders, comments, time logs, files and new versions of
        files, edits a task and a folder, and deletes one comment and one file.
        """
        other = object.__new__(MockAccount)
        other._build(self.shape.changed(generation))
        return other

    def account_record(self) -> dict[str, Any]:
        """With all optional members."""
        return {
            "id": self.account.id,
            "name": self.account.name,
            "dateFormat": "dd/MM/yyyy",
            "firstDayOfWeek": "Mon",
            "workDays": ["Mon", "Tue", "Wed", "Thu", "Fri"],
            "rootFolderId": self.work.root,
            "recycleBinId": self.work.bin,
            "createdDate": moment(self.shape.start),
            "joinedDate": moment(self.shape.start),
            "subscription": {"type": "Enterprise", "suspended": False, "paid": True, "userLimit": 10_000},
            "metadata": [{"key": "installed", "value": "yes"}],
            "customFields": [],
        }

    # The truth that a complete backup must equal

    def dicts(self, kind: Kind, *, trashed: bool | None = None, skip: int = 0) -> Iterator[dict[str, Any]]:
        """The records of a kind as dicts, but for the first `skip`; see `records`."""
        listed = self._listed(kind, trashed)
        indices = (index for index in chain.from_iterable(listed.rows) if index not in listed.gone)
        return map(listed.make, islice(indices, skip, None))

    def records(self, kind: Kind, *, trashed: bool | None = None) -> Iterator[Record]:
        """What a client gets that asks for everything: record by record, as compact JSON, members in the API's order.

        Everything means: all values of `fields` that the account-wide list takes; contacts also with `deleted=true` and, by
        their id, those who are in no list but named as an author; spaces also archived; item types also deleted; workflows also
        those that only their space lists; comments of both types; all versions of attachments; the `url` of external files. Not
        the `url` of stored files (see VOLATILE). `trashed` limits folders, tasks and what hangs on them to those that are
        (True) or are not (False) in the recycle bin; folders and tasks there have the scope `RbFolder` or `RbTask`.
        """
        for made in self.dicts(kind, trashed=trashed):
            yield Record(_encode(made))

    def count(self, kind: Kind, *, trashed: bool | None = None) -> int:
        """How many records `records` yields; builds none of them."""
        listed = self._listed(kind, trashed)
        return sum(len(row) for row in listed.rows) - (0 if trashed else len(listed.gone))

    def _listed(self, kind: Kind, trashed: bool | None) -> _Listed:
        belongings, shape, activity, work = self.belongings, self.shape, self.activity, self.work
        large: dict[Kind, tuple[Series, set[int], _Make]] = {
            Kind.FOLDERS: (self.tree.folders, set(), work.folder),
            Kind.TASKS: (self.tree.tasks, set(), work.task),
            Kind.COMMENTS: (belongings.comments.series, belongings.comments.gone, activity.comment),
            Kind.ATTACHMENTS: (belongings.attachments.series, belongings.attachments.gone, activity.attachment),
            Kind.TIMELOGS: (belongings.timelogs.series, set(), activity.timelog),
        }
        if kind in large:
            series, gone, make = large[kind]
            return _Listed(series.ranges(trashed=trashed), make, gone)
        plain: dict[Kind, tuple[int, _Make]] = {
            Kind.CONTACTS: (self.people.stranger + 1 + shape.groups, self._contact),
            Kind.GROUPS: (shape.groups, self.people.group),
            Kind.SPACES: (shape.spaces, work.space),
            Kind.DEPENDENCIES: (shape.dependencies, activity.dependency),
            Kind.APPROVALS: (shape.approvals, activity.approval),
            Kind.AUDIT_LOG: (shape.audit, activity.audit),
        }
        if kind in plain:
            count, make = plain[kind]
            return _Listed([range(count)], make)
        records = self._small(kind)
        return _Listed([range(len(records))], records.__getitem__)

    def _small(self, kind: Kind) -> list[dict[str, Any]]:
        """Kinds of which every account has a handful."""
        people, catalogue = self.people, self.catalogue
        makers: dict[Kind, Callable[[], list[dict[str, Any]]]] = {
            Kind.ACCOUNT: lambda: [self.account_record()],
            Kind.INVITATIONS: people.invitations,
            Kind.ACCESS_ROLES: people.access_roles,
            Kind.JOB_ROLES: people.job_roles,
            Kind.WORKFLOWS: lambda: catalogue.workflows,
            Kind.CUSTOM_FIELDS: lambda: catalogue.custom_fields,
            Kind.CUSTOM_ITEM_TYPES: lambda: catalogue.item_types,
            Kind.TIMELOG_CATEGORIES: lambda: catalogue.categories,
            Kind.FOLDER_BLUEPRINTS: lambda: catalogue.blueprints(ids.FOLDER_BLUEPRINT),
            Kind.TASK_BLUEPRINTS: lambda: catalogue.blueprints(ids.TASK_BLUEPRINT),
        }
        return makers[kind]()

    def _contact(self, index: int) -> dict[str, Any]:
        """People on the account, groups, then the deleted and the stranger."""
        groups = self.shape.groups
        if self.people.living <= index < self.people.living + groups:
            return self.people.group_contact(index - self.people.living)
        return self.people.contact(index if index < self.people.living else index - groups)

    # Files

    def find_file(self, attachment_id: str) -> int | None:
        """Index of the attachment; None where there is none (any more)."""
        index = self.belongings.attachments.series.find(attachment_id)
        return None if index is None or index in self.belongings.attachments.gone else index

    def content(self, attachment_id: str, offset: int = 0) -> tuple[int, Iterator[bytes]]:
        """Size of a stored file in bytes, and its bytes from `offset` on. Raises KeyError for any other id."""
        index = self.find_file(attachment_id)
        size = -1 if index is None else self.activity.file_size(index)
        if size < 0:
            raise KeyError(attachment_id)
        return size, content.pieces(attachment_id, size, offset)

    def sha256(self, attachment_id: str) -> str:
        """Of the whole file, in hexadecimal. Raises KeyError for what is not a stored file."""
        size, _ = self.content(attachment_id)
        return content.sha256(attachment_id, size)

    def files(self, *, versions: bool = False, trashed: bool = False) -> Iterator[tuple[str, str, int]]:
        """Id, name and size of the stored files: the newest versions on live items, with `versions` the older ones, with `trashed`
        those in the bin too.
        """
        belongings, activity = self.belongings, self.activity
        series = belongings.attachments.series
        for index in chain.from_iterable(series.ranges(trashed=None if trashed else False)):
            if index in belongings.attachments.gone:
                continue
            file = belongings.file(index)
            if not file.external and (versions or file.newest == index):
                yield series.id(index), activity.file_name(index), activity.file_size(index)
