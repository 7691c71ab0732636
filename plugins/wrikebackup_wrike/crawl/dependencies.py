"""Dependencies, which the API lists for no account: their ids stand in the tasks at both of their ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

import msgspec

from wrikebackup_core import Forbidden, Gap, Kind, Page
from wrikebackup_wrike.answer import Named, head_of
from wrikebackup_wrike.crawl.by_id import BATCH, Found, fetch, is_safe
from wrikebackup_wrike.crawl.flight import answers
from wrikebackup_wrike.crawl.queries import BY_ID
from wrikebackup_wrike.crawl.run import Crawl

__all__ = ["dependencies"]

_REMEMBERED = 100_000
_LOOKED_UP = 500


class _Dependent(Named):
    dependencyIds: tuple[str, ...] = ()  # noqa: N815 - Wrike's name


class _Batch(msgspec.Struct):
    """Ids to ask for; with them, all ids in the first `tasks` tasks are asked for."""

    ids: list[str]
    tasks: int


def dependencies(crawl: Crawl, cursor: str | None) -> Iterator[Page]:
    """Yields a page for each 100 dependencies. The cursor counts the tasks whose dependencies are all there."""
    seen = int(cursor) if cursor else 0
    if not crawl.survey.of(Kind.TASKS, crawl.crawled).dependent:
        return
    batches = _batches(crawl, seen)
    flying: deque[_Batch] = deque()
    ended: set[int] = set()

    def take() -> _Batch | None:
        if (batch := next(batches, None)) is not None:
            flying.append(batch)
        return batch

    def ask(batch: _Batch) -> Found:
        return fetch(crawl.desk, BY_ID[Kind.DEPENDENCIES], batch.ids)

    for batch, found in answers(crawl.threads, crawl.width, take, ask):
        ended.add(id(batch))
        while flying and id(flying[0]) in ended:
            ended.remove(id(flying[0]))
            seen = flying.popleft().tasks
        gaps = [
            Gap(Kind.DEPENDENCIES.value, id_, str(error), error.hint)
            for id_, error in found.refused.items()
            if isinstance(error, Forbidden)
        ]
        yield Page(found.records, str(seen), gaps=gaps)


def _batches(crawl: Crawl, skip: int) -> Iterator[_Batch]:
    """What is not crawled yet, each id once: one met again is among the records by then, or was asked for not long ago."""
    asked: dict[str, None] = {}
    waiting: list[str] = []
    tasks = skip
    records = islice(crawl.crawled.records(Kind.TASKS), skip, None)
    while chunk := list(islice(records, _LOOKED_UP)):
        named = [id_ for record in chunk for id_ in head_of(record, _Dependent).dependencyIds if is_safe(id_)]
        fresh = [id_ for id_ in dict.fromkeys(named) if id_ not in asked]
        asked.update(dict.fromkeys(fresh))
        while len(asked) > _REMEMBERED:
            del asked[next(iter(asked))]
        waiting.extend(crawl.crawled.missing(Kind.DEPENDENCIES, fresh))
        while len(waiting) >= BATCH:
            ids, waiting = waiting[:BATCH], waiting[BATCH:]
            yield _Batch(ids, tasks)
        tasks += len(chunk)
    if waiting:
        yield _Batch(waiting, tasks)
