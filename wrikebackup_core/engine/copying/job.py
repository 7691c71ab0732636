"""What a copy is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.ports import Sink

__all__ = ["Copied", "CopyJob", "CopyPlan", "Flaw", "Planned", "Received", "Results"]


@dataclass(frozen=True, slots=True)
class CopyJob:
    """From one open sink to others.

    `accounts` and `backups` choose: ids, and names or beginnings of names; empty for all. `state` is the folder for locks,
    `transfers` how many files may be in flight. `transforms` are the kinds that the profile has, and a copy does not apply.
    """

    source: Sink
    targets: Sequence[Sink]
    state: Path
    plugins: Plugins
    accounts: Sequence[str] = ()
    backups: Sequence[str] = ()
    transfers: int = 96
    transforms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with an object in one of the sinks, and the backup that is not copied for its sake."""

    sink: str
    backup_uid: str
    finding: Finding


@dataclass(slots=True)
class Received:
    """What one target has from the copy. Backups by uid, in the order in which they came.

    `copied` are committed by this run, `filled` were there and lacked objects, `skipped` were there whole. `refused` maps a uid to
    why it is not taken. `failed` is why the target takes no further part, None where it did to the end.
    """

    sink: str
    copied: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    failed: str | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Copied:
    """How a copy ended. `gaps` counts what the backups of Wrike's own tool lack, by uid."""

    source: str
    targets: tuple[Received, ...]
    flaws: tuple[Flaw, ...]
    gaps: dict[str, int]
    seconds: float

    @property
    def exit_code(self) -> ExitCode:
        return _exit_code(self.targets, self.flaws, self.gaps)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a copy would do with one backup in one target; `found` objects would be read back there and compared."""

    sink: str
    account: str
    backup_uid: str
    what: str
    files: int = 0
    bytes: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What a copy would do, and what of its end can be told before: of the `targets`, what they would refuse and which fail."""

    source: str
    backups: tuple[Planned, ...]
    targets: tuple[Received, ...]
    flaws: tuple[Flaw, ...]
    gaps: dict[str, int]

    @property
    def exit_code(self) -> ExitCode:
        return _exit_code(self.targets, self.flaws, self.gaps)


def _exit_code(targets: Sequence[Received], flaws: Sequence[Flaw], gaps: Mapping[str, int]) -> ExitCode:
    if all(one.failed is not None for one in targets):
        return ExitCode.LOCKED if all(one.locked for one in targets) else ExitCode.FAILED
    if flaws:
        return ExitCode.DAMAGED
    if gaps or any(one.failed is not None or one.refused for one in targets):
        return ExitCode.PARTIAL
    return ExitCode.DONE


@dataclass(slots=True)
class Results:
    """What comes of a copy while it runs; `found` counts the backups that were looked at."""

    received: list[Received]
    flaws: list[Flaw] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)
    planned: list[Planned] = field(default_factory=list)
    found: int = 0
