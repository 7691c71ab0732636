"""Comments or attachments of each task and folder in turn, where the account-wide list is refused.

Some plans refuse `GET /comments` with 403 although those of a single task may be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from wrikebackup_core import Forbidden, Gap, Kind, NotFound, Page, SourceError
from wrikebackup_wrike.answer import Answer, Named, head_of
from wrikebackup_wrike.crawl.by_id import is_safe
from wrikebackup_wrike.crawl.flight import answers
from wrikebackup_wrike.crawl.links import without_links
from wrikebackup_wrike.crawl.progress import Progress
from wrikebackup_wrike.crawl.queries import Query
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import FolderHead, TaskHead
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["by_item"]

_ENOUGH = 20  # refusals in a row, none accepted: then the kind as a whole is refused
_Item = tuple[int, str, str]


def by_item(crawl: Crawl, query: Query, saved: str | None, *, prefix: str) -> Iterator[Page]:
    """Yields a page for each task and folder; `prefix` marks the cursors.

    Raises what the first ones are refused with when it is all of them; single ones are gaps.
    """
    progress = Progress.load(saved) if saved else Progress()
    accepted, refused = progress.mark > 0, 0

    def ask(item: _Item) -> Answer[Named] | SourceError:
        _, parent, id_ = item
        path = f"/{parent}/{id_}/{query.kind}"
        try:
            return crawl.desk.ask(query.at(path), family=f"/{parent}/{{id}}/{query.kind}")
        except (Forbidden, NotFound, BadRequest) as error:
            return error

    take = _taker(crawl, query.kind, progress)
    for (position, _, id_), answer in answers(crawl.threads, crawl.width, take, ask):
        progress.done(position)
        cursor = prefix + progress.save()
        if isinstance(answer, SourceError):
            refused += 1
            if not accepted and refused >= _ENOUGH:
                raise answer
            yield Page((), cursor, gaps=(Gap(query.kind.value, id_, str(answer), answer.hint),))
            continue
        accepted = True
        crawl.survey.note(query.kind, answer.heads)
        records = without_links(answer) if query.kind is Kind.ATTACHMENTS else answer.records
        yield Page(records, cursor)


def _taker(crawl: Crawl, kind: Kind, progress: Progress) -> Callable[[], _Item | None]:
    """Gives what is not done yet, never far ahead of the oldest that is under way, so that cursors stay short."""
    items = _items(crawl, kind)
    ahead: list[_Item] = []

    def take() -> _Item | None:
        while not ahead:
            item = next(items, None)
            if item is None:
                return None
            if item[0] not in progress:
                ahead.append(item)
        return ahead.pop() if ahead[0][0] < progress.mark + 8 * crawl.width else None

    return take


def _items(crawl: Crawl, kind: Kind) -> Iterator[_Item]:
    """All tasks and folders that may have some of `kind`, numbered; the same numbers in every run."""
    tasks = (("tasks", id_) for id_ in _ids(crawl, Kind.TASKS, kind))
    folders = (("folders", id_) for id_ in _ids(crawl, Kind.FOLDERS, kind))
    for position, (parent, id_) in enumerate(chain(tasks, folders)):
        yield position, parent, id_


def _ids(crawl: Crawl, items: Kind, kind: Kind) -> Iterator[str]:
    if kind is not Kind.ATTACHMENTS:
        yield from filter(is_safe, crawl.crawled.ids(items))
        return
    for record in crawl.crawled.records(items):
        head = head_of(record, TaskHead) if items is Kind.TASKS else head_of(record, FolderHead)
        if head.hasAttachments is not False and is_safe(head.id):
            yield head.id
