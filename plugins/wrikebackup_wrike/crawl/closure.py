"""What the records name and no list brought: looked up by id, so that nothing in a backup points nowhere without need.

Asks nothing when nothing is missing. What lies in the recycle bin is told apart, and is no part of the backup.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from wrikebackup_core import Crawled, Kind, Page
from wrikebackup_wrike.answer import Named, head_of
from wrikebackup_wrike.crawl.by_id import BATCH, Found, fetch, is_safe
from wrikebackup_wrike.crawl.flight import answers
from wrikebackup_wrike.crawl.queries import BY_ID
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import AccountHead, TaskHead
from wrikebackup_wrike.refusals import NoSuchMethod

__all__ = ["Closure", "virtual_folders"]

_log = logging.getLogger(__name__)
_CHILDREN = (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS)
_HOPELESS = 200  # ids refused, none found: what is named is not for this token to see


class Closure:
    """The look-ups of one crawl. Safe from any thread: one a kind."""

    def __init__(self, crawl: Crawl) -> None:
        self._crawl = crawl
        self._lock = threading.Lock()
        self._orphans: dict[Kind, set[str]] | None = None

    def pages(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        """Yields a page for each 100 ids. The cursor holds the ids that led to nothing."""
        absent = set(msgspec.json.decode(cursor, type=list[str])) if cursor else set()
        wanted = self._wanted(kind)
        asked: set[str] = set()
        hopeful = False
        while ids := sorted(set(self._missing(kind, wanted)) - absent - asked):
            asked.update(ids)
            wanted = set()
            for found, batch in self._fetch(kind, ids):
                hopeful = hopeful or bool(found.heads)
                kept, recycled = found.split()
                absent.update(set(batch) - {head.id for head, _ in kept})
                wanted.update(_relatives(head for head, _ in kept))
                self._crawl.survey.note(kind, [head for head, _ in kept])
                cursor = msgspec.json.encode(sorted(absent)).decode()
                yield Page([record for _, record in kept], cursor, recycled=recycled)
                if not hopeful and len(absent) >= _HOPELESS:
                    _log.warning("%s: the records name %d that the API does not show", kind, len(ids))
                    return

    def _fetch(self, kind: Kind, ids: list[str]) -> Iterator[tuple[Found, Sequence[str]]]:
        batches = iter([ids[start : start + BATCH] for start in range(0, len(ids), BATCH)])

        def ask(batch: Sequence[str]) -> Found:
            return fetch(self._crawl.desk, BY_ID[kind], batch)

        try:
            for batch, found in answers(self._crawl.threads, self._crawl.width, lambda: next(batches, None), ask):
                yield found, batch
        except NoSuchMethod as error:
            _log.warning("%s", error)

    def _missing(self, kind: Kind, ids: Iterable[str]) -> Sequence[str]:
        return self._crawl.crawled.missing(kind, filter(is_safe, ids))

    def _wanted(self, kind: Kind) -> set[str]:
        """Ids of `kind` that other records name; those that are crawled may be among them."""
        if kind is Kind.TASKS:
            return self._parents()[Kind.TASKS] | self._relatives_unseen()
        names = [self._crawl.survey.of(of, self._crawl.crawled) for of in _NAMED_BY[kind]]
        if kind is Kind.FOLDERS:
            wanted = self._parents()[Kind.FOLDERS].union(*(found.folders for found in names))
            return wanted - virtual_folders(self._crawl.crawled)
        if kind is Kind.CONTACTS:
            people = set[str]().union(*(found.contacts for found in names))
            return set(self._crawl.crawled.missing(Kind.GROUPS, people))
        if kind is Kind.CUSTOM_FIELDS:
            return set[str]().union(*(found.fields for found in names))
        return set[str]().union(*(found.item_types for found in names))

    def _parents(self) -> dict[Kind, set[str]]:
        """Tasks and folders that comments, attachments and time logs belong to, and that are not crawled."""
        with self._lock:
            if self._orphans is None:
                self._orphans = _orphans(self._crawl)
            return self._orphans

    def _relatives_unseen(self) -> set[str]:
        if self._crawl.survey.of(Kind.TASKS, self._crawl.crawled).links == 0:
            return set()
        crawled = self._crawl.crawled
        tasks = (head_of(record, TaskHead) for record in crawled.records(Kind.TASKS))
        return set(
            crawled.missing(Kind.TASKS, (id_ for head in tasks for id_ in (*head.superTaskIds, *head.subTaskIds)))
        )


_NAMED_BY: dict[Kind, tuple[Kind, ...]] = {
    Kind.FOLDERS: (Kind.TASKS, Kind.FOLDERS, Kind.SPACES),
    Kind.CONTACTS: (
        Kind.TASKS,
        Kind.FOLDERS,
        Kind.SPACES,
        Kind.GROUPS,
        Kind.COMMENTS,
        Kind.ATTACHMENTS,
        Kind.TIMELOGS,
        Kind.APPROVALS,
    ),
    Kind.CUSTOM_FIELDS: (Kind.TASKS, Kind.FOLDERS),
    Kind.CUSTOM_ITEM_TYPES: (Kind.TASKS, Kind.FOLDERS),
}


def virtual_folders(crawled: Crawled) -> set[str]:
    """The account's root and its recycle bin: folders by name only, which the API does not give by id."""
    heads = [head_of(record, AccountHead) for record in crawled.records(Kind.ACCOUNT)]
    return {id_ for head in heads for id_ in (head.rootFolderId, head.recycleBinId)}


def _orphans(crawl: Crawl) -> dict[Kind, set[str]]:
    orphans: dict[Kind, set[str]] = {Kind.TASKS: set(), Kind.FOLDERS: set()}
    crawled = crawl.crawled
    for kind in _CHILDREN:
        unknown = set(crawled.missing(Kind.FOLDERS, crawled.missing(Kind.TASKS, crawled.parents(kind))))
        if unknown:
            folders = unknown & crawl.survey.of(kind, crawled).homes
            orphans[Kind.FOLDERS] |= folders
            orphans[Kind.TASKS] |= unknown - folders
    return orphans


def _relatives(heads: Iterable[Named]) -> set[str]:
    """Further tasks that the tasks just found name."""
    return {id_ for head in heads if isinstance(head, TaskHead) for id_ in (*head.superTaskIds, *head.subTaskIds)}
