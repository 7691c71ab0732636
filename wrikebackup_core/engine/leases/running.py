"""The leases of a backup's run, whose notes tell what is in the sinks as long as nobody else has been there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.leases.bearer import Bearer
from wrikebackup_core.engine.leases.hold import Hold
from wrikebackup_core.engine.leases.keeping import Leases, leases_for, memory_of
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Account
from wrikebackup_core.spool import Spool

__all__ = ["held"]


@contextlib.contextmanager
def held(job: Job, account: Account, spool: Spool) -> Iterator[Leases]:
    """Takes the lease of each sink, and renews it until the end. Where another has had one since this spool's last run, its notes are
    doubted from then on, whatever becomes of the run. Raises Locked, SinkError.
    """
    ledger = Ledger(spool, [sink.name for sink in job.sinks])
    bearer = Bearer("backup", spool.name, spool.facts().get("backup", ""), job.name)

    def hold(number: int, place: int) -> Hold:
        sink = job.sinks[place]
        distrust = partial(ledger.doubts.suspect, [number])
        careful = ledger.doubts.matters(number)
        memory = memory_of(job.state, account.id, sink)
        return Hold(sink, account.id, bearer, memory, distrust=distrust, careful=careful)

    leases = leases_for({number: hold(number, place) for place, number in enumerate(ledger.numbers)})
    leases.keep()
    done = False
    try:
        yield leases
        done = True
    finally:
        leases.release(lambda number: done or not ledger.doubts.matters(number))
