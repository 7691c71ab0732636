"""Who hears what a run tells."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wrikebackup_core.model import Event
from wrikebackup_core.plugins import Plugins

__all__ = ["listeners"]


def listeners(plugins: Plugins, notify: Callable[[Event], None]) -> Callable[[Event], None]:
    """Everybody who listens, from one thread at a time."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            notify(event)
            plugins.track(event)

    return tell
