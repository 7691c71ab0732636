"""What a run is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format.coverage import Coverage
from wrikebackup_core.model import Account, AttachmentMode, CoverageMode, Gap, Kind
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.ports import Sink, Source
from wrikebackup_core.transforms import Transform

if TYPE_CHECKING:
    from wrikebackup_core.engine.prune import Pruned

__all__ = ["DryRun", "Job", "Outcome"]


@dataclass(frozen=True, slots=True)
class Job:
    """One profile, ready to run: its parts are open, its secrets resolved where they are needed.

    `state` is the folder for spools. `transfers` is how many files may be in flight. `fingerprint` changes when the profile
    changes in a way that makes what a killed run has read useless.
    """

    name: str
    source: Source
    source_kind: str
    sinks: Sequence[Sink]
    state: Path
    plugins: Plugins
    transforms: Sequence[Transform] = ()
    attachments: AttachmentMode = AttachmentMode.LATEST
    skip: frozenset[Kind] = frozenset()
    transfers: int = 96
    fingerprint: str = ""
    coverage: CoverageMode = CoverageMode.AUTO

    @property
    def hides_names(self) -> bool:
        """Whether a transform wants attachments under their ids alone."""
        return any(transform.hides_names for transform in self.transforms)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `sinks` maps each sink's name to None where the backup is committed, else to the reason.

    `attachments_total` counts the files that the backup consists of, `attachments_new` those that this run downloaded, and
    `attachments_copied` those that one sink lacked and that came from another. `gaps` are those of all sinks. `pruned` is what became of
    the older backups; None where nothing was to. `coverage` is what a second witness says; None where none was heard.
    """

    profile: str
    account: Account
    backup_uid: str
    complete: bool
    counts: dict[str, int]
    attachments_total: int
    attachments_new: int
    attachments_bytes: int
    bytes_new: int
    gaps: tuple[Gap, ...]
    sinks: dict[str, str | None]
    seconds: float
    resumed: bool = False
    attachments_copied: int = 0
    pruned: Pruned | None = None
    coverage: Coverage | None = None

    @property
    def exit_code(self) -> ExitCode:
        if all(reason is not None for reason in self.sinks.values()):
            return ExitCode.FAILED
        if not self.complete or any(reason is not None for reason in self.sinks.values()):
            return ExitCode.PARTIAL
        if self.pruned is not None and self.pruned.exit_code is not ExitCode.DONE:
            return ExitCode.PARTIAL
        return ExitCode.DONE


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do. `per_sink` maps each sink's name to the number of files that it lacks.

    `attachments_new` counts those to download, `attachments_copied` those that a sink lacks and another one holds.
    """

    profile: str
    account: Account
    counts: dict[str, int]
    attachments_total: int
    attachments_new: int
    bytes_new: int
    per_sink: dict[str, int]
    gaps: tuple[Gap, ...]
    attachments_copied: int = 0
