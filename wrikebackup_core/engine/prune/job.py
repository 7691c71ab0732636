"""What a prune is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from wrikebackup_core.engine.prune.deciding import State
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.ports import Sink
from wrikebackup_core.transforms import Transform

__all__ = ["Attachments", "Place", "PruneJob", "Pruned", "Remains", "Verdict"]


@dataclass(frozen=True, slots=True)
class PruneJob:
    """The sinks and the transforms of a profile, open. `account` chooses one where a sink has several. `state` is the folder for locks."""

    sinks: Sequence[Sink]
    state: Path
    plugins: Plugins
    transforms: Sequence[Transform]
    account: str | None = None


@dataclass(slots=True)
class Verdict:
    """One backup: whether it stays, why, and the objects and bytes in its own folder. `deleted` as soon as it is no backup any more."""

    backup_uid: str
    started: datetime
    state: State
    keep: bool
    reasons: tuple[str, ...]
    objects: int
    bytes: int
    deleted: bool = False


@dataclass(slots=True)
class Remains:
    """A folder without a manifest: of a backup that is not finished, or not wholly deleted."""

    backup_uid: str
    keep: bool
    reason: str
    objects: int
    bytes: int
    deleted: bool = False


@dataclass(slots=True)
class Attachments:
    """Those that no backup that stays names: their number and bytes. `locked` more are, too, and cannot go before `locked_until`.

    `stay` says why none of them can go, one line for each reason; then nobody has looked for them.
    """

    files: int = 0
    bytes: int = 0
    locked: int = 0
    locked_until: datetime | None = None
    stay: list[str] = field(default_factory=list)
    deleted: bool = False


@dataclass(slots=True)
class Place:
    """One account in one sink, with the plan and what became of it. Backups go by age, the oldest first.

    `failed` is why it was not looked through or worked through to the end. `damaged`: something was found that is not as it should be.
    """

    sink: str
    account: str
    backups: list[Verdict] = field(default_factory=list)
    remains: list[Remains] = field(default_factory=list)
    attachments: Attachments = field(default_factory=Attachments)
    failed: str | None = None
    hint: str | None = None
    busy: bool = False
    damaged: bool = False

    @property
    def goes(self) -> list[Verdict | Remains]:
        every: list[Verdict | Remains] = [*self.backups, *self.remains]
        return [one for one in every if not one.keep]

    @property
    def bytes(self) -> int:
        """What is to be free afterwards."""
        return sum(one.bytes for one in self.goes) + self.attachments.bytes


@dataclass(frozen=True, slots=True)
class Pruned:
    """A plan, or with `done` what was made of it."""

    places: tuple[Place, ...]
    done: bool
    seconds: float

    @property
    def empty(self) -> bool:
        """Whether all sinks were looked into, and hold nothing."""
        return not self.anything and not any(place.backups or place.failed is not None for place in self.places)

    @property
    def anything(self) -> bool:
        """Whether there is anything to delete."""
        return any(place.goes or place.attachments.files for place in self.places)

    @property
    def exit_code(self) -> ExitCode:
        failed = [place for place in self.places if place.failed is not None]
        if failed and len(failed) == len(self.places):
            return ExitCode.LOCKED if all(place.busy for place in failed) else ExitCode.FAILED
        if any(place.damaged for place in self.places):
            return ExitCode.DAMAGED
        return ExitCode.PARTIAL if failed else ExitCode.DONE
