"""Who hears what a run tells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from wrikebackup_core.masking import masked
from wrikebackup_core.model import Event, FileFinished, GapFound, Message, SinkDropped
from wrikebackup_core.plugins import Plugins

__all__ = ["listeners"]


def listeners(plugins: Plugins, notify: Callable[[Event], None]) -> Callable[[Event], None]:
    """Everybody who listens, from one thread at a time."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            event = _without_secrets(event)
            notify(event)
            plugins.track(event)

    return tell


def _without_secrets(event: Event) -> Event:
    """Texts that errors of any library went into; listeners carry them out of this machine."""
    if isinstance(event, Message):
        return replace(event, text=masked(event.text))
    if isinstance(event, SinkDropped):
        return replace(event, reason=masked(event.reason), hint=event.hint and masked(event.hint))
    if isinstance(event, GapFound):
        gap = replace(event.gap, reason=masked(event.gap.reason), hint=event.gap.hint and masked(event.gap.hint))
        return replace(event, gap=gap)
    if isinstance(event, FileFinished) and event.error is not None:
        return replace(event, error=masked(event.error))
    return event
