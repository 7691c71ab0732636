"""What a profile may say of notifications."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wrikebackup_core import Duration, Secret, duration

__all__ = ["AppriseOptions", "Gaps", "HealthchecksOptions", "Occasion"]

_LONGEST = timedelta(seconds=30)


class Occasion(StrEnum):
    """What a message is for: a trouble begins, one is over, every run that fails, every run that is good."""

    TROUBLE = "trouble"
    OVER = "over"
    FAILURE = "failure"
    SUCCESS = "success"


class Gaps(StrEnum):
    """What a run counts as that reached every sink, but with gaps."""

    FAIL = "fail"
    SUCCESS = "success"


def _timeout(text: str) -> str:
    if not timedelta() < duration(text) <= _LONGEST:
        raise ValueError(f"must be more than nothing and at most {_LONGEST.seconds}s, such as 10s")
    return text


class AppriseOptions(BaseModel):
    """Messages to people, through any of the services that Apprise knows: mail, chats, telephones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Secret | Annotated[tuple[Secret, ...], Field(min_length=1)] = Field(
        description="a reference to the Apprise URL of the service, or a list of them",
        examples=["env:APPRISE_URL"],
    )
    on: tuple[Occasion, ...] = Field(
        (Occasion.TROUBLE, Occasion.OVER),
        min_length=1,
        description="when to write: `trouble`, once when something goes wrong; `over`, once when it is right again;"
        " `failure`, after every run that failed; `success`, after every good one",
    )

    @property
    def references(self) -> tuple[str, ...]:
        """Those under `url`, as many as there are."""
        return (self.url,) if isinstance(self.url, str) else self.url


class HealthchecksOptions(BaseModel):
    """Pings to healthchecks.io, or to a server of one's own that speaks its protocol: it raises the alarm when none comes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Secret = Field(description="a reference to the ping URL of the check", examples=["env:PING_URL"])
    timeout: Annotated[Duration, AfterValidator(_timeout)] = Field("10s", description="how long one try may take")
    gaps: Gaps = Field(
        Gaps.FAIL, description="what a run with gaps counts as; one that missed a sink has failed in any case"
    )
