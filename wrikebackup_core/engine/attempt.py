"""What all stages of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from wrikebackup_core.engine.fanout import FanOut
from wrikebackup_core.engine.job import Job
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, Event, Gap, GapFound
from wrikebackup_core.ports import Crawled, Source
from wrikebackup_core.spool import Spool

__all__ = ["Attempt", "RunView"]


@dataclass(frozen=True, slots=True)
class RunView:
    """What transforms and hooks see of a run; `resumed` tells whether an earlier attempt began it."""

    profile: str
    account: Account
    backup_uid: str
    started: datetime
    source: Source
    crawled: Crawled
    resumed: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a backup, from the crawl to the commit."""

    job: Job
    run: RunView
    spool: Spool
    ledger: Ledger
    fan: FanOut
    notify: Callable[[Event], None]

    def miss(self, gap: Gap) -> None:
        """Records a gap, and tells of it the first time."""
        if self.spool.add_gap(gap):
            self.notify(GapFound(gap))
