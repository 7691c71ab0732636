"""Prune: the backups that no rule keeps go, and the attachments that nobody needs then."""

from __future__ import annotations

from wrikebackup_core.engine.prune.deciding import Decision, State, decide
from wrikebackup_core.engine.prune.job import Attachments, Place, Pruned, PruneJob, Remains, Verdict
from wrikebackup_core.engine.prune.notes import Notes
from wrikebackup_core.engine.prune.run import plan_prune, prune, prune_after_run

__all__ = [
    "Attachments", "Decision", "Notes", "Place", "PruneJob", "Pruned", "Remains", "State", "Verdict", "decide", "plan_prune",
    "prune", "prune_after_run",
]  # fmt: skip
