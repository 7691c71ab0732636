"""The account's folders: pages of whole ones, by a filter that all of them pass; without one the API gives a tree of short entries.

Where an API refuses that filter, the tree says which folders there are, and each is read by its id.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from wrikebackup_core import Gap, Kind, Page, json_decoder
from wrikebackup_wrike.crawl.by_id import BATCH, RECYCLED, Found, fetch, is_safe
from wrikebackup_wrike.crawl.flight import answers
from wrikebackup_wrike.crawl.listing import list_all
from wrikebackup_wrike.crawl.queries import BY_ID, FOLDER_TREE, LISTINGS
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import FolderHead
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["list_folders"]

_log = logging.getLogger(__name__)
_ROOT = "WsRoot"


class _State(msgspec.Struct):
    """The cursor of the tree: the ids in it that led to no record of the backup. None in one of pages."""

    absent: list[str] | None = None


def list_folders(crawl: Crawl, cursor: str | None) -> Iterator[Page]:
    """Yields a page for each answer. Raises what `Desk.ask` raises."""
    absent = json_decoder(_State)(cursor).absent if cursor else None
    if absent is None:
        pages = list_all(crawl.desk, crawl.survey, LISTINGS[Kind.FOLDERS], cursor)
        try:
            first = next(pages, None)
        except BadRequest as error:
            _log.warning("%s; reading the tree of folders instead, and each by its id", error)
        else:
            if first is not None:
                yield first
            yield from pages
            return
    yield from _by_tree(crawl, set(absent or ()))


def _by_tree(crawl: Crawl, absent: set[str]) -> Iterator[Page]:
    tree = _tree(crawl)
    wanted = [id_ for id_ in crawl.crawled.missing(Kind.FOLDERS, tree) if id_ not in absent]
    unsafe = {id_ for id_ in wanted if not is_safe(id_)}
    if unsafe:
        absent |= unsafe
        yield Page((), _cursor(absent), gaps=[_gap(id_, "it is no id") for id_ in sorted(unsafe)])
    asked = [id_ for id_ in wanted if id_ not in unsafe]
    batches = iter([asked[start : start + BATCH] for start in range(0, len(asked), BATCH)])

    def ask(batch: Sequence[str]) -> Found:
        return fetch(crawl.desk, BY_ID[Kind.FOLDERS], batch)

    for batch, found in answers(crawl.threads, crawl.width, lambda: next(batches, None), ask):
        yield replace(_page(crawl, batch, found, absent), total=len(tree))


def _tree(crawl: Crawl) -> list[str]:
    """Ids of the folders outside the recycle bin. The root, which stands among them, is none: it cannot be read by its id."""
    heads = crawl.desk.ask(FOLDER_TREE).heads
    return [head.id for head in heads if isinstance(head, FolderHead) and not head.scope.startswith((RECYCLED, _ROOT))]


def _page(crawl: Crawl, batch: Sequence[str], found: Found, absent: set[str]) -> Page:
    kept, recycled = found.split()  # moved there since the tree was read, some of them
    crawl.survey.note(Kind.FOLDERS, [head for head, _ in kept])
    lost = set(batch) - {head.id for head in found.heads}
    absent |= lost.union(recycled)
    gaps = [_gap(id_, found.refused.get(id_, "the answer lacks it")) for id_ in sorted(lost)]
    return Page([record for _, record in kept], _cursor(absent), gaps=gaps, recycled=recycled)


def _cursor(absent: set[str]) -> str:
    return msgspec.json.encode(_State(sorted(absent))).decode()


def _gap(id_: str, why: object) -> Gap:
    return Gap(Kind.FOLDERS.value, id_, f"the tree of folders names it, and it cannot be read: {why}")
