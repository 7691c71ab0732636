"""How a lease is taken, kept, looked after and let go, with nothing but create-only names, listing, reading and deleting.

The leases of an account are files `.lease/1`, `.lease/2` …, of which the highest counts. Whoever wants to have it creates the next one:
of several that try, the store lets one succeed. Three rules make this safe for a run that was asleep while others came and went:

- Who takes over deletes the lower ones before it does anything else, and its own last, when it ends. So a lease that lies there still
  with one's own token in it, and none above it, was never taken over: that is what `check` looks for.
- After creating one, one looks again; what does not fit with what was seen before is somebody else at work: the new one is withdrawn.
- Where a store keeps what it was told to delete, numbers only go up, and the end of a run is told by one more lease, `released`.

A run that is cut off leaves its lease, or such a released one. If it lies there when the run is gone on with, nobody else was there.
"""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from wrikebackup_core.engine.leases import looking
from wrikebackup_core.engine.leases.bearer import Bearer, is_gone, process
from wrikebackup_core.engine.leases.looking import LASTS, SKEW, Lying
from wrikebackup_core.engine.leases.memory import Memory
from wrikebackup_core.errors import AlreadyExists, KeyLocked, LeaseLost, Locked
from wrikebackup_core.format.leases import Lease, lease_key
from wrikebackup_core.ports import Sink
from wrikebackup_core.stored import store
from wrikebackup_core.version import __version__

__all__ = ["Hold"]

_TRIES = 6
_PAUSE = 0.2  # seconds, at most, between two of them


class Hold:
    """One account's lease in one sink, in the hands of one run. Safe from any thread."""

    def __init__(
        self,
        sink: Sink,
        account: str,
        bearer: Bearer,
        memory: Memory,
        *,
        distrust: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = looking.now,
        careful: bool = True,
    ) -> None:
        """`distrust` is called, ahead of taking the lease, unless the bearer's owner was the last to have it. Whoever does not care about
        that is not `careful`, which spares a request."""
        self.sink, self._account, self._bearer, self._memory = sink, account, bearer, memory
        self._distrust, self._now, self._careful = distrust, now, careful
        self._generation = 0  # that is known to be held
        self._written: dict[int, bytes] = {}  # what may lie there of our own
        self._kept = False  # the store has kept what was to be deleted
        self._began = self._renewed = self._verified = now()
        self._lost: LeaseLost | None = None
        self._seized: bytes | None = None
        self._lock = threading.Lock()

    # Taking it

    def acquire(self) -> None:
        """Raises Locked where another run holds it, SinkError."""
        with self._lock:
            for attempt in range(_TRIES):
                if attempt:
                    time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 - two that stand in each other's way part by it
                if self._try():
                    return
        raise Locked(f"{self.sink.name}: several runs want to begin at the same moment", hint="try again")

    def _try(self) -> bool:
        """Whether it was taken; False where somebody was faster. Raises Locked, SinkError."""
        self._began = self._now()
        found = self._found() if self._careful else []
        if not found:
            self._distrust()
            first = self._create(1)
            found = self._found()
            if first and found == [1]:
                return self._taken(1)
            if first and 1 in found:  # runs that were killed have left others, or a stranger's is in the way of ours
                self._withdraw(1)
                found.remove(1)
        return bool(found) and self._take_over(found)

    def _take_over(self, found: Sequence[int]) -> bool:
        top = found[-1]
        data = looking.read(self.sink, self._account, top)
        if data is None:
            return False
        self._judge(looking.made_out(self._account, top, data))
        if not self._create(top + 1):
            return False
        after = self._found()
        strangers = set(after).difference(found, [top + 1])
        if strangers or top + 1 not in after or looking.read(self.sink, self._account, top) not in (data, None):
            self._withdraw(top + 1)
            return False
        self._clear([number for number in after if number <= top])
        return self._taken(top + 1)

    def _taken(self, generation: int) -> bool:
        self._generation, self._renewed, self._verified = generation, self._began, self._began
        return True

    def _judge(self, lying: Lying) -> None:
        """Raises Locked unless the lease is certain, or as good as certain, to be nobody's any more."""
        lease = lying.lease
        owner = None if lease is None or lease.place != self._memory.place else self._memory.owner(lease.token)
        if owner != self._bearer.owner:
            self._distrust()
        if owner is not None:  # the lock of this host is ours, so its process has ended
            return
        if lying.data == self._seized or lying.is_over(self._now()) or (lease is not None and is_gone(lease)):
            return
        # A clock may be wrong, and a file may hold anything: one that stays the same for longer than any living run lets it, is over too.
        if self._now() - self._memory.seen_since(lying.data, self._now()) > LASTS + SKEW:
            return
        raise self._held_by(lying)

    def _held_by(self, lying: Lying) -> Locked:
        wait = f"{(LASTS + SKEW).seconds // 60} minutes"
        if lying.lease is None:
            return Locked(
                f"{self.sink.name}: another run may be at work: {lying.key} is a lease that cannot be read",
                hint=f"if it is still the same at a run in {wait}, it no longer counts; `wrikebackup unlock` takes it away",
            )
        return Locked(
            f"{self.sink.name}: {lying.lease.who} is writing here, {lying.lease.when}",
            hint=f"wait for it to end; if it was killed, its lease ends within {wait}, or with `wrikebackup unlock`",
        )

    def seize(self, lying: Lying) -> None:
        """Takes just this lease away from whoever has it, who finds that out before it commits. Raises Locked where it is another by now."""
        self._seized = lying.data
        self.acquire()

    def demand_free(self) -> None:
        """Raises Locked where another run has it, SinkError. Takes nothing."""
        if (lying := looking.lying(self.sink, self._account)) is not None:
            self._judge(lying)

    # Having it

    def check(self) -> None:
        """Raises LeaseLost where another run has it, or has had it meanwhile; SinkError where that cannot be told."""
        with self._lock:
            self._verify()

    @property
    def due(self) -> bool:
        """Whether it is time to renew it."""
        return self._lost is None and not _within(self._renewed, self._now(), LASTS / 3)

    def renew(self) -> None:
        """Raises as `check` does; after a SinkError it may be tried again."""
        with self._lock:
            self._verify()
            begun, fresh = self._now(), max(self._written) + 1
            if not self._create(fresh):
                raise self._overtaken(fresh)
            try:
                self._verify()
            except LeaseLost:
                self._withdraw(fresh)
                raise
            lower = sorted(number for number in self._written if number < fresh)
            self._generation, self._renewed = fresh, begun
            self._clear(lower)

    def _verify(self) -> None:
        if self._lost is not None:
            raise self._lost
        begun, found = self._now(), self._found()
        top = found[-1] if found else 0
        if top not in self._written:
            raise self._overtaken(top)
        for number in sorted({self._generation, top}):
            if looking.read(self.sink, self._account, number) != self._written[number]:
                raise self._overtaken(top)
        self._verified = begun

    def _overtaken(self, top: int) -> LeaseLost:
        data = looking.read(self.sink, self._account, top) if top and top not in self._written else None
        lying = None if data is None else looking.made_out(self._account, top, data)
        if lying is not None and lying.lease is not None:
            who = f"{lying.lease.who} has taken over"
        else:
            who = "another run has had the account meanwhile, or it was unlocked"
        hint = "what this run has stored stays; back up again when the other has ended"
        self._lost = LeaseLost(f"{self.sink.name}: {who}: nothing more is written there", hint=hint)
        return self._lost

    # Letting it go

    def release(self, *, done: bool) -> None:
        """Where the run is not `done`, a released lease stays: who goes on with it can tell that nobody else was there. Raises SinkError."""
        with self._lock:
            if not self._generation or self._lost is not None:
                return
            if not _within(self._verified, self._now(), LASTS / 2):  # by now it may be another's
                try:
                    self._verify()
                except LeaseLost:
                    return
            lower, top = sorted(self._written)[:-1], max(self._written)
            if done and not self._kept:
                self._clear([*lower, top])
            if (self._kept or not done) and self._create(top + 1, released=True):
                self._clear([*lower, top])
            self._generation = 0

    # The store

    def _found(self) -> list[int]:
        return looking.generations(self.sink, self._account)

    def _create(self, generation: int, *, released: bool = False) -> bool:
        """Whether it did not exist. Raises SinkError, WrikeBackupError where the state folder cannot be used."""
        data = self._lease(released=released).encode()
        self._written[generation] = data
        try:
            store(self.sink, lease_key(self._account, generation), [data])
        except AlreadyExists:
            del self._written[generation]
            return False
        return True

    def _lease(self, *, released: bool) -> Lease:
        bearer, now, token = self._bearer, self._now(), secrets.token_hex(8)
        self._memory.note(token, bearer.owner)
        return Lease(
            token=token,
            doing=bearer.doing,
            host=bearer.shown_host,
            pid=os.getpid(),
            tool=f"wrikebackup {__version__}",
            since=self._began,
            expires=now if released else now + LASTS,
            run=bearer.run,
            profile=bearer.profile,
            process=process(),
            place=self._memory.place,
            released=released,
        )

    def _withdraw(self, generation: int) -> None:
        self._clear([generation])

    def _clear(self, numbers: Sequence[int]) -> None:
        """Deletes leases, the lowest before all others and the highest after them. One that is locked keeps those above it."""
        for batch in (numbers[:1], numbers[1:-1], numbers[1:][-1:]):
            if batch:
                try:
                    self.sink.delete(lease_key(self._account, number) for number in batch)
                except KeyLocked:
                    self._kept = True
                    return
                for number in batch:
                    self._written.pop(number, None)


def _within(start: datetime, now: datetime, span: timedelta) -> bool:
    """False too where the clock was set back."""
    return timedelta(0) <= now - start < span
