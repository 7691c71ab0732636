"""An errand to write down, and names that are hard to quote."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from wrikebackup_core.schedule import Schedule
from wrikebackup_core.schedule.errands import Errand

AWKWARD = [
    "/etc/wrike backup/acme.yaml",
    "/etc/100%/acme.yaml",
    "/etc/%h %%/acme.yaml",
    '/etc/it\'s "quoted"/acme.yaml',
    "/etc/$HOME/${USER}/$(id)/`id`/acme.yaml",
    "/etc/日本/ümläut/🎉.yaml",
    "/etc/a;b|c&d>e#f/*?[x]{y}~!.yaml",
]


def errand(profile: str = "/etc/wrikebackup/acme.yaml", schedule: Schedule | None = None, **more: Any) -> Errand:
    given: dict[str, Any] = {
        "name": "acme",
        "base": "acme",
        "profile": profile,
        "words": ("/bin/echo", "backup", profile),
        "schedule": schedule or Schedule("30 2 * * *", "Europe/Berlin", timedelta(minutes=20)),
        "title": "Back up the Wrike account of acme",
    }
    return Errand(**(given | more))
