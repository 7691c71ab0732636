"""What a profile may say of retention."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from wrikebackup_core import time_zone
from wrikebackup_retention.policy import PERIODS, Rule
from wrikebackup_retention.spans import Span

__all__ = ["RetainOptions"]

_ALL: Literal["all"] = "all"
_ZERO = "leave the key out where the rule is not wanted"


def _number(value: object) -> object:
    if type(value) is int and value > 0:
        return value
    problem = "must be a whole number, at least 1"
    if type(value) is int:
        raise ValueError(f"{problem}; {_ZERO}")
    if value == _ALL:
        raise ValueError(f"{problem}; without `retain` every backup stays")
    if _is_span(value):
        raise ValueError(f"{problem}; for a duration there is `within`")
    raise ValueError(f"{problem}, without quotes" if _is_quoted(value) else problem)


def _number_or_span(value: object) -> object:
    if (type(value) is int and value > 0) or value == _ALL or _is_span(value):
        return value
    problem = "must be a whole number, at least 1, or `all`, or a duration such as 90d or 1y6m"
    if type(value) is int:
        raise ValueError(f"{problem}; {_ZERO}")
    raise ValueError(f"{problem}; a number without quotes" if _is_quoted(value) else problem)


def _span(value: object) -> object:
    if type(value) is int:
        raise ValueError("needs a unit: y, m (months), w, d or h, such as 30d")
    Span.parse(value if isinstance(value, str) else "")
    return value


def _zone(value: object) -> object:
    time_zone(value if isinstance(value, str) else "")
    return value


def _is_quoted(value: object) -> bool:
    return isinstance(value, str) and value.strip().isdecimal()


def _is_span(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(Span.parse(value))
    except ValueError:
        return False


# The checks see an empty value too: a rule that is lost without a word would cost backups.
_Positive = Annotated[int, Field(ge=1)]
_Limit = Annotated[_Positive | str | None, BeforeValidator(_number_or_span)]
_EACH = (
    "keep the newest backup of each {period}: of so many {period}s that have one, of all, or of those within a duration"
)


def _field(description: str, *examples: object) -> Any:
    # Other rules do not make a killed run's work useless.
    return Field(default=None, description=description, examples=[*examples], json_schema_extra={"tuning": True})


class RetainOptions(BaseModel):
    """Says which backups stay when `wrikebackup prune` deletes the others: each that any rule wants, and always the newest complete one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    last: Annotated[_Positive | None, BeforeValidator(_number)] = _field("keep so many of the newest backups", 3)
    hourly: _Limit = _field(_EACH.format(period="hour", span="2d"), 24, "2d")
    daily: _Limit = _field(_EACH.format(period="day", span="30d"), 7, "30d")
    weekly: _Limit = _field(_EACH.format(period="week", span="3m") + "; weeks begin on Monday", 5, "3m")
    monthly: _Limit = _field(_EACH.format(period="month", span="1y6m"), 12, "1y6m")
    yearly: _Limit = _field(_EACH.format(period="year", span="10y"), 3, "10y")
    within: Annotated[str | None, BeforeValidator(_span)] = _field(
        "keep every backup begun within so long before the newest one: y, m (months), w, d, h", "30d", "1y6m"
    )
    time_zone: Annotated[str | None, BeforeValidator(_zone)] = _field(
        "where days, weeks, months and years begin, by its IANA name; this machine's own without it", "Europe/Berlin"
    )
    prune: bool = Field(
        default=False,
        description="delete what no rule keeps after each run whose own backup is complete, not only when `wrikebackup prune` is told to",
        json_schema_extra={"tuning": True},
    )

    @model_validator(mode="after")
    def _something(self) -> RetainOptions:
        if not self.rules:
            raise ValueError("no rule keeps anything: add one, such as daily: 7 or within: 30d")
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Those that are set."""
        given = {name: getattr(self, name) for name in PERIODS}
        return tuple(Rule(name, _limit(value)) for name, value in given.items() if value is not None)


def _limit(value: int | str) -> int | Span | None:
    if isinstance(value, int):
        return value
    return None if value == _ALL else Span.parse(value)
