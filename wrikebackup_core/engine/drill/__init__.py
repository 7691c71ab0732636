"""Drill: a sample of each sink restored to a temporary place and compared, so that the day of need is not the first time."""

from wrikebackup_core.engine.drill.folder import demand_empty
from wrikebackup_core.engine.drill.job import Drilled, DrillJob
from wrikebackup_core.engine.drill.notes import Drill, LastDrills, drills_that_count, last_drills, note
from wrikebackup_core.engine.drill.run import drill
from wrikebackup_core.engine.drill.sampling import Extent

__all__ = [
    "Drill",
    "DrillJob",
    "Drilled",
    "Extent",
    "LastDrills",
    "demand_empty",
    "drill",
    "drills_that_count",
    "last_drills",
    "note",
]
