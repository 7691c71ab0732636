"""One run at a time for each account and sink, from whichever host: the lease in the sink."""

from __future__ import annotations

from wrikebackup_core.engine.leases.bearer import Bearer
from wrikebackup_core.engine.leases.hold import Hold
from wrikebackup_core.engine.leases.keeping import Leases, demand_free, leased, leases_for
from wrikebackup_core.engine.leases.looking import Lying, at_work, lying
from wrikebackup_core.engine.leases.memory import Memory

__all__ = ["Bearer", "Hold", "Leases", "Lying", "Memory", "at_work", "demand_free", "leased", "leases_for", "lying"]
