"""What a report tells: values, with nothing of how they look. Times are aware; sizes are bytes; lists go by age, the oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from wrikebackup_core.engine.prune import Place, State
from wrikebackup_core.format.coverage import Coverage, Group
from wrikebackup_core.model import Gap

__all__ = [
    "AccountFacts", "Compared", "Day", "DrillFacts", "Facts", "Holding", "KindChanges", "Level", "Mark", "ProfileFacts", "Remark", "SinkFacts",
    "Step", "Taken",
]  # fmt: skip


class Level(StrEnum):
    """How much somebody is needed: not at all, when there is time, now."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence of the verdict."""

    level: Level
    text: str
    hint: str | None = None


class Mark(StrEnum):
    """What a day of the calendar comes to. `PRUNED`: none is there any more, and what was taken then cannot be told; `IDLE`: none was due."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    PRUNED = "pruned"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    mark: Mark
    backups: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """One backup, in whichever sinks. `previous` is the uid of the one before it when it was begun. `encoded`: it is stored encrypted, so that
    its titles are not for a file that is not."""

    uid: str
    started: datetime
    state: State
    seconds: float = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    new_files: int = 0
    new_bytes: int = 0
    gaps: int = 0
    sinks: tuple[str, ...] = ()
    pinned: str | None = None
    encoded: bool = False
    previous: str | None = None

    @property
    def records(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Step:
    """From one complete backup to the next: how many more of each kind, or fewer. What was exchanged does not show in counts."""

    uid: str
    started: datetime
    by_kind: Mapping[str, int]
    files: int
    bytes: int
    new_files: int
    new_bytes: int


@dataclass(frozen=True, slots=True)
class KindChanges:
    """Records of one kind that two backups differ in, and titles of the first of each, where nothing hides them."""

    kind: str
    added: int
    removed: int
    changed: int
    first: tuple[tuple[str, str], ...] = ()
    """What (added, removed, changed) and a title."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two backups, record by record. `not_compared`: kinds and why."""

    old: str
    new: str
    kinds: tuple[KindChanges, ...] = ()
    not_compared: Mapping[str, str] = field(default_factory=dict)
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What one sink holds of one account. `bytes` are those of the backups' own folders, without attachments. `lacking` are backups that
    another sink has, `differing` those of which another has other contents, `locked_until` that of the newest complete one."""

    sink: str
    backups: int
    complete: int
    bytes: int
    oldest: datetime | None = None
    newest: datetime | None = None
    newest_complete: str | None = None
    unfinished: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    locked_until: datetime | None = None
    rolled_back: str | None = None


@dataclass(frozen=True, slots=True)
class SinkFacts:
    """`failed` is why nothing is known of it."""

    name: str
    failed: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """The last try to restore from a sink. `tried`: this host had all that it takes, such as the key."""

    sink: str
    when: datetime
    good: bool
    words: str = ""
    tried: bool = True
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One account. `gaps` are the first of those of the newest backup, `coverage` is that of the newest that has one, and `hidden` are the
    spaces that it names. `plan` has a place for each sink, `no_plan` why there is none."""

    id: str
    name: str
    backups: tuple[Taken, ...]
    holdings: tuple[Holding, ...]
    days: tuple[Day, ...] = ()
    usual: timedelta | None = None
    steps: tuple[Step, ...] = ()
    gaps: tuple[Gap, ...] = ()
    coverage: Coverage | None = None
    coverage_of: str | None = None
    hidden: tuple[Group, ...] = ()
    compared: Compared | None = None
    plan: tuple[Place, ...] = ()
    no_plan: str | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def complete(self) -> list[Taken]:
        return [one for one in self.backups if one.state is State.COMPLETE]

    @property
    def newest(self) -> Taken | None:
        """The newest that can be read."""
        return next((one for one in reversed(self.backups) if one.state is not State.UNREADABLE), None)


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """One profile. Of one that cannot be used there is nothing but a remark."""

    name: str
    level: Level
    remarks: tuple[Remark, ...] = ()
    objective: timedelta | None = None
    sinks: tuple[SinkFacts, ...] = ()
    accounts: tuple[AccountFacts, ...] = ()
    drills: tuple[DrillFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The whole report."""

    made: datetime
    version: str
    level: Level
    profiles: tuple[ProfileFacts, ...]
