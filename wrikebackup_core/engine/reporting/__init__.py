"""The facts of a report: what the sinks hold, whether all is well, what changed, what stays. Pure values, for whoever shows them."""

from __future__ import annotations

from wrikebackup_core.engine.reporting.comparing import compared
from wrikebackup_core.engine.reporting.facts import (
    AccountFacts,
    Compared,
    DrillFacts,
    Facts,
    Level,
    Mark,
    ProfileFacts,
    Remark,
    SinkFacts,
)
from wrikebackup_core.engine.reporting.gathering import Asked, gather
from wrikebackup_core.engine.reporting.judging import worst

__all__ = [
    "AccountFacts", "Asked", "Compared", "DrillFacts", "Facts", "Level", "Mark", "ProfileFacts", "Remark", "SinkFacts", "compared", "gather",
    "worst",
]  # fmt: skip
