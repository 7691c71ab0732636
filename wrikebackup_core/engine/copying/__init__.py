"""Backups from one sink to others: stored bytes as they are, hashed on the way, whole or not at all."""

from __future__ import annotations

from wrikebackup_core.engine.copying.job import Copied, CopyJob, CopyPlan, Flaw, Planned, Received
from wrikebackup_core.engine.copying.run import copy, plan_copy

__all__ = ["Copied", "CopyJob", "CopyPlan", "Flaw", "Planned", "Received", "copy", "plan_copy"]
