"""When backups run by themselves, and what a machine's own scheduler is told of it. Pure but for `installing`."""

from __future__ import annotations

from wrikebackup_core.schedule.expressions import Schedule, ScheduleError
from wrikebackup_core.schedule.runs import longest_wait, next_runs, shortest_wait

__all__ = ["Schedule", "ScheduleError", "longest_wait", "next_runs", "shortest_wait"]
