"""Workflows of single spaces, which the account's list may not bring: asked for only where a status is unknown."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wrikebackup_core import Forbidden, Kind, NotFound, Page
from wrikebackup_wrike.answer import head_of
from wrikebackup_wrike.crawl.by_id import is_safe
from wrikebackup_wrike.crawl.queries import LISTINGS
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import SpaceHead, WorkflowHead
from wrikebackup_wrike.crawl.survey import Names
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["space_workflows"]

_FAMILY = "/spaces/{id}/workflows"


def space_workflows(crawl: Crawl, cursor: str | None) -> Iterator[Page]:
    """Asks space after space, those with an unknown workflow first, until every status is known. The cursor holds the spaces asked."""
    asked = msgspec.json.decode(cursor, type=list[str]) if cursor else []
    workflows, statuses = _unknown(crawl)
    if not workflows and not statuses:
        return
    spaces = [head_of(record, SpaceHead) for record in crawl.crawled.records(Kind.SPACES)]
    spaces.sort(key=lambda space: not workflows & _defaults(space))
    for space in spaces:
        if space.id in asked or not is_safe(space.id):
            continue
        if not statuses and not workflows & _defaults(space):
            continue
        asked.append(space.id)
        query = LISTINGS[Kind.WORKFLOWS][0].at(f"/spaces/{space.id}/workflows")
        try:
            answer = crawl.desk.ask(query, family=_FAMILY)
        except (Forbidden, NotFound, BadRequest):
            continue
        names = Names()
        for head in answer.heads:
            names.add(head)
        workflows -= names.workflows
        statuses -= names.statuses
        yield Page(answer.records, msgspec.json.encode(asked).decode())


def _defaults(space: SpaceHead) -> set[str | None]:
    return {space.defaultTaskWorkflowId, space.defaultProjectWorkflowId}


def _unknown(crawl: Crawl) -> tuple[set[str], set[str]]:
    """Workflows that spaces and folders name, and statuses that tasks and projects have, less those crawled."""
    tasks, folders, spaces = (crawl.survey.of(kind, crawl.crawled) for kind in (Kind.TASKS, Kind.FOLDERS, Kind.SPACES))
    known = Names()
    for record in crawl.crawled.records(Kind.WORKFLOWS):
        known.add(head_of(record, WorkflowHead))
    return (folders.workflows | spaces.workflows) - known.workflows, (
        tasks.statuses | folders.statuses
    ) - known.statuses
