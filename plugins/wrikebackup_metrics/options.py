"""What a profile may say of metrics."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Format", "PrometheusOptions"]


class Format(StrEnum):
    """How the file is written."""

    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"


def _textfile(text: str) -> str:
    if not text.endswith(".prom"):
        raise ValueError("must name a file that ends in .prom: node_exporter passes over all others")
    return text


class PrometheusOptions(BaseModel):
    """Metrics in a file, for the textfile collector of node_exporter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    textfile: Annotated[str, AfterValidator(_textfile)] = Field(
        description="the file to write, in a folder that is there; several profiles may share one",
        examples=["/var/lib/node_exporter/wrikebackup.prom"],
        json_schema_extra={"written": True},
    )
    format: Format = Field(
        Format.PROMETHEUS,
        description="how it is written; node_exporter reads `prometheus`, some other collectors `openmetrics`",
    )
