"""What a copy is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
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
        if all(one.failed is not None for one in self.targets):
            return ExitCode.LOCKED if all(one.locked for one in self.targets) else ExitCode.FAILED
        if self.flaws:
            return ExitCode.DAMAGED
        if self.gaps or any(one.failed is not None or one.refused for one in self.targets):
            return ExitCode.PARTIAL
        return ExitCode.DONE


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
    """What a copy would do."""

    source: str
    backups: tuple[Planned, ...]
    flaws: tuple[Flaw, ...]
    failed: dict[str, str]

    @property
    def exit_code(self) -> ExitCode:
        if self.failed and not self.backups:
            return ExitCode.FAILED
        if self.flaws:
            return ExitCode.DAMAGED
        return ExitCode.PARTIAL if self.failed else ExitCode.DONE


@dataclass(slots=True)
class Results:
    """What comes of a copy while it runs; `found` counts the backups that were looked at."""

    received: list[Received]
    flaws: list[Flaw] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)
    planned: list[Planned] = field(default_factory=list)
    found: int = 0
