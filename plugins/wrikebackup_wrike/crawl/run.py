"""What all listings share."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from wrikebackup_core import Crawled
from wrikebackup_wrike.crawl.queries import Desk
from wrikebackup_wrike.crawl.survey import Survey

__all__ = ["Crawl"]


@dataclass(frozen=True, slots=True)
class Crawl:
    """One crawl under way. `width` is how many requests of one kind may be in flight in `threads`."""

    desk: Desk
    survey: Survey
    crawled: Crawled
    threads: Executor
    width: int
