"""What a restore is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.original import Original
from wrikebackup_core.engine.restore.selection import Selection
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.ports import Sink

__all__ = ["Kept", "RestoreJob", "RestorePlan", "Restored", "Shape"]


class Shape(StrEnum):
    """As what a backup is restored: in the layout of Wrike's own tool, or as folders and pages for people."""

    LAYOUT = "layout"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class RestoreJob:
    """`state` is the folder for notes on what was restored; `transfers` how many files are under way at a time. `choice` marks in the
    index what is chosen, in the place of `selection`, and gives the keys of the artifacts that are.
    """

    original: Original
    target: Sink
    shape: Shape
    selection: Selection
    state: Path
    transfers: int = 8
    choice: Callable[[Index], Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Something in the target that is not what would be restored there, and stays as it is."""

    key: str
    detail: str


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would write: files and their bytes; `there` are those whose names are taken in the target, to be compared."""

    backup_uid: str
    account: str
    source: str
    target: str
    shape: Shape
    files: int
    pages: int
    bytes: int
    there: int
    left_out: int
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.PARTIAL if self.findings else ExitCode.DONE


@dataclass(slots=True)
class Restored:
    """What was written: `files` of the backup and `pages` for people, with their `bytes` together; `there` were there before, and right.

    `left_out` are files that the selection does not name. `findings` are about the backup, `kept` about the target. `refused`: the key
    does not fit some of the files.
    """

    backup_uid: str
    account: str
    source: str
    target: str
    shape: Shape
    files: int = 0
    pages: int = 0
    bytes: int = 0
    there: int = 0
    left_out: int = 0
    gaps: int = 0
    seconds: float = 0.0
    refused: bool = False
    findings: Sequence[Finding] = field(default_factory=list)
    kept: Sequence[Kept] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        if self.refused:
            return ExitCode.KEY_REFUSED
        return ExitCode.PARTIAL if self.findings or self.kept else ExitCode.DONE
