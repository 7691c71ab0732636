"""The lease of an account in a sink: who has it, who may take it over and when, and that whoever has lost it finds out."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from wrikebackup_core.engine.leases import Bearer, Hold, Memory
from wrikebackup_core.engine.leases import bearer as bearers
from wrikebackup_core.engine.leases.looking import LASTS, SKEW
from wrikebackup_core.errors import ExitCode, KeyLocked, LeaseLost, Locked
from wrikebackup_core.format.leases import Lease
from wrikebackup_core.testing import MemorySink

ACCOUNT = "IEAAAEDY"
FOLDER = f"account-{ACCOUNT}/.lease"
OVER = LASTS + SKEW + timedelta(seconds=1)


class World:
    """One sink, the time, and hosts, each a state folder."""

    def __init__(self, tmp_path: Path) -> None:
        self.sink, self.now = MemorySink(), datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
        self.tmp_path, self.told = tmp_path, list[str]()

    def hold(self, host: str, owner: str = "spool", state: str | None = None) -> Hold:
        memory = Memory(self.tmp_path / (state or host) / "locks" / "x.lease")
        bearer = Bearer("backup", owner, host=host)
        return Hold(self.sink, ACCOUNT, bearer, memory, distrust=lambda: self.told.append(host), now=lambda: self.now)

    def held(self, host: str, **more: str) -> Hold:
        hold = self.hold(host, **more)
        hold.acquire()
        return hold

    @property
    def names(self) -> list[str]:
        return sorted(key.removeprefix(f"{FOLDER}/") for key in self.sink.objects)

    def killed(self) -> None:
        """The process of whoever has the lease now is gone, and nobody on its machine can tell."""
        for key, data in self.sink.objects.items():
            lease = msgspec.structs.replace(Lease.decode(data, key), process="another boot:1:2:3")
            self.sink.objects[key] = lease.encode()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("wrikebackup_core.engine.leases.hold.process", lambda: "")
    return World(tmp_path)


def test_a_run_that_ends_leaves_nothing(world: World) -> None:
    hold = world.held("A")
    hold.check()
    hold.release(done=True)
    assert world.names == []


def test_it_costs_five_requests(world: World) -> None:
    hold = Hold(world.sink, ACCOUNT, Bearer("copy", "copy"), Memory(world.tmp_path / "x.lease"), careful=False)
    hold.acquire()
    hold.check()
    hold.release(done=True)
    counted = {name: world.sink.calls[name] for name in ("create", "list", "open", "delete")}
    assert counted == {"create": 1, "list": 2, "open": 1, "delete": 1}


def test_another_run_is_refused_with_who_since_when_and_until_when(world: World) -> None:
    world.held("A")
    with pytest.raises(Locked) as caught:
        world.hold("B").acquire()
    assert caught.value.exit_code is ExitCode.LOCKED
    said = "memory:memory: a backup on A is writing here, since 2026-11-23 15:30, until 15:45 UTC unless it goes on"
    assert caught.value.message == said
    assert "20 minutes" in str(caught.value.hint)
    assert world.names == ["1"]


def test_a_lease_that_is_renewed_is_never_over(world: World) -> None:
    hold = world.held("A")
    for _ in range(10):
        world.now += LASTS / 3
        assert hold.due
        hold.renew()
        assert not hold.due
        with pytest.raises(Locked):
            world.hold("B").acquire()
    hold.check()
    assert world.names == ["11"]


def test_what_a_dead_run_left_holds_as_long_as_it_says_and_the_clocks_may_differ(world: World) -> None:
    world.held("A")
    world.now += LASTS + SKEW
    with pytest.raises(Locked):
        world.hold("B").acquire()
    world.now += timedelta(seconds=1)
    world.held("C").check()


def test_whoever_was_taken_over_is_told_by_whom(world: World) -> None:
    slept = world.held("A")
    world.now += OVER
    world.held("B")
    for attempt in (slept.check, slept.renew, slept.check):
        with pytest.raises(LeaseLost, match="a backup on B has taken over: nothing more is written there"):
            attempt()
    slept.release(done=True)
    assert world.names == ["2"]


def test_whoever_slept_through_a_whole_run_of_another_is_told(world: World) -> None:
    slept = world.held("A")
    world.now += OVER
    world.held("B").release(done=True)
    with pytest.raises(LeaseLost, match="has had the account meanwhile"):
        slept.check()


@pytest.mark.parametrize("attempt", ["check", "renew", "release"])
def test_whoever_slept_until_a_third_run_has_a_lease_of_the_same_name_is_told(world: World, attempt: str) -> None:
    slept = world.held("A")
    world.now += OVER
    world.held("B").release(done=True)
    third = world.held("C")
    assert world.names == ["1"]
    if attempt == "release":
        slept.release(done=True)
    else:
        with pytest.raises(LeaseLost):
            getattr(slept, attempt)()
    third.check()
    assert world.names == ["1"]


def test_whoever_falls_asleep_while_it_renews_is_told(world: World) -> None:
    """Ahead of writing the next lease; others come and go meanwhile, and the name that it wants is free again."""
    slept, asleep = world.held("A"), [True]

    def sleep(operation: str, key: str) -> None:
        if operation == "commit" and asleep.pop():
            world.sink.before = None
            world.now += OVER
            world.held("B").release(done=True)
            world.held("C")

    world.sink.before = sleep
    with pytest.raises(LeaseLost):
        slept.renew()
    assert world.names == ["1"]


def test_of_two_that_take_over_at_once_one_is_refused(world: World) -> None:
    world.held("A")
    world.now += OVER
    late = world.hold("B")

    def first(operation: str, key: str) -> None:
        if operation == "commit":
            world.sink.before = None
            world.held("C")

    world.sink.before = first
    with pytest.raises(Locked, match="a backup on C"):
        late.acquire()
    assert world.names == ["2"]


def test_a_run_that_wakes_up_just_when_it_is_taken_over_keeps_its_lease(world: World) -> None:
    slept = world.held("A")
    world.now += OVER
    late = world.hold("B")

    def wake(operation: str, key: str) -> None:
        if operation == "commit":
            world.sink.before = None
            slept.renew()
            slept.renew()

    world.sink.before = wake
    with pytest.raises(Locked, match="a backup on A"):
        late.acquire()
    slept.check()


@pytest.mark.parametrize("data", [b"", b"no json", b'{"token":"x"}', b"[" * 100_000])
def test_what_cannot_be_read_counts_until_it_was_seen_unchanged_for_long_enough(world: World, data: bytes) -> None:
    world.sink.objects[f"{FOLDER}/7"] = data
    for _ in range(2):
        with pytest.raises(Locked, match="is a lease that cannot be read"):
            world.hold("B").acquire()
        world.now += OVER / 2
    world.now += timedelta(seconds=1)
    world.held("B").check()
    assert world.names == ["8"]


def test_a_lease_from_the_future_does_not_hold_for_ever(world: World) -> None:
    world.now += timedelta(days=36_500)
    world.held("A")
    world.now -= timedelta(days=36_500)
    with pytest.raises(Locked):
        world.hold("B").acquire()
    world.now += OVER
    world.held("B").check()


def test_a_living_run_whose_clock_is_wrong_is_not_taken_for_dead(world: World) -> None:
    """It is in the future, and renews its lease: each time another one is seen."""
    world.now += timedelta(days=365)
    hold = world.held("A")
    for _ in range(5):
        world.now += timedelta(minutes=10)
        hold.renew()
        world.now -= timedelta(days=365)
        with pytest.raises(Locked):
            world.hold("B").acquire()
        world.now += timedelta(days=365)


def test_a_clock_that_is_set_back_keeps_nobody_from_renewing(world: World) -> None:
    hold = world.held("A")
    world.now -= timedelta(days=1)
    assert hold.due
    hold.renew()
    hold.check()


def test_what_the_same_state_folder_left_is_taken_over_at_once(world: World) -> None:
    """Its lock is ours: whoever had it is dead."""
    world.held("A")
    world.held("renamed", state="A").check()
    assert world.told == ["A"]  # nothing was there; the second time, it was its own


def test_a_copy_of_the_state_folder_waits(world: World) -> None:
    world.held("A")
    (world.tmp_path / "copy" / "locks").mkdir(parents=True)
    (world.tmp_path / "copy" / "locks" / "x.lease").write_bytes((world.tmp_path / "A/locks/x.lease").read_bytes())
    with pytest.raises(Locked):
        world.hold("B", state="copy").acquire()


def test_notes_are_relied_on_only_where_nobody_else_had_the_lease(world: World) -> None:
    world.held("A").release(done=False)
    world.held("A").release(done=False)
    assert world.told == ["A"]
    world.held("B").release(done=False)
    world.held("A").release(done=True)
    assert world.told == ["A", "B", "A"]
    world.held("A")
    assert world.told == ["A", "B", "A", "A"]


@pytest.mark.parametrize("ends", [True, False])
def test_another_that_had_it_and_ended_is_noticed_too(world: World, ends: bool) -> None:
    world.held("A").release(done=False)
    world.held("B").release(done=ends)
    world.told.clear()
    world.held("A")
    assert world.told == ["A"]


def test_a_store_that_keeps_what_it_is_told_to_delete_is_no_obstacle(world: World) -> None:
    """Numbers go up, and each end is told by one more; at the start only the lowest is tried, until it can go."""
    world.sink.fail("delete", lambda: KeyLocked("for a year"), times=None)
    slept = world.held("A")
    world.now += OVER
    world.held("B").release(done=True)
    with pytest.raises(LeaseLost):
        slept.check()
    for host in "CD":
        hold = world.held(host)
        world.now += LASTS / 2
        hold.renew()
        hold.check()
        with pytest.raises(Locked):
            world.hold("E").acquire()
        world.sink.calls.clear()
        hold.release(done=True)
    world.sink.heal()
    world.held("F").release(done=True)
    assert world.names == []


def test_leases_that_killed_runs_left_below_and_above_are_no_obstacle(world: World) -> None:
    world.held("A")
    data = world.sink.objects.pop(f"{FOLDER}/1")
    world.sink.objects |= {f"{FOLDER}/3": data, f"{FOLDER}/5": data, f"{FOLDER}/.DS_Store": b"x", f"{FOLDER}/a/9": b""}
    world.now += OVER
    hold = world.held("B")
    hold.check()
    hold.release(done=True)
    assert [name for name in world.names if name.isdecimal()] == []


def test_what_is_told_of_a_holder_is_harmless_to_a_terminal(world: World) -> None:
    world.held("A\x1b[2J\n" + "x" * 1000, state="A")
    with pytest.raises(Locked) as caught:
        world.hold("B").acquire()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


@pytest.mark.skipif(not bearers.process(), reason="only Linux tells")
def test_a_process_of_this_machine_that_has_ended_is_known_to_be_gone() -> None:
    code = "from wrikebackup_core.engine.leases.bearer import process; print(process(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        when = datetime(2026, 11, 23, tzinfo=UTC)
        said = other.stdout.readline().decode().strip()
        lease = Lease("t", "backup", "h", other.pid, "", when, when, process=said)
        assert not bearers.is_gone(lease)
        other.kill()
    assert bearers.is_gone(lease)
    assert bearers.is_gone(msgspec.structs.replace(lease, pid=os.getpid()))  # its pid was given away
    boot, _, rest = said.partition(":")
    assert not bearers.is_gone(msgspec.structs.replace(lease, process=f"another{boot}:{rest}"))
    assert not bearers.is_gone(msgspec.structs.replace(lease, process=""))


def test_whoever_begins_without_looking_first_does_not_miss_a_lease_that_was_renewed(world: World) -> None:
    holder = world.held("A")
    holder.renew()
    bearer, memory = Bearer("prune", "prune"), Memory(world.tmp_path / "x.lease")
    hasty = Hold(world.sink, ACCOUNT, bearer, memory, now=lambda: world.now, careful=False)
    with pytest.raises(Locked):
        hasty.acquire()
    assert world.names == ["2"]
    holder.check()
