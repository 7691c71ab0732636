"""A generated account: record i of each kind follows from the seed and i, so that a million tasks cost no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec

from wrikebackup_core import Account, Kind, Record
from wrikebackup_mock import content, ids
from wrikebackup_mock.activity import Activity
from wrikebackup_mock.belongings import Belongings
from wrikebackup_mock.catalogue import Catalogue
from wrikebackup_mock.chance import Dice, moment
from wrikebackup_mock.ids import Ids
from wrikebackup_mock.people import People
from wrikebackup_mock.shape import Shape
from wrikebackup_mock.tree import Tree
from wrikebackup_mock.work import Work

VOLATILE = {Kind.ATTACHMENTS: ("url", "previewUrl")}
"""Members that the API answers differently each time, and that `records` therefore leaves out: the addresses of files that
Wrike stores, which are good for 24 hours. An external file's `url` is its content and stays."""

_encode = msgspec.json.Encoder().encode


class MockAccount:
    """An account that is the same for the same arguments, on every machine and at any time.

    `tasks` (20 to 5,000,000) sets the size of everything else; `attachments`, `comments`, `timelogs`, `folders` and `people` override
    it. `attachments` counts the newest versions of stored files on live items; old versions, external files and those
    in the recycle bin come on top. `attachment_size` gives every stored file that many bytes, save the two empty ones
    (numbers 5 and 35). `modern_attachments` gives the later attachments new-style ids, some differing only by case: Wrike says that
    more kinds may get them, and had not done so by October 2026. `generation` is how often the account has changed since.
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
            )
        )

    def _build(self, shape: Shape) -> None:
        dice = Dice(shape.seed)
        self.shape = shape
        self.ids = make = Ids(0x006A0000 + dice.roll("account", 0) % 0xFFFF)
        self.tree = Tree(make, shape)
        self.belongings = Belongings(make, shape, self.tree)
        self.people = People(make, shape, dice)
        self.catalogue = Catalogue(make, shape, [self.tree.folders.id(index) for index in range(shape.spaces)])
        parts = (make, shape, dice, self.tree, self.people, self.catalogue, self.belongings)
        self.work = Work(*parts)
        self.activity = Activity(*parts, self.work)
        self.account = Account(make.account, "Acme & Söhne 🚀")

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

    def dicts(self, kind: Kind, *, trashed: bool | None = None) -> Iterator[dict[str, Any]]:
        """The records of a kind as dicts; see `records`."""
        yield from self._makers(trashed)[kind]()

    def records(self, kind: Kind, *, trashed: bool | None = None) -> Iterator[Record]:
        """What a client gets that asks for everything: record by record, as compact JSON, members in the API's order.

        Everything means: all values of `fields` that the account-wide list takes; contacts also with `deleted=true` and, by their id, those
        who are in no list but named as an author; spaces also archived; item types also deleted; workflows also those that only
        their space lists; comments of both types; all versions of attachments; the `url` of external files. Not the `url` of
        stored files (see VOLATILE). `trashed` limits folders, tasks and what hangs on them to those that are (True) or
        are not (False) in the recycle bin; records there have the scope `RbFolder` or `RbTask`.
        """
        for made in self.dicts(kind, trashed=trashed):
            yield Record(_encode(made))

    def count(self, kind: Kind) -> int:
        """How many records `records` yields, without building those of the large kinds."""
        large = {
            Kind.FOLDERS: self.tree.folders.count,
            Kind.TASKS: self.tree.tasks.count,
            Kind.COMMENTS: self.belongings.comments.series.count - len(self.belongings.comments.gone),
            Kind.ATTACHMENTS: self.belongings.attachments.series.count - len(self.belongings.attachments.gone),
            Kind.TIMELOGS: self.belongings.timelogs.series.count,
            Kind.DEPENDENCIES: self.shape.dependencies,
            Kind.APPROVALS: self.shape.approvals,
            Kind.AUDIT_LOG: self.shape.audit,
        }
        return large[kind] if kind in large else sum(1 for _ in self.dicts(kind))

    def _makers(self, trashed: bool | None) -> dict[Kind, Callable[[], Iterable[dict[str, Any]]]]:
        people, catalogue, belongings, shape = self.people, self.catalogue, self.belongings, self.shape
        activity, work, tree = self.activity, self.work, self.tree

        def of(ranges: list[range], gone: set[int] = frozenset()) -> Iterator[int]:  # type: ignore[assignment]
            return (index for index in chain.from_iterable(ranges) if index not in gone)

        def owned(what: Any) -> Iterator[int]:
            return of(what.series.ranges(trashed=trashed), what.gone)

        return {
            Kind.ACCOUNT: lambda: [self.account_record()],
            Kind.CONTACTS: self._contacts,
            Kind.GROUPS: lambda: map(people.group, range(shape.groups)),
            Kind.INVITATIONS: people.invitations,
            Kind.ACCESS_ROLES: people.access_roles,
            Kind.JOB_ROLES: people.job_roles,
            Kind.WORKFLOWS: lambda: catalogue.workflows,
            Kind.CUSTOM_FIELDS: lambda: catalogue.custom_fields,
            Kind.CUSTOM_ITEM_TYPES: lambda: catalogue.item_types,
            Kind.SPACES: lambda: map(work.space, range(shape.spaces)),
            Kind.FOLDERS: lambda: map(work.folder, of(tree.folders.ranges(trashed=trashed))),
            Kind.TASKS: lambda: map(work.task, of(tree.tasks.ranges(trashed=trashed))),
            Kind.COMMENTS: lambda: map(activity.comment, owned(belongings.comments)),
            Kind.ATTACHMENTS: lambda: map(activity.attachment, owned(belongings.attachments)),
            Kind.TIMELOG_CATEGORIES: lambda: catalogue.categories,
            Kind.TIMELOGS: lambda: map(activity.timelog, owned(belongings.timelogs)),
            Kind.DEPENDENCIES: lambda: map(activity.dependency, range(shape.dependencies)),
            Kind.APPROVALS: lambda: map(activity.approval, range(shape.approvals)),
            Kind.FOLDER_BLUEPRINTS: lambda: catalogue.blueprints(ids.FOLDER_BLUEPRINT),
            Kind.TASK_BLUEPRINTS: lambda: catalogue.blueprints(ids.TASK_BLUEPRINT),
            Kind.AUDIT_LOG: lambda: map(activity.audit, range(shape.audit)),
        }

    def _contacts(self) -> Iterator[dict[str, Any]]:
        yield from map(self.people.contact, range(self.people.living))
        yield from map(self.people.group_contact, range(self.shape.groups))
        yield from map(self.people.contact, [*self.people.deleted, self.people.stranger])

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
