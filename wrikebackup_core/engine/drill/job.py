"""What a drill is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.drill.sampling import Extent
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.ports import Sink
from wrikebackup_core.transforms import Verifier

__all__ = ["DrillJob", "Drilled", "Verdict"]

Verdict = Literal["whole", "damaged", "key refused", "unreachable", "no backup", "not tried", "failed"]
"""`whole`: all that was tried came back as it should; `unreachable`: the store does not answer, or gives out nothing; `no backup`: there
is none that is complete; `not tried`: this host lacks what opens the backup, such as the key file that was given, or a library;
`failed`: it is this host that the drill failed at, such as for want of room."""

_CODES = {
    "whole": ExitCode.DONE,
    "damaged": ExitCode.DAMAGED,
    "key refused": ExitCode.KEY_REFUSED,
    "unreachable": ExitCode.PARTIAL,
    "no backup": ExitCode.PARTIAL,
    "not tried": ExitCode.FAILED,
    "failed": ExitCode.FAILED,
}


@dataclass(frozen=True, slots=True)
class DrillJob:
    """`open_folder` opens an empty folder of this host, where things are restored to. `decoding` gives what undoes the transforms of a
    backup, None where no key is at hand. `older`: a random older backup is drilled, too. `keep` is the folder in which what was restored
    stays, None where it is deleted.
    """

    sinks: Sequence[Sink]
    open_folder: Callable[[Path], Sink]
    seed: int
    decoding: Callable[[Manifest], Decoding | None]
    extent: Extent = field(default_factory=Extent)
    older: bool = False
    verifiers: Sequence[Verifier] = ()
    transfers: int = 8
    keep: Path | None = None


@dataclass(slots=True)
class Drilled:
    """What became of one backup in one sink.

    `files` of `of_files` were tried, and `pages` for people, of tasks and folders; `whole` of the files came back as they should. `bytes`
    were fetched in `seconds`. `whole_restore` is how many seconds a restore of all of it would take, as far as the sample tells; None
    where it tells nothing. `decoded`: with a key, or of a backup that needs none. `not_shown` says what this drill cannot tell.
    `error` and `hint` say what kept it from being done; `usage`: it is the command line or the environment that does not fit.
    `hashes` are the SHA-256 of what was restored, as it was before it was encoded, by key.
    """

    sink: str
    account: str = ""
    backup_uid: str = ""
    started: str = ""
    seed: int = 0
    verdict: Verdict = "whole"
    decoded: bool = True
    signed: bool = False
    files: int = 0
    whole: int = 0
    of_files: int = 0
    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    whole_restore: float | None = None
    not_shown: Sequence[str] = ()
    findings: Sequence[Finding] = field(default_factory=list)
    error: str | None = None
    hint: str | None = None
    usage: bool = False
    kept: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.USAGE if self.usage else _CODES[self.verdict]

    def not_tried(self, error: WrikeBackupError) -> None:
        """Nothing could be tried, and why."""
        self.verdict, self.error, self.hint = "not tried", error.message, error.hint
        self.decoded, self.usage = False, isinstance(error, UsageError)

    @property
    def rate(self) -> float | None:
        """Bytes a second; None where too little was fetched to tell."""
        return self.bytes / self.seconds if self.seconds > 0 and self.bytes else None
