"""Restore: a backup decoded and brought back, as Wrike's own tool lays it out, or as folders and pages for people."""

from wrikebackup_core.engine.restore.job import Kept, Restored, RestoreJob, RestorePlan, Shape
from wrikebackup_core.engine.restore.original import Original, wrikes_own
from wrikebackup_core.engine.restore.run import plan_restore, restore
from wrikebackup_core.engine.restore.selection import Selection, since, until

__all__ = [
    "Kept",
    "Original",
    "RestoreJob",
    "RestorePlan",
    "Restored",
    "Selection",
    "Shape",
    "plan_restore",
    "restore",
    "since",
    "until",
    "wrikes_own",
]
