"""A profile's monitors at work: each in a thread of its own, so that one that hangs holds up nobody."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import WrikeBackupError
from wrikebackup_core.monitors import Monitor

if TYPE_CHECKING:
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import Part, Profile

__all__ = ["Asked", "Listener", "listeners", "tell_all"]


@dataclass(slots=True)
class Asked:
    """Something that a monitor is asked to do. Once it is `done`, `words` is what it says, or `error` why it could not."""

    work: Callable[[Monitor], str | None]
    done: threading.Event = field(default_factory=threading.Event)
    words: str | None = None
    error: Exception | None = None


class Listener:
    """One monitor. What it is asked to do, it does in order. `key` stays the same as long as the profile writes it so."""

    def __init__(self, part: Part, monitor: Monitor) -> None:
        written = json.dumps(part.options.model_dump(mode="json"), sort_keys=True)
        self.kind = part.kind
        self.key = f"{part.kind}-{hashlib.sha256(written.encode(errors='replace')).hexdigest()[:8]}"
        self._monitor, self._asked = monitor, queue.SimpleQueue[Asked | None]()
        threading.Thread(target=self._listen, name=f"monitor-{part.kind}", daemon=True).start()

    def ask(self, work: Callable[[Monitor], str | None]) -> Asked:
        asked = Asked(work)
        self._asked.put(asked)
        return asked

    def close(self) -> None:
        """After all that it was asked for; waits for nothing."""
        self._asked.put(None)

    def _listen(self) -> None:
        while (asked := self._asked.get()) is not None:
            try:
                asked.words = asked.work(self._monitor)
            except Exception as error:  # noqa: BLE001 - told to whoever asked
                asked.error = error
            asked.done.set()
        self._monitor.close()


def listeners(profile: Profile, plugins: Plugins, terminal: Terminal) -> tuple[list[Listener], bool]:
    """The profile's monitors, and whether all could be made: of one that cannot, the terminal tells in a line."""
    from wrikebackup_core.profile import part_context

    context, found = part_context(profile, plugins), list[Listener]()
    for part in profile.monitors:
        try:
            found.append(Listener(part, plugins.make_monitor(part.kind, part.options, context)))
        except Exception as error:  # noqa: BLE001 - nobody is told by it, and the run goes on
            hint = error.hint if isinstance(error, WrikeBackupError) else None
            terminal.warn(f"the monitor {part.kind} cannot be used: {_one_line(error)}", hint)
    return found, len(found) == len(profile.monitors)


def tell_all(asked: Mapping[str, tuple[Listener, Asked]], seconds: float, terminal: Terminal) -> dict[str, Asked]:
    """Waits until all have done what they were asked for, and so long at most. Those that did are returned, the terminal tells of the others."""
    end, done = time.monotonic() + seconds, dict[str, Asked]()
    for key, (listener, one) in asked.items():
        while not one.done.is_set() and (left := end - time.monotonic()) > 0:
            one.done.wait(min(left, 0.5))
        if not one.done.is_set():
            terminal.warn(
                f"the monitor {listener.kind} has not answered within {seconds:.0f} seconds, and is left behind"
            )
        elif one.error is not None:
            hint = one.error.hint if isinstance(one.error, WrikeBackupError) else None
            terminal.warn(f"the monitor {listener.kind} was not told: {_one_line(one.error)}", hint)
        else:
            done[key] = one
    return done


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, WrikeBackupError) else f"{type(error).__name__}: {text}".removesuffix(": ")
