"""How a profile stands now: what its sinks hold, what this host remembers of its runs, and what is wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wrikebackup_core.engine.standing import History, Notes, NotesFile, Place, here, judge, look
from wrikebackup_core.monitors import Ran, SinkStanding, Standing

if TYPE_CHECKING:
    from wrikebackup_core.engine.standing.looking import Look
    from wrikebackup_core.engine.standing.troubles import Judged
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import Profile

__all__ = ["Seen", "folder_of", "freshness", "see"]

_LEAST_SLACK = timedelta(hours=2)


@dataclass(slots=True)
class Seen:
    """`notes` are those that were read, `strange` what is odd about what this host remembers, in lines for people."""

    standing: Standing
    judged: Judged
    notes: Notes
    strange: list[str]
    look: Look


def folder_of(profile: Profile, plugins: Plugins) -> Path:
    """The profile's own state folder."""
    from wrikebackup_core.profile import part_context

    return Path(part_context(profile, plugins).state)


def freshness(profile: Profile, now: datetime) -> timedelta | None:
    """How old the newest complete backup may become: as the profile says, else the schedule's longest wait and a quarter more, since a
    backup takes its time; None where it says neither. With a `min_interval` of several waits, the first run after it is the next one."""
    if profile.objective is not None or profile.schedule is None:
        return profile.objective
    from wrikebackup_core.schedule import longest_wait

    wait = longest_wait(profile.schedule, now)
    if profile.min_interval is not None and profile.min_interval > wait:
        wait += profile.min_interval
    return wait + max(wait / 4, _LEAST_SLACK)


def see(
    profile: Profile,
    plugins: Plugins,
    *,
    seconds: float,
    ran: Ran | None = None,
    known: Look | None = None,
    hurried: bool = False,
) -> Seen:
    """Looks, for so many seconds at most, and judges. Writes nothing, and raises nothing of what the sinks or the state folder may do.

    `ran` is a run that has just ended, which may not be in the history; `known` is what was looked at already. Where it is
    `hurried`, a sink that does not answer in time need not be in trouble.
    """
    folder, now = folder_of(profile, plugins), datetime.now(UTC)
    notes, strange_notes = NotesFile(folder).read()
    strange = [strange_notes] if strange_notes else []
    runs = _runs(folder, strange)
    if ran is not None and ran not in runs:
        runs.append(ran)
    account = next((one.account_id for one in reversed(runs) if one.account_id is not None), None)
    seen = known or look(_places(profile, plugins, notes.sinks), account, seconds=seconds)
    standing = Standing(
        profile=profile.name,
        at=now,
        host=here()[0],
        account_id=seen.account,
        sinks=_with_drills(profile, seen),
        objective=freshness(profile, now),
        last_run=runs[-1] if runs else None,
        next_run=_next_run(profile, now),
    )
    judged = judge(notes.open, standing, runs, missed=seen.slow if hurried else ())
    return Seen(replace(standing, troubles=[one.trouble for one in judged.lasting]), judged, notes, strange, seen)


def _runs(folder: Path, strange: list[str]) -> list[Ran]:
    history = History(folder)
    try:
        runs, lines = history.runs()
    except OSError as error:
        strange.append(f"{history.path} cannot be read: {(error.strerror or str(error)).lower()}")
        return []
    if lines:
        strange.append(f"{history.path}: passed over {lines} line{'' if lines == 1 else 's'} that cannot be made out")
    return runs


def _places(profile: Profile, plugins: Plugins, names: Mapping[str, str]) -> Sequence[Place]:
    from wrikebackup_core.profile import part_context

    context = part_context(profile, plugins)
    kinds, places = Counter(part.kind for part in profile.sinks), list[Place]()
    for number, part in enumerate(profile.sinks, 1):
        written = json.dumps([part.kind, part.options.model_dump(mode="json")], sort_keys=True)
        label = part.kind if kinds[part.kind] == 1 else f"{part.kind} (sink {number})"
        make = partial(plugins.make_sink, part.kind, part.options, context)
        places.append(Place(names.get(written, label), written, make))
    return places


def _with_drills(profile: Profile, seen: Look) -> Sequence[SinkStanding]:
    from wrikebackup_core.engine.drill import drills_that_count

    counting, found = drills_that_count(profile.state), list[SinkStanding]()
    for one in seen.sinks:
        drills = [drill for drill in counting.get(one.sink, ()) if drill.last.account in ("", seen.account)]
        well = [drill.last_well.at for drill in drills if drill.last_well is not None]
        last = max((drill.last for drill in drills), key=lambda drill: drill.at, default=None)
        if last is None:
            found.append(one)
            continue
        told = replace(one, drilled=last.at, drill_words=last.words, drill_hint=last.hint)
        found.append(replace(told, drilled_well=max(well, default=None)))
    return found


def _next_run(profile: Profile, now: datetime) -> datetime | None:
    if profile.schedule is None:
        return None
    from wrikebackup_core.schedule import next_runs

    return next(next_runs(profile.schedule, now)).astimezone(UTC)
