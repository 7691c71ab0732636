"""How big an account is: every number follows from the number of tasks, unless it is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from wrikebackup_mock.chance import DAY

LEAST_TASKS = 20
MOST_TASKS = 5_000_000
MOST_GENERATIONS = 12

_NOW = int(datetime(2025, 12, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and dates of an account. Counts are of what is live; what the bin holds, old versions and external files come on top."""

    seed: int
    tasks: int
    folders: int
    spaces: int
    people: int
    comments: int
    timelogs: int
    attachments: int
    dependencies: int
    approvals: int
    audit: int
    attachment_size: int | None = None
    generation: int = 0
    modern_attachments: bool = False
    hidden_spaces: int = 0

    @classmethod
    def of(
        cls,
        *,
        seed: int = 1,
        tasks: int = 50,
        attachments: int | None = None,
        attachment_size: int | None = None,
        comments: int | None = None,
        timelogs: int | None = None,
        folders: int | None = None,
        people: int | None = None,
        generation: int = 0,
        modern_attachments: bool = False,
        hidden_spaces: int = 0,
    ) -> Shape:
        """Raises ValueError for sizes that an account cannot have."""
        if not LEAST_TASKS <= tasks <= MOST_TASKS:
            raise ValueError(f"tasks must be from {LEAST_TASKS} to {MOST_TASKS}, not {tasks}")
        if any(value is not None and value < 0 for value in (attachments, attachment_size, comments, timelogs)):
            raise ValueError("a size cannot be negative")
        folders = max(24, tasks // 12) if folders is None else folders
        people = min(5000, max(16, tasks // 60)) if people is None else people
        if folders < 24 or people < 16:
            raise ValueError("an account has at least 24 folders and 16 people")
        return cls(
            seed=seed,
            tasks=tasks,
            folders=folders,
            spaces=min(200, max(6, folders // 25)),
            people=people,
            comments=max(60, tasks * 3 // 2) if comments is None else comments,
            timelogs=max(40, tasks // 2) if timelogs is None else timelogs,
            attachments=max(40, tasks // 4) if attachments is None else attachments,
            dependencies=tasks // 5,
            approvals=max(10, tasks // 100),
            audit=max(50, tasks // 10),
            attachment_size=attachment_size,
            generation=generation,
            modern_attachments=modern_attachments,
            hidden_spaces=hidden_spaces,
        )

    def changed(self, generation: int) -> Shape:
        return replace(self, generation=generation)

    def __post_init__(self) -> None:
        if not 0 <= self.generation <= MOST_GENERATIONS:
            raise ValueError(f"generation must be from 0 to {MOST_GENERATIONS}, not {self.generation}")

    @property
    def groups(self) -> int:
        return max(5, self.people // 12)

    @property
    def deleted_people(self) -> int:
        return max(2, self.people // 15)

    @property
    def bin_tasks(self) -> int:
        return max(LEAST_TASKS, self.tasks // 50)

    @property
    def bin_folders(self) -> int:
        return max(5, self.folders // 50)

    @property
    def external(self) -> int:
        """Files that Wrike only links to: all eight types, unless there are no attachments at all."""
        return max(10, self.attachments // 40) if self.attachments else 0

    @property
    def start(self) -> int:
        """When the account was created: three years before its `now`, in seconds since 1970."""
        return self.end(0) - 3 * 365 * DAY

    def end(self, generation: int) -> int:
        """The account's `now`, in seconds since 1970; a day later with each generation."""
        return _NOW - self.seed % 28 * DAY + generation * DAY

    def added(self, count: int) -> int:
        """How many things a generation adds to `count` of a kind."""
        return max(3, count // 200) if count else 0
