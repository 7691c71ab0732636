"""What `doctor` tells of other runs: one that has the account in a sink now, or was killed there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from wrikebackup_core.ports import Check, Sink, Source

__all__ = ["account_of", "other_runs"]


def account_of(make: Callable[[], Source]) -> str | None:
    """The source's, where it can be had; what is wrong with the source is told beside it."""
    with contextlib.suppress(Exception), contextlib.closing(make()) as source:
        return source.account().id
    return None


def other_runs(make: Callable[[], Sink], account: Callable[[], str | None]) -> Iterator[Check]:
    """Nothing where there is none, or the sink is out of reach, which is told beside it."""
    from wrikebackup_core.engine.leases import looking
    from wrikebackup_core.engine.leases.unlocking import described

    id_, found = account(), None
    with contextlib.suppress(Exception), contextlib.closing(make()) as sink:
        found = None if id_ is None else looking.lying(sink, id_)
    if found is not None:
        over = found.is_over(looking.now())
        hint = "the next run takes it away" if over else "runs are refused until it ends; a dead one ends in 20 minutes"
        yield Check("other runs", None, described(found), hint)
