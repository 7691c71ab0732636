"""What verification finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wrikebackup_core.engine.sampling import Drawn
from wrikebackup_core.errors import ExitCode

__all__ = ["Finding", "Report", "What"]

What = Literal[
    "missing", "damaged", "unreadable", "unexpected", "unexpected size", "unlisted", "unsigned", "untrusted", "replaced", "rolled back"
]  # fmt: skip
"""`missing`: not there; `damaged`: not the bytes or the content that it should be; `unreadable`: the store does not give it out;
`unexpected`: there, and part of nothing; `unexpected size`: not as long as its record says; `unlisted`: not in SHA256SUMS;
`unsigned`: nobody vouches for it; `untrusted`: it was altered, or somebody vouches for it who is not trusted; `replaced`: not what a later
backup names as the one before it; `rolled back`: not, or not any more, what this host has stored."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, at a key from the sink's root."""

    key: str
    what: What
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at (objects and the bytes read of them) and found; `findings` by key.

    `sample` tells how many of the attachments were read where that was not all that were asked for; the rest was read whole.
    `signed_by` is the name of who vouches for the manifest, where that was asked for.
    """

    backup_uid: str
    objects: int
    bytes: int
    findings: tuple[Finding, ...]
    sample: Drawn | None = None
    signed_by: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.DAMAGED if self.findings else ExitCode.DONE
