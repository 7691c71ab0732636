"""The keys of a profile."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wrikebackup_core.model import AttachmentMode, CoverageMode, Kind
from wrikebackup_core.profile.timing import Interval, ScheduleKey

__all__ = ["Shape"]


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def _not_the_account(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    if Kind.ACCOUNT in kinds:
        raise ValueError("account cannot be skipped: a backup has to say whose it is")
    return kinds


class Shape(BaseModel):
    """What is backed up, how, and to where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_one_line)] | None = Field(
        None, max_length=100, description="what reports call this profile; by default the file's name"
    )
    source: Any = Field(description="the account: one kind of source with its options")
    sinks: Any = Field(description="where backups go: at least one; each backup goes to all of them")
    transforms: Any = Field((), description="steps between source and sinks, in this order")
    monitors: Any = Field((), description="who is told how runs went and how the backups stand")
    schedule: ScheduleKey | None = Field(
        None,
        description="when backups run by themselves, once `wrikebackup schedule install` has seen to it: five fields of cron, or hourly,"
        " daily, weekly, monthly; or a mapping of `cron`, `time_zone` and `random_delay`",
        examples=["30 2 * * *"],
    )
    min_interval: Interval | None = Field(
        None,
        description="`wrikebackup backup` does nothing while every sink has a complete backup that was begun less than this ago",
        examples=["20h"],
    )
    objective: Interval | None = Field(
        None,
        description="how old the newest complete backup in a sink may become before it is late; without it, the longest wait of the"
        " schedule and a quarter more, two hours at least",
        examples=["26h"],
    )
    attachments: AttachmentMode = Field(
        AttachmentMode.LATEST, description="which files a backup holds: the latest versions, all versions, or none"
    )
    skip: Annotated[tuple[Kind, ...], AfterValidator(_not_the_account)] = Field(
        (), description="kinds of records not to ask for; they are not counted as missing"
    )
    coverage: CoverageMode = Field(
        CoverageMode.AUTO,
        description="what the backup is compared with to see whether it is whole: the BI export, a second listing in another order,"
        " or none; auto is the export where a transform brings one, and the listing where none does",
    )
    transfers: int = Field(96, ge=1, le=256, description="files in flight at a time")
    state: Annotated[str, AfterValidator(_one_line)] | None = Field(
        None,
        description="the folder for the work of a run that is not finished; by default in the user's state folder,"
        " ~/.local/state/wrikebackup on Linux; ~ is your home, a relative path starts in the working directory",
    )
