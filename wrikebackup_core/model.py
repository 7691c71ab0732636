"""The values that the parts hand to each other. All frozen; none does any I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

__all__ = [
    "Account",
    "AccountFound",
    "Attachment",
    "AttachmentMode",
    "Backup",
    "CoverageMode",
    "Event",
    "FileFinished",
    "FileStarted",
    "Gap",
    "GapFound",
    "Kind",
    "Message",
    "Record",
    "SinkDropped",
    "StageFinished",
    "StageProgress",
    "StageStarted",
]

Record = NewType("Record", bytes)
"""One JSON object in UTF-8, exactly as API v4 gave it, without a newline."""


class Kind(StrEnum):
    """Which list of the account a record comes from. The value names the file in the records zip."""

    ACCOUNT = "account"
    CONTACTS = "contacts"
    GROUPS = "groups"
    INVITATIONS = "invitations"
    ACCESS_ROLES = "access_roles"
    JOB_ROLES = "jobroles"
    WORKFLOWS = "workflows"
    CUSTOM_FIELDS = "customfields"
    CUSTOM_ITEM_TYPES = "custom_item_types"
    SPACES = "spaces"
    FOLDERS = "folders"
    TASKS = "tasks"
    COMMENTS = "comments"
    ATTACHMENTS = "attachments"
    TIMELOG_CATEGORIES = "timelog_categories"
    TIMELOGS = "timelogs"
    DEPENDENCIES = "dependencies"
    APPROVALS = "approvals"
    FOLDER_BLUEPRINTS = "folder_blueprints"
    TASK_BLUEPRINTS = "task_blueprints"
    AUDIT_LOG = "audit_log"


class AttachmentMode(StrEnum):
    """Which files a backup holds. The JSON names the same ones."""

    LATEST = "latest"
    ALL_VERSIONS = "all versions"
    NONE = "none"


class CoverageMode(StrEnum):
    """With what a run compares what it has crawled."""

    AUTO = "auto"
    EXPORT = "export"
    LISTING = "listing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a source reads. `id` is the API account id (`IEAAAEDY`)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that Wrike stores. `size` in bytes as the record says, None where it does not say."""

    id: str
    name: str
    size: int | None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a run wanted and could not get.

    `kind` is the record kind (or `attachments` for a file), `id` what was wanted (None for a whole kind), `reason` one line
    for people, `hint` what they can do about it.
    """

    kind: str
    id: str | None
    reason: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """One committed backup as its manifest describes it; `complete` is None where there is no readable manifest.

    `pinned` is why it is to stay whatever the rules say; None where nobody has said so.
    """

    uid: str
    started: datetime
    complete: bool | None
    counts: dict[str, int] = field(default_factory=dict)
    attachment_files: int = 0
    attachment_bytes: int = 0
    gaps: int = 0
    pinned: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What a run tells while it goes; base of all below. Listeners get them in order, from one thread at a time."""


@dataclass(frozen=True, slots=True)
class AccountFound(Event):
    """The source has said whose account it is. Comes before all stages."""

    account: Account


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """`total` items and `total_bytes` where they are known beforehand."""

    stage: str
    total: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StageProgress(Event):
    """`done` items so far; `what` is the kind or file just worked on."""

    stage: str
    what: str
    done: int
    bytes_done: int = 0


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    stage: str
    summary: str


@dataclass(frozen=True, slots=True)
class FileStarted(Event):
    """A file is in flight; `size` in bytes where known."""

    key: str
    size: int | None


@dataclass(frozen=True, slots=True)
class FileProgress(Event):
    """`bytes_done` of a file in flight; only for files of some size."""

    key: str
    bytes_done: int


@dataclass(frozen=True, slots=True)
class FileFinished(Event):
    """The file is stored, or not (`error` says why)."""

    key: str
    size: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class GapFound(Event):
    gap: Gap


@dataclass(frozen=True, slots=True)
class SinkDropped(Event):
    """A sink failed and takes no further part in the run."""

    sink: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Message(Event):
    """One line for people: a retry, a resumed run, a note."""

    text: str
    warning: bool = False
