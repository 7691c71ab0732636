"""The account once more, in another way: so that what one listing has lost, by pages that shifted or a fault of the server, is found.

Tasks come newest first instead of oldest first, folders from the tree instead of pages, attachments from windows that begin elsewhere,
time logs half a year at a time from the newest back, people without their types. It costs about as many requests as the first listing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from wrikebackup_core import Forbidden, Kind, Listed, NotFound, NotOffered, Page, Record
from wrikebackup_wrike.answer import Named, head_of
from wrikebackup_wrike.crawl.by_id import BATCH, RECYCLED, fetch, is_safe
from wrikebackup_wrike.crawl.links import without_links
from wrikebackup_wrike.crawl.listing import list_all
from wrikebackup_wrike.crawl.queries import BY_ID, FOLDER_TREE, LISTINGS, Query
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import AccountHead, FolderHead
from wrikebackup_wrike.crawl.survey import Survey
from wrikebackup_wrike.crawl.windowed import QUERIES, all_time, now, walked
from wrikebackup_wrike.crawl.windows import Window, seconds
from wrikebackup_wrike.refusals import BadRequest, NoSuchMethod

__all__ = ["look_up", "recount"]

_HALF_YEAR = 182 * 86_400
_ROOT = "WsRoot"
_COMMENTS, _ATTACHMENTS = QUERIES
_OLD_TYPES = {
    Kind.TASKS: "ApiV2Task",
    Kind.FOLDERS: "ApiV2Folder",
    Kind.ATTACHMENTS: "ApiV2Attachment",
    Kind.TIMELOGS: "ApiV2Timelog",
    Kind.CONTACTS: "ApiV2User",
}
_LOOKED_UP = BY_ID | {
    Kind.ATTACHMENTS: replace(_ATTACHMENTS, params={"versions": "true"}),
    Kind.TIMELOGS: Query("/timelogs", Kind.TIMELOGS),
}


class _Dated(Named):
    createdDate: str = ""  # noqa: N815 - Wrike's name


def recount(crawl: Crawl, kind: Kind) -> Iterator[Sequence[Listed]]:
    """Raises NotOffered for a kind without a second way, and what `Desk.ask` raises."""
    if kind is Kind.FOLDERS:
        heads = crawl.desk.ask(FOLDER_TREE, family="/folders as a tree").heads
        live = [head for head in heads if isinstance(head, FolderHead) and not head.scope.startswith((RECYCLED, _ROOT))]
        yield [Listed(head.id) for head in live]
        return
    for page in _pages(crawl, kind):
        yield [_listed(record) for record in page.records]


def _pages(crawl: Crawl, kind: Kind) -> Iterator[Page]:
    query = LISTINGS[kind][0] if kind in LISTINGS else _ATTACHMENTS
    if kind is Kind.TASKS:
        newest_first = {**query.params, "sortOrder": "Desc"}
        return list_all(crawl.desk, Survey(), [replace(query, params=newest_first, fields=())], None)
    if kind is Kind.CONTACTS:
        plain = [replace(query, params=params, fields=()) for params in ({}, {"deleted": "true"})]
        return list_all(crawl.desk, Survey(), plain, None)
    if kind is Kind.TIMELOGS:
        return _timelogs(crawl, query)
    if kind is Kind.ATTACHMENTS:
        return _attachments(crawl)
    raise NotOffered(f"there is no second way to list {kind}")


def _timelogs(crawl: Crawl, query: Query) -> Iterator[Page]:
    end, first = now(crawl), _began(crawl)
    while end > first:
        window = Window(max(0, end - _HALF_YEAR), end)
        dated = replace(query, params={**query.params, "createdDate": str(window)}, fields=())
        yield from list_all(crawl.desk, Survey(), [dated], None)
        end = window.start


def _began(crawl: Crawl) -> int:
    heads = [head_of(record, AccountHead) for record in crawl.crawled.records(Kind.ACCOUNT)]
    dates = [seconds(date) for head in heads for date in (head.createdDate, head.joinedDate)]
    return min((date for date in dates if date), default=0)


def _attachments(crawl: Crawl) -> Iterator[Page]:
    windows = all_time(crawl, Kind.ATTACHMENTS, shift=True)
    if not (yield from walked(crawl, Kind.ATTACHMENTS, windows)):
        raise NotOffered("attachments can be had item by item only")


def _listed(record: Record) -> Listed:
    head = head_of(record, _Dated)
    second = seconds(head.createdDate)
    return Listed(head.id, None if second is None else datetime.fromtimestamp(second, UTC))


def look_up(
    crawl: Crawl, kind: Kind, names: Sequence[str | int], by_item: frozenset[Kind]
) -> Iterator[tuple[Kind, Page]]:
    """Yields a page for each 100 names; for the kinds that were read item by item, one more for each item found.

    Raises NotOffered for a kind that cannot be asked for by id, and what `Desk.ask` raises.
    """
    query = _LOOKED_UP.get(kind)
    if query is None:
        raise NotOffered(f"{kind} cannot be asked for by id")
    for start in range(0, len(names), BATCH):
        some = names[start : start + BATCH]
        numbers = [name for name in some if isinstance(name, int)]
        wanted = [name for name in some if isinstance(name, str) and is_safe(name)]
        try:
            wanted += _ids_of(crawl, kind, numbers)
            found = fetch(crawl.desk, query, wanted) if wanted else None
        except NoSuchMethod as error:
            raise NotOffered(f"{kind} cannot be asked for by id: {error}") from None
        if found is not None:
            kept, recycled = found.split()
            crawl.survey.note(kind, [head for head, _ in kept])
            yield kind, Page([record for _, record in kept], recycled=recycled)
            for head, _ in kept if kind in (Kind.TASKS, Kind.FOLDERS) else ():
                yield from _belongings(crawl, kind, head.id, by_item)


def _ids_of(crawl: Crawl, kind: Kind, numbers: Sequence[int]) -> list[str]:
    """API ids of the numbers that the export has; those that the API does not know are left out."""
    if not numbers:
        return []
    query = Query("/ids", kind, {"type": _OLD_TYPES[kind], "ids": "[" + ",".join(map(str, numbers)) + "]"})
    try:
        return [head.id for head in crawl.desk.ask(query, family="/ids").heads if is_safe(head.id)]
    except NoSuchMethod:
        raise
    except (BadRequest, Forbidden, NotFound):
        if len(numbers) == 1:
            return []
    half = len(numbers) // 2
    return _ids_of(crawl, kind, numbers[:half]) + _ids_of(crawl, kind, numbers[half:])


def _belongings(crawl: Crawl, kind: Kind, id_: str, by_item: frozenset[Kind]) -> Iterator[tuple[Kind, Page]]:
    for query in QUERIES:
        if query.kind in by_item:
            path = f"/{kind}/{quote(id_, safe='')}/{query.kind}"
            answer = crawl.desk.ask(query.at(path), family=f"/{kind}/{{id}}/{query.kind}")
            crawl.survey.note(query.kind, answer.heads)
            records = without_links(answer) if query.kind is Kind.ATTACHMENTS else answer.records
            yield query.kind, Page(records)
