"""How many files are under way at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Callable

from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.job import Job
from wrikebackup_core.testing import MemorySink

SECONDS = 30.0
A_MOMENT = 0.3  # seconds in which a fourth would come, if it could
MakeJob = Callable[..., Job]


class Disk(MemorySink):
    waits = False


def test_a_sink_that_waits_has_as_many_writers_as_there_are_transfers(source, make_job: MakeJob) -> None:
    source.attach("IEAAAEDYIYAAAAAE", "four.txt", b"fourth", "T0000001")
    source.attach("IEAAAEDYIYAAAAAF", "five.txt", b"fifth", "T0000001")
    together = threading.Barrier(4)
    sink = MemorySink()

    def before(operation: str, key: str) -> None:
        if operation == "commit" and "/attachments/" in key and not key.endswith("empty"):
            together.wait(SECONDS)  # broken, and the run with it, unless four come here before one goes on

    sink.before = before
    assert back_up(make_job(sink), lambda _: None).attachments_new == 5


def test_a_sink_that_does_not_has_no_more_than_three(source, make_job: MakeJob) -> None:
    for letter in "EFGHIJKLMNOP":
        source.attach(f"IEAAAEDYIYAAAAB{letter}", f"{letter}.txt", b"x" * 100, "T0000001")
    sink, four = Disk(), threading.Barrier(4)
    crowded = False

    def before(operation: str, key: str) -> None:
        nonlocal crowded
        if operation == "commit" and "/attachments/" in key:
            with contextlib.suppress(threading.BrokenBarrierError):
                four.wait(A_MOMENT)
                crowded = True

    sink.before = before
    assert back_up(make_job(sink), lambda _: None).complete
    assert not crowded


def test_a_file_that_is_still_coming_keeps_no_other_from_being_stored(source, make_job: MakeJob) -> None:
    """Three that come in pieces, each held up until the small ones are there."""
    small_ones = threading.Event()
    for number in range(3):
        source.attach(f"IEAAAEDYIYAAAAC{'ABC'[number]}", f"large{number}", bytes(3 << 20), "T0000001")
    sink, stored = Disk(), set[str]()

    def before(operation: str, key: str) -> None:
        if "large" in key and operation == "commit":
            assert small_ones.wait(SECONDS)
        elif "/attachments/" in key and operation == "commit":
            stored.add(key)
            if len(stored) == 3:
                small_ones.set()

    sink.before = before
    assert back_up(make_job(sink), lambda _: None).attachments_new == 6


def test_files_under_way_hold_no_more_memory_together_than_a_few_large_ones(source, make_job: MakeJob) -> None:
    """A sink that sends a file when it is whole keeps it until then: forty of seven megabytes would be 280."""
    for letters in itertools.product("ABCDE", "ABCDEFGH"):
        source.attach(f"IEAAAEDYIYAAAD{''.join(letters)}", f"medium{''.join(letters)}", bytes(7 << 20), "T0000001")
    lock, held, most = threading.Lock(), 0, 0

    def before(operation: str, key: str) -> None:
        nonlocal held, most
        if "medium" in key and operation in ("create", "commit"):
            with lock:
                held += 7 if operation == "create" else -7
                most = max(most, held)

    sink = MemorySink()
    sink.before = before
    assert back_up(dataclasses.replace(make_job(sink), transfers=40), lambda _: None).complete
    assert 7 < most <= 64
