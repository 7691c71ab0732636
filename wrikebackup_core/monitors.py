"""The port of monitors: parts of a profile that hear how its runs went and how its backups stand, and pass it on.

What goes wrong for longer than a moment is a *trouble*: it begins once, lasts, and ends once, however many runs see it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wrikebackup_core.ports import Check

__all__ = ["Monitor", "Ran", "Report", "SinkStanding", "Standing", "Trouble"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong until it is seen to be right again.

    `id` is the same for the same trouble in every run: `run unauthorized`, `gaps`, `sink local:/backups`, `late s3:bucket`. `text` is one line for
    people and may change while the trouble lasts; `since` is when it was first seen, in UTC.
    """

    id: str
    text: str
    since: datetime
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run ended. Times are in UTC, sizes in bytes; `exit_code` is an `ExitCode`, `words` one line for people.

    Where the run failed before it had a backup, `backup_uid` is None and the counts are empty. `complete` is whether all was got.
    `sinks` maps the name of each sink to None where the backup is committed, else to the reason. `cause` is one word for why a run
    failed, the same for the same kind of failure: `unauthorized`, `source`, `full`, `sink`, `key`, `secret`, `interrupted`... `pruned` says
    whether older backups were pruned as the profile says, None where there was nothing to do; `prune_words` why they were not.
    """

    started: datetime
    ended: datetime
    exit_code: int
    words: str
    account_id: str | None = None
    backup_uid: str | None = None
    complete: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    gaps: int = 0
    attachments_total: int = 0
    attachments_new: int = 0
    attachments_bytes: int = 0
    bytes_new: int = 0
    sinks: Mapping[str, str | None] = field(default_factory=dict)
    hint: str | None = None
    cause: str | None = None
    pruned: bool | None = None
    prune_words: str | None = None


@dataclass(frozen=True, slots=True)
class SinkStanding:
    """What one sink holds. `problem` says why it could not be looked at, `hint` what to do about it; then the rest is empty.

    `newest` and `newest_complete` are when those backups were begun, in UTC, None where there is none; `complete_uid` is the
    latter's. `gaps` are the newest backup's, whatever its state; counts and sizes are the newest complete one's. `locked_until` is
    until when the newest complete backup cannot be deleted, None where it can. `drilled` is when the last drill of this sink ended on
    this host, `drilled_well` the last one in which everything came back. `drill_words` says what came of the last one, as it follows
    `in the last drill, `, and `drill_hint` what to do where it could not be done. `at_work` is one line about a run that is writing to the
    account there now, from this host or another one, None where there is none.
    """

    sink: str
    problem: str | None = None
    backups: int = 0
    newest: datetime | None = None
    newest_complete: datetime | None = None
    complete_uid: str | None = None
    gaps: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    attachments: int = 0
    attachment_bytes: int = 0
    locked_until: datetime | None = None
    drilled: datetime | None = None
    drilled_well: datetime | None = None
    drill_words: str | None = None
    drill_hint: str | None = None
    hint: str | None = None
    at_work: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a profile stands at a time: what its sinks hold, how its last run went, and what is wrong.

    `objective` is how old the newest complete backup in a sink may become; None where nobody has said so. `last_run` is what this
    host remembers; `next_run` is the schedule's.
    """

    profile: str
    at: datetime
    host: str
    account_id: str | None
    sinks: Sequence[SinkStanding]
    troubles: Sequence[Trouble] = ()
    objective: timedelta | None = None
    last_run: Ran | None = None
    next_run: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a monitor is told: after a run, or, with `run` None, after a look at how things stand.

    `begun` are the troubles that were not there at the last report, `over` those that are there no more. `log` is the last that the
    run said, a line each, with secrets masked.
    """

    standing: Standing
    run: Ran | None = None
    begun: Sequence[Trouble] = ()
    over: Sequence[Trouble] = ()
    log: Sequence[str] = ()


class Monitor:
    """Hears of runs. This base class does nothing; override what the monitor is for.

    Whatever it raises is told to the person at the terminal and goes no further, and one that takes longer than a minute is left
    behind: a monitor never fails a run, nor holds it up.
    """

    def started(self, profile: str, at: datetime) -> None:
        """A run begins, at `at` in UTC. Dry runs are not told."""

    def told(self, report: Report) -> None:
        """A run has ended, or somebody has looked."""

    def test(self, profile: str) -> str:
        """Sends what shows that it arrives, and says in one line where it went. Raises WrikeBackupError where it did not."""
        return "has nothing to send"

    def checks(self) -> Iterator[Check]:
        """What `wrikebackup doctor` tells of it. Sends nothing; never raises."""
        yield from ()

    def close(self) -> None: ...
