"""The second listing: each kind once more in another way, as far as the source knows one."""

from __future__ import annotations

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.coverage.told import Told
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import NotOffered, SourceError
from wrikebackup_core.model import Kind, Message, StageFinished, StageProgress, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Recounting

__all__ = ["RECOUNTED", "recount"]

STAGE = "recount"
RECOUNTED = (Kind.TASKS, Kind.FOLDERS, Kind.CONTACTS, Kind.ATTACHMENTS, Kind.TIMELOGS)


def recount(attempt: Attempt, told: Told) -> list[Kind]:
    """Lists what is not listed a second time yet. Returns the kinds of which a second listing is whole.

    One that cannot be had is told of: a backup is no worse for it, and only less proven.
    """
    source = attempt.job.source
    if not isinstance(source, Recounting):
        return []
    refused = {gap.kind for gap in attempt.spool.gaps() if gap.id is None}
    kinds = [kind for kind in RECOUNTED if kind not in attempt.job.skip and kind not in refused]
    crawled = {kind for wave in attempt.job.source.waves() for kind in wave}
    missing = [kind for kind in kinds if kind in crawled and not told.listing(kind)]
    if missing:
        attempt.notify(StageStarted(STAGE))
        each(missing, lambda kind: _list(attempt, told, source, kind), threads=len(missing), name=STAGE)
        attempt.notify(StageFinished(STAGE, f"{plural(len(missing), 'kind')} listed once more"))
    return [kind for kind in kinds if told.listing(kind)]


def _list(attempt: Attempt, told: Told, source: Recounting, kind: Kind) -> None:
    told.start_listing(kind)
    count = 0
    try:
        for listed in source.recount(kind, attempt.spool):
            told.add_listed(kind, listed)
            count += len(listed)
            attempt.notify(StageProgress(STAGE, kind.value, count))
    except NotOffered:
        return
    except SourceError as error:
        attempt.notify(Message(f"{kind} cannot be listed a second time, and are not compared: {error}", warning=True))
        return
    told.finish_listing(kind)
