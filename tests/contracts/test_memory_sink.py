"""The sink in memory keeps the promises of a sink, and the promises that it makes to tests."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from wrikebackup_core import KeyLocked, KeyNotFound, Sink, SinkError, SinkFull
from wrikebackup_core.testing import LockingContract, MemorySink, SinkContract


class TestMemorySink(SinkContract):
    @pytest.fixture
    def sink(self) -> MemorySink:
        return MemorySink()

    def leftovers(self, sink: Sink) -> Collection[str]:
        assert isinstance(sink, MemorySink)
        return sink.unfinished()


class TestMemorySinkThatLocks(LockingContract):
    @pytest.fixture
    def sink(self) -> MemorySink:
        return MemorySink(lock_days=30)

    @pytest.fixture
    def longer(self, sink: MemorySink) -> MemorySink:
        return _beside(sink, 60)

    @pytest.fixture
    def unlocked(self) -> MemorySink:
        return MemorySink()


def _beside(sink: MemorySink, lock_days: int) -> MemorySink:
    """Another sink on the same store."""
    other = MemorySink(lock_days=lock_days)
    other.objects, other.locks = sink.objects, sink.locks
    return other


def test_a_lock_keeps_its_object_and_no_other_from_being_deleted() -> None:
    sink = MemorySink(objects={"old": b"old"}, lock_days=30)
    _put(sink, "new")
    with pytest.raises(KeyLocked, match="new is locked until"):
        sink.delete(["new", "old"])
    assert list(sink.objects) == ["new"]
    sink.locks.clear()
    sink.delete(["new"])
    assert sink.objects == {}


def _put(sink: MemorySink, key: str, data: bytes = b"data") -> None:
    writer = sink.create(key)
    writer.write(data)
    writer.commit()


@pytest.mark.parametrize("operation", ["create", "write", "commit", "open", "read", "list", "delete", "sync", "sweep"])
def test_each_operation_can_be_told_to_fail_once(operation: str) -> None:
    sink = MemorySink(objects={"old": b"old"})

    def everything() -> None:
        _put(sink, "new")
        with sink.open("old") as reader:
            reader.read()
        list(sink.list(""))
        sink.sync()
        sink.sweep("")
        sink.delete(["new"])

    sink.fail(operation)
    with pytest.raises(SinkError, match=f"told to fail at {operation}"):
        everything()
    sink.delete(["new"])
    everything()


def test_a_fault_can_wait_and_pick_its_keys_and_last() -> None:
    sink = MemorySink()
    sink.fail("commit", lambda: SinkFull("no room"), keys="*/attachments/*", skip=1, times=None)
    _put(sink, "a/manifest.json")
    _put(sink, "a/attachments/1")
    for name in ("2", "3"):
        with pytest.raises(SinkFull):
            _put(sink, f"a/attachments/{name}")
    assert sink.unfinished() == ["a/attachments/2", "a/attachments/3"]
    sink.heal()
    _put(sink, "a/attachments/4")
    assert sorted(sink.objects) == ["a/attachments/1", "a/attachments/4", "a/manifest.json"]


def test_a_power_cut_takes_what_no_barrier_followed() -> None:
    sink = MemorySink()
    _put(sink, "safe")
    sink.sync()
    _put(sink, "lost")
    sink.create("half").write(b"half")
    sink.power_cut()
    assert list(sink.objects) == ["safe"]
    assert sink.unfinished() == []


def test_what_is_committed_while_a_barrier_runs_is_not_durable_after_it() -> None:
    sink = MemorySink()
    sink.before = lambda operation, key: _put_once(sink) if operation == "sync" else None
    sink.sync()
    sink.power_cut()
    assert sink.objects == {}


def _put_once(sink: MemorySink) -> None:
    if not sink.objects:
        _put(sink, "meanwhile")


def test_a_store_with_a_capacity_can_be_full_and_keeps_what_it_has() -> None:
    sink = MemorySink(capacity=10)
    _put(sink, "one", b"12345678")
    writer = sink.create("two")
    with pytest.raises(SinkFull):
        writer.write(b"123")
    writer.discard()
    with pytest.raises(KeyNotFound):
        sink.open("two")
    _put(sink, "three", b"12")


def test_calls_are_counted() -> None:
    sink = MemorySink()
    _put(sink, "one")
    _put(sink, "two")
    assert sink.calls == {"create": 2, "write": 2, "commit": 2}
