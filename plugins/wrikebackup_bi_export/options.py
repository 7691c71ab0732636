"""What stands under `bi-export:` in a profile."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from wrikebackup_core import Duration

__all__ = ["BiExportOptions", "Format"]

_TUNING = {"tuning": True}


class Format(StrEnum):
    """How tables are stored."""

    CSV = "csv"
    PARQUET = "parquet"
    BOTH = "both"


class BiExportOptions(BaseModel):
    """The account's BI export, stored beside the archive in `bi-export/`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_age: Duration | None = Field(
        None,
        description="ask Wrike for a new export where the newest is older, which it makes at most once an hour;"
        " without it the newest is taken, which Wrike makes each day",
        examples=["24h"],
    )
    wait: Duration = Field(
        "1h", description="how long an export that is being made is waited for", json_schema_extra=dict(_TUNING)
    )
    format: Format = Field(
        Format.CSV,
        description="how tables are stored; `parquet` and `both` need the extra `bi`, and `both` fetches each twice",
    )
