"""What all listings share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from wrikebackup_core import Crawled
from wrikebackup_wrike.crawl.queries import Desk
from wrikebackup_wrike.crawl.survey import Survey

__all__ = ["Crawl"]


@dataclass(frozen=True, slots=True)
class Crawl:
    """One crawl under way. `width` is how many requests of one kind may be in flight in `threads`, and `lists` how many lists are
    being read page after page at the moment."""

    desk: Desk
    survey: Survey
    crawled: Crawled
    threads: Executor
    width: int
    lists: Callable[[], int] = lambda: 0
