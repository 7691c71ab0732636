"""However two hosts, and runs that come after them, get in each other's way: whoever has been taken over is told before it commits."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wrikebackup_core.engine.leases import Bearer, Hold, Memory
from wrikebackup_core.engine.leases import hold as module
from wrikebackup_core.errors import LeaseLost, Locked
from wrikebackup_core.testing import MemorySink

ACCOUNT = "IEAAAEDY"
PATIENCE = 20  # seconds; nothing waits so long unless it hangs


class Step:
    """One operation of a host in a thread of its own, which stops ahead of each request until it is told to go on."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.result: object = None
        self.error: BaseException | None = None
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self.over = False
        self.thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self.thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        self._go.acquire()
        try:
            self.result = work()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error
        self.over = True
        self._stands.release()

    def pause(self) -> None:
        """Called in its thread, ahead of a request."""
        self._stands.release()
        self._go.acquire()

    def on(self) -> None:
        """Lets it do one request more, or come to its end."""
        self._go.release()
        assert self._stands.acquire(timeout=PATIENCE)


class TwoHolders(RuleBasedStateMachine):
    """Hosts A and B, each with a clock of its own that may be wrong and jump; a run may sleep between any two requests for ever.

    `order` numbers acquisitions as they are completed. A check that is begun after another's acquisition was completed must not pass
    for an earlier one, unless that other has ended since, and then neither: its own lease is gone.
    """

    keeps = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.sink = MemorySink()
        self.sink.before = self._before
        if self.keeps:  # as a bucket with a default retention does
            self.sink.locks = _All()
        self.skew = {"A": timedelta(0), "B": timedelta(0)}
        self.time = datetime(2026, 11, 23, tzinfo=UTC)
        self.steps: dict[int, Step] = {}  # by thread
        self.at: dict[str, list[tuple[str, Hold, Step, int]]] = {"A": [], "B": []}
        self.holds: list[Hold] = []
        self.host: dict[int, str] = {}
        self.acquired: dict[int, int] = {}
        self.released: set[int] = set()
        self.number = 0

    def teardown(self) -> None:
        self.sink.before = None
        for running in self.at.values():
            for _, _, step, _ in running:
                for _ in range(200):
                    if step.over:
                        break
                    step.on()
        self.folder.cleanup()

    def _before(self, operation: str, key: str) -> None:
        step = self.steps.get(threading.get_ident())
        if step is not None and operation in ("commit", "list", "open", "delete"):
            step.pause()

    def _start(self, host: str, what: str, hold: Hold, work: Callable[[], object]) -> None:
        step = Step(work)
        assert step.thread.ident is not None
        self.steps[step.thread.ident] = step
        self.at[host].append((what, hold, step, self.number))

    def _busy(self, hold: Hold) -> bool:
        return any(other is hold for running in self.at.values() for _, other, _, _ in running)

    # What may happen

    @rule(host=st.sampled_from("AB"))
    def begin(self, host: str) -> None:
        """A run begins. The lock of its host is another matter: there may be several state folders."""
        state = Path(self.folder.name) / f"{host}{len(self.holds)}"
        hold = Hold(
            self.sink,
            ACCOUNT,
            Bearer("backup", f"spool-{len(self.holds)}", host=host),
            Memory(state / "locks" / "x.lease"),
            now=lambda: self.time + self.skew[host],
        )
        self.holds.append(hold)
        self.host[id(hold)] = host
        self._start(host, "acquire", hold, hold.acquire)

    @precondition(lambda self: self.acquired)
    @rule(data=st.data(), what=st.sampled_from(["check", "check", "renew", "release", "cut off"]))
    def go_on(self, data: st.DataObject, what: str) -> None:
        ready = [one for one in self.holds if id(one) in self.acquired and not self._busy(one)]
        if ready:
            hold = data.draw(st.sampled_from(ready))
            work = {
                "check": hold.check,
                "renew": hold.renew,
                "release": lambda: hold.release(done=True),
                "cut off": lambda: hold.release(done=False),
            }[what]
            self._start(self.host[id(hold)], what, hold, work)

    @precondition(lambda self: any(self.at.values()))
    @rule(data=st.data(), requests=st.integers(1, 8))
    def request(self, data: st.DataObject, requests: int) -> None:
        """One operation goes on by some requests."""
        host = data.draw(st.sampled_from([host for host, running in self.at.items() if running]))
        entry = data.draw(st.sampled_from(self.at[host]))
        for _ in range(requests):
            entry[2].on()
            if entry[2].over:
                self.at[host].remove(entry)
                self._ended(*entry)
                break

    @rule(minutes=st.integers(1, 40))
    def sleep(self, minutes: int) -> None:
        self.time += timedelta(minutes=minutes)

    @rule(host=st.sampled_from("AB"), minutes=st.sampled_from([-24 * 60, -30, 30, 24 * 60]))
    def set_clock(self, host: str, minutes: int) -> None:
        self.skew[host] += timedelta(minutes=minutes)

    @rule(garbage=st.sampled_from([b"", b"{}", b"\xff" * 100]), far=st.booleans())
    def stranger(self, garbage: bytes, far: bool) -> None:
        """Something that is no lease, or one that ends in a hundred years, is put in the way, above all others."""
        found = [int(key.rpartition("/")[2]) for key in self.sink.objects]
        if far and self.sink.objects:
            text = next(iter(self.sink.objects.values()))
            garbage = text.replace(b'"expires":"20', b'"expires":"21')
        self.sink.objects[f"account-{ACCOUNT}/.lease/{max(found, default=0) + 1}"] = garbage

    # What must hold

    def _ended(self, what: str, hold: Hold, step: Step, begun: int) -> None:
        mine = self.acquired.get(id(hold))
        assert step.error is None or isinstance(step.error, (Locked, LeaseLost)), step.error
        if what == "acquire" and step.error is None:
            self.number += 1
            self.acquired[id(hold)] = self.number
        elif what in ("check", "renew") and step.error is None:
            assert mine is not None
            assert mine >= begun, "a run commits though another had taken over before it looked"
        elif what in ("release", "cut off"):
            self.acquired.pop(id(hold), None)

    @invariant()
    def lease_files_only(self) -> None:
        assert all(key.startswith(f"account-{ACCOUNT}/.lease/") for key in self.sink.objects)


class _All(dict[str, datetime]):
    """Every key is locked."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> datetime:
        return datetime.max.replace(tzinfo=UTC)


class TwoHoldersInAStoreThatKeeps(TwoHolders):
    keeps = True


module._PAUSE = 0
SETTINGS = settings(max_examples=25, stateful_step_count=60, deadline=None)
TestTwoHolders = TwoHolders.TestCase
TestTwoHoldersInAStoreThatKeeps = TwoHoldersInAStoreThatKeeps.TestCase
TestTwoHolders.settings = TestTwoHoldersInAStoreThatKeeps.settings = SETTINGS
