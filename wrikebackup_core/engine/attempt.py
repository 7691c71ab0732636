"""What all stages of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from wrikebackup_core.engine.fanout import FanOut
from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.leases import Leases
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account, Event, Gap, GapFound, Kind
from wrikebackup_core.ports import Crawled, Source
from wrikebackup_core.spool import Spool
from wrikebackup_core.witnesses import Witness

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
    witness: Witness


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a backup, from the crawl to the commit."""

    job: Job
    run: RunView
    spool: Spool
    ledger: Ledger
    fan: FanOut
    notify: Callable[[Event], None]
    leases: Leases = field(default_factory=Leases)

    def miss(self, gap: Gap) -> None:
        """Records a gap, and tells of it the first time."""
        if self.spool.add_gap(gap):
            self.notify(GapFound(gap))

    def gaps(self, *numbers: int) -> tuple[Gap, ...]:
        """Those of the run, and files that these sinks alone do not hold as they should be."""
        gaps = self.spool.gaps()
        told = {gap.id for gap in gaps if gap.kind == Kind.ATTACHMENTS}
        for number in numbers:
            own = [
                Gap(Kind.ATTACHMENTS.value, *wanting)
                for wanting in self.ledger.wanting(number)
                if wanting[0] not in told
            ]
            told |= {gap.id for gap in own}
            gaps += own
        return tuple(gaps)
