"""Large objects go through two threads: nothing is lost, nothing changes its order, and an error comes out where it is waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.hashing import hashing
from wrikebackup_core.engine.pipe import LARGE, Ahead, Behind
from wrikebackup_core.errors import SinkError
from wrikebackup_core.stored import hash_of
from wrikebackup_core.testing.memory import MemoryReader

PIECE = b"0123456789abcdef" * (1 << 15)  # half a MB


def large() -> list[bytes]:
    return [bytes([number]) + PIECE for number in range(2 * LARGE // len(PIECE))]


def test_what_is_behind_takes_all_in_order() -> None:
    taken: list[bytes] = []
    behind = Behind(lambda piece: taken.append(bytes(piece)))
    for piece in large():
        behind.put(piece)
    behind.finish()
    assert taken == large()


def test_the_bytes_that_are_handed_over_may_be_used_again_at_once() -> None:
    taken: list[bytes] = []
    behind, buffer = Behind(lambda piece: taken.append(bytes(piece))), bytearray(len(PIECE) + 1)
    for piece in large():
        buffer[:] = piece
        behind.put(memoryview(buffer))
    behind.finish()
    assert taken == large()


def test_small_objects_take_no_thread() -> None:
    taken_by: set[int] = set()
    behind = Behind(lambda _: taken_by.add(threading.get_ident()))
    behind.put(PIECE)
    behind.finish()
    assert taken_by == {threading.get_ident()}


@pytest.mark.parametrize("failing", [0, 1, 12])
def test_an_error_behind_is_raised_to_who_brings_the_pieces(failing: int) -> None:
    taken: list[bytes] = []

    def take(piece: bytes | bytearray | memoryview) -> None:
        if len(taken) == failing:
            raise SinkError("the disk is full")
        taken.append(bytes(piece))

    behind = Behind(take)

    def bring() -> None:
        for piece in large():
            behind.put(piece)
        behind.finish()

    with pytest.raises(SinkError, match="the disk is full"):
        bring()
    behind.stop()
    assert taken == large()[:failing]


def test_nothing_is_taken_after_a_stop() -> None:
    entered, goes_on = threading.Event(), threading.Event()
    taken = 0

    def take(_: bytes | bytearray | memoryview) -> None:
        nonlocal taken
        taken += 1
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            goes_on.wait()

    behind, first = Behind(take), -(-LARGE // len(PIECE)) + 1
    for piece in large()[: first + 2]:
        behind.put(piece)
    entered.wait()
    before = taken
    threading.Timer(0.05, goes_on.set).start()
    behind.stop()
    assert taken == before


def test_a_thread_that_the_system_refuses_keeps_nothing_from_being_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    behind = Behind(lambda _: None)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        behind.put(bytes(LARGE + 1))
    behind.stop()


def test_what_is_ahead_gives_all_in_order_and_then_the_error() -> None:
    def pieces() -> Iterator[bytes]:
        yield from large()
        raise SinkError("the line broke")

    ahead = Ahead(pieces())
    assert [ahead.next() for _ in large()] == large()
    for _ in range(2):
        with pytest.raises(SinkError, match="the line broke"):
            ahead.next()
    ahead.stop()


def test_nobody_reads_on_once_it_is_stopped() -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield PIECE

    ahead = Ahead(pieces())
    ahead.next()
    ahead.stop()
    before = read
    assert threading.active_count() == len([one for one in threading.enumerate() if one.name != "ahead"])
    assert read == before


@given(st.integers(0, 3 * LARGE), st.integers(1, 2 << 20))
def test_reading_ahead_gives_the_bytes_and_their_hash(size: int, at_once: int) -> None:
    content = (PIECE * (size // len(PIECE) + 1))[:size]
    told = 0

    def tell(more: int) -> None:
        nonlocal told
        told += more

    with MemoryReader(content) as stored, hashing(stored, tell) as hashed:
        got = b"".join(iter(lambda: hashed.read(at_once), b""))
        hashed.rest()
    assert got == content
    assert (hashed.sha256, told) == (hash_of([content]), size)
