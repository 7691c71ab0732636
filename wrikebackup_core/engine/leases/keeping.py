"""The leases of one run, one for each sink: taken together, renewed by a thread, let go at the end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from wrikebackup_core.engine.leases.bearer import Bearer
from wrikebackup_core.engine.leases.hold import Hold
from wrikebackup_core.engine.leases.memory import Memory
from wrikebackup_core.engine.locking import short_hash
from wrikebackup_core.errors import LeaseLost, Locked, SinkError
from wrikebackup_core.ports import Sink

__all__ = ["Leases", "leased", "leases_for", "memory_of"]

_TICK = 30.0  # seconds between two looks whether one is due; after a failure, until it is tried again
_PATIENCE = 10.0  # seconds that a store may take to forget a lease at the end


class Leases:
    """By the number of each sink. `refused` are the sinks that could not be had, and why."""

    def __init__(self, holds: Mapping[int, Hold] | None = None, refused: Mapping[int, Exception] | None = None) -> None:
        self._holds, self.refused = dict(holds or {}), dict(refused or {})
        self._over = threading.Event()
        self._lose: Callable[[int, LeaseLost], None] = lambda _number, _error: None

    def has(self, sink: Sink) -> bool:
        """Whether the sink is among those that are held."""
        return any(hold.sink is sink for hold in self._holds.values())

    def check(self, number: int) -> None:
        """Ahead of a commit, or of deleting. Raises LeaseLost where another run has the sink, or has had it; SinkError."""
        if (hold := self._holds.get(number)) is not None:
            hold.check()

    def demand(self, sink: Sink) -> None:
        """`check` for one of the sinks themselves."""
        for number, hold in self._holds.items():
            if hold.sink is sink:
                self.check(number)

    def when_lost(self, lose: Callable[[int, LeaseLost], None]) -> None:
        """What to do as soon as one is known to be lost; called from another thread."""
        self._lose = lose

    def keep(self) -> None:
        """Renews them from now on, until they are let go."""
        if self._holds:
            # A daemon, for a program that ends does not wait for a store that hangs.
            threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def _keep(self) -> None:
        while not self._over.wait(_TICK):
            for number, hold in self._holds.items():
                if hold.due and not self._over.is_set():
                    self._renew(number, hold)

    def _renew(self, number: int, hold: Hold) -> None:
        try:
            hold.renew()
        except LeaseLost as error:
            self._lose(number, error)
        except Exception:  # noqa: BLE001, S110 - the store is out of reach: tried again soon, and looked after before the commit
            pass

    def release(self, done: Callable[[int], bool] = lambda _: True) -> None:
        """Lets all go, as far as their stores can be reached in a short time; `done` tells by number which of them nobody will go on
        with. Never raises but for Ctrl-C.
        """
        self._over.set()

        def release(hold: Hold, over: bool) -> None:
            with contextlib.suppress(BaseException):  # what stays ends by itself
                hold.release(done=over)

        holds = [(hold, done(number)) for number, hold in self._holds.items()]
        crew = [threading.Thread(target=release, args=one, name="lease", daemon=True) for one in holds]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join(_PATIENCE)


def memory_of(state: Path, account: str, sink: Sink) -> Memory:
    """What this host remembers of the leases in a sink."""
    return Memory(state / "locks" / f"{account}-{short_hash(sink.name)}.lease")


def leases_for(holds: Mapping[int, Hold]) -> Leases:
    """Takes them. A sink that is another run's, or out of reach, is `refused` and the others are had.

    Raises Locked where none is had and one at least is another run's; SinkError where all are out of reach.
    """
    had, refused = dict[int, Hold](), dict[int, Exception]()
    for number, hold in sorted(holds.items(), key=lambda pair: pair[1].sink.name):
        try:
            hold.acquire()
        except (Locked, SinkError, OSError) as error:
            refused[number] = error
            if len(refused) == len(holds):
                raise next((one for one in refused.values() if isinstance(one, Locked)), error) from None
        except BaseException:
            Leases(had).release(lambda _: False)
            raise
        else:
            had[number] = hold
    return Leases(had, refused)


def demand_free(sink: Sink, account: str, state: Path) -> None:
    """For a command that writes too little to need the lease: raises Locked where another run has it, SinkError."""
    Hold(sink, account, Bearer("", ""), memory_of(state, account, sink)).demand_free()


@contextlib.contextmanager
def leased(
    sink: Sink, account: str, state: Path, doing: str, lose: Callable[[LeaseLost], None] = lambda _: None
) -> Iterator[Hold]:
    """One sink's, for a command that keeps no notes of what is in it; `lose` as for `Leases.when_lost`. Raises Locked, SinkError, and WrikeBackupError where the state
    folder cannot be used.
    """
    hold = Hold(sink, account, Bearer(doing, doing), memory_of(state, account, sink), careful=False)
    leases = leases_for({0: hold})
    leases.when_lost(lambda _, error: lose(error))
    leases.keep()
    try:
        yield hold
    finally:
        leases.release()
