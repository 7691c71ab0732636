"""What a profile says of time: `schedule` and `min_interval`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from wrikebackup_core.durations import Duration, duration
from wrikebackup_core.schedule import Schedule, shortest_wait

__all__ = ["Interval", "ScheduleKey", "passes_over", "scheduled"]


def _some_time(text: str) -> str:
    if not duration(text):
        raise ValueError("must be longer than no time at all; leave the key out where it is not wanted")
    return text


def _cron(text: str) -> str:
    Schedule(text)
    return text


def _zone(value: object) -> object:
    Schedule("daily", value if isinstance(value, str) else "")
    return value


class ScheduleOptions(BaseModel):
    """A schedule in a time zone, or with a delay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: Annotated[str, AfterValidator(_cron)] = Field(
        description="five fields of cron, or hourly, daily, weekly, monthly", examples=["30 2 * * *"]
    )
    time_zone: Annotated[str | None, BeforeValidator(_zone)] = Field(
        None, description="the IANA name of its time zone; this machine's own without it", examples=["Europe/Berlin"]
    )
    random_delay: Duration = Field(
        "0s", description="start each run up to so much later, so that not everybody asks at the same time"
    )

    @model_validator(mode="after")
    def _whole(self) -> ScheduleOptions:
        scheduled(self)
        return self


def _form(value: Any) -> str:
    return "mapping" if isinstance(value, (dict, ScheduleOptions)) else "text"


ScheduleKey = Annotated[
    Annotated[str, AfterValidator(_cron), Tag("text")] | Annotated[ScheduleOptions, Tag("mapping")],
    Discriminator(_form),
]
Interval = Annotated[Duration, AfterValidator(_some_time)]


def scheduled(value: str | ScheduleOptions) -> Schedule:
    """Raises ScheduleError."""
    if isinstance(value, str):
        return Schedule(value)
    return Schedule(value.cron, value.time_zone, duration(value.random_delay))


def passes_over(interval: timedelta, schedule: Schedule) -> bool:
    """Whether a `min_interval` is about as long as the wait from one run to the next, so that every other run would find the last backup
    too young. One that is longer by half is meant: `hourly` with 20h is a backup a day, tried every hour.
    """
    wait = shortest_wait(schedule)
    return wait - schedule.random_delay <= interval < wait * 1.5
