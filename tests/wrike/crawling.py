"""Crawling as a run does, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from wrikebackup_core import Kind, Page, Record
from wrikebackup_core.testing import MemoryCrawled
from wrikebackup_wrike.source import WrikeSource

TOKEN = "eyJ0dCI6InAi.secret.token"
LISTS, BY_TASK, ITEMS, NAMES = range(4)

MakeSource = Callable[..., WrikeSource]


def read(source: WrikeSource, kind: Kind, wave: int, crawled: MemoryCrawled, cursor: str | None = None) -> list[Page]:
    """The pages of one kind, added to `crawled` as they come."""
    pages = []
    for page in source.pages(kind, wave, crawled, cursor):
        crawled.add(kind, page.records)
        crawled.reach(kind, wave, page.cursor)
        pages.append(page)
    return pages


def known(**records: Sequence[Any]) -> MemoryCrawled:
    """What a crawl has brought so far: `known(tasks=[{...}])`."""
    crawled = MemoryCrawled()
    for kind, items in records.items():
        crawled.add(Kind(kind), [Record(json.dumps(item).encode()) for item in items])
    return crawled


def ids(pages: Sequence[Page]) -> list[str]:
    return [json.loads(record)["id"] for page in pages for record in page.records]
