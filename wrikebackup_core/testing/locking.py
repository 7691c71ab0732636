"""The promises of a sink whose store locks what it is given, as tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import pytest

from wrikebackup_core.errors import KeyLocked
from wrikebackup_core.ports import Locking, Sink

__all__ = ["LockingContract"]


class _LockingSink(Sink, Locking, Protocol): ...


class LockingContract:
    """Inherit it in a class called `Test…`, beside one for `SinkContract`, and override the fixtures.

    What the tests store stays locked: the store has to be one that can be thrown away.
    """

    @pytest.fixture
    def sink(self) -> _LockingSink:
        """A new, empty store that locks for a day at least."""
        raise NotImplementedError("a contract needs the fixture `sink`: a new, empty store that locks")

    @pytest.fixture
    def longer(self, sink: _LockingSink) -> _LockingSink:
        """Another sink on the same store, whose profile asks for locks that are longer by a day at least."""
        raise NotImplementedError("a contract needs the fixture `longer`: a sink on the same store with longer locks")

    @pytest.fixture
    def unlocked(self) -> _LockingSink:
        """The same kind of sink without a lock in its profile, on a new, empty store."""
        raise NotImplementedError("a contract needs the fixture `unlocked`: a sink that asks for no lock")

    def put(self, sink: Sink, key: str, data: bytes = b"content") -> None:
        writer = sink.create(key)
        writer.write(data)
        writer.commit()

    def get(self, sink: Sink, key: str) -> bytes:
        with sink.open(key) as reader:
            return reader.read()

    def test_it_is_a_locking_sink(self, sink: _LockingSink) -> None:
        assert isinstance(sink, Locking)

    def test_what_is_stored_is_locked_and_the_end_is_told(self, sink: _LockingSink) -> None:
        self.put(sink, "a/b")
        self.put(sink, "a/large", b"x" * 6_000_000)
        locks = sink.locked(["a/b", "a/large"])
        assert set(locks) == {"a/b", "a/large"}
        for until in locks.values():
            assert until.utcoffset() is not None
            assert until > datetime.now(UTC)

    def test_a_locked_key_cannot_be_deleted_and_is_kept(self, sink: _LockingSink) -> None:
        self.put(sink, "a/b")
        with pytest.raises(KeyLocked):
            sink.delete(["a/b"])
        assert self.get(sink, "a/b") == b"content"
        assert [entry.key for entry in sink.list("")] == ["a/b"]

    def test_dot_files_are_not_locked(self, sink: _LockingSink) -> None:
        """A lease is one, and is to be gone after the run."""
        self.put(sink, "a/.lease/1")
        assert dict(sink.locked(["a/.lease/1"])) == {}
        sink.delete(["a/.lease/1"])
        assert list(sink.list("")) == []

    def test_what_is_not_there_does_not_hide_what_is_locked(self, sink: _LockingSink) -> None:
        self.put(sink, "a/b")
        with pytest.raises(KeyLocked):
            sink.delete(["a/never-was", "a/b", "a/nor-this"])
        assert self.get(sink, "a/b") == b"content"
        sink.delete(["a/never-was"])

    def test_prolonging_locks_old_keys_as_long_as_a_new_one(self, sink: _LockingSink, longer: _LockingSink) -> None:
        old = [f"a/{number}" for number in range(50)]
        for key in old:
            self.put(sink, key)
        self.put(longer, "a/new")
        before = longer.locked([*old, "a/new"])
        assert all(before[key] < before["a/new"] for key in old)
        longer.prolong(key for key in old)
        after = longer.locked([*old, "a/new"])
        assert all(after[key] >= after["a/new"] for key in old)

    def test_prolonging_never_shortens(self, sink: _LockingSink, longer: _LockingSink) -> None:
        self.put(longer, "a/b")
        before = sink.locked(["a/b"])["a/b"]
        sink.prolong(["a/b"])
        assert sink.locked(["a/b"])["a/b"] >= before

    def test_keys_that_are_not_there_are_passed_over(self, sink: _LockingSink) -> None:
        self.put(sink, "a/b")
        sink.prolong(["a/nothing", "a/b", "no/such/folder"])
        assert set(sink.locked(["a/nothing", "a/b", "no/such/folder"])) == {"a/b"}
        sink.prolong([])
        assert dict(sink.locked([])) == {}

    def test_without_a_lock_in_the_profile_nothing_is_locked(self, unlocked: _LockingSink) -> None:
        self.put(unlocked, "a/b")
        unlocked.prolong(["a/b"])
        assert dict(unlocked.locked(["a/b"])) == {}
        unlocked.delete(["a/b"])
        assert list(unlocked.list("")) == []
