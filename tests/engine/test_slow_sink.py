"""A slow sink beside a fast one holds the run back, and nothing else: not memory, and not the fast one's backup."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest

from wrikebackup_core import Event, FileFinished, SinkError
from wrikebackup_core.engine import transfer
from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.engine.threads import Room
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]
ROOM, FILE, FILES = 1 << 20, 64 << 10, 200
LARGE = 20 << 20
STUCK = 120.0  # seconds; only ever waited for by a test that fails


class Held:
    """Bytes that the source gave and that are not stored yet."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0

    def change(self, by: int) -> None:
        with self.lock:
            self.now += by
            self.most = max(self.most, self.now)


def slow_until(waiting: threading.Event) -> Callable[[str, str], None]:
    """What a sink does that commits no file before somebody has to wait for room."""

    def before(operation: str, key: str) -> None:
        if operation == "commit" and "/attachments/" in key and not waiting.wait(STUCK):
            raise AssertionError("nobody waited: the run takes in files without a limit")

    return before


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a file has to wait until others are stored."""
    event = threading.Event()

    class Watched(Room):
        def taken(self, size: int) -> Any:
            if self._free < size:
                event.set()
            return super().taken(size)

    monkeypatch.setattr(transfer, "Room", Watched)
    monkeypatch.setattr(transfer, "_ROOM", ROOM)
    return event


@pytest.fixture
def held(source: Any) -> Held:
    held = Held()
    for number in range(FILES):
        last = "".join(chr(ord("A") + int(digit, 16)) for digit in f"{number:04x}")
        source.attach(f"IEAAAEDYIYBB{last}", f"{number}.bin", number.to_bytes(2) * (FILE // 2), "T0000001")
    source.before_download = lambda _: held.change(FILE)
    return held


def run(job: Job, held: Held) -> Outcome:
    def notify(event: Event) -> None:
        if isinstance(event, FileFinished):
            held.change(-FILE)

    return back_up(dataclasses.replace(job, transfers=96), notify)


def files(sink: MemorySink) -> dict[str, bytes]:
    return {key: data for key, data in sink.objects.items() if "/attachments/IEAAAEDYIYBB" in key}


@pytest.mark.parametrize("order", ["slow first", "fast first"])
def test_what_a_slow_sink_keeps_waiting_has_a_limit_and_both_get_all(
    make_job: MakeJob, waiting: threading.Event, held: Held, order: str
) -> None:
    slow, fast = MemorySink("slow", before=slow_until(waiting)), MemorySink("fast")
    outcome = run(make_job(*((slow, fast) if order == "slow first" else (fast, slow))), held)
    assert outcome.exit_code is ExitCode.DONE
    assert len(files(fast)) == FILES
    assert files(slow) == files(fast)
    assert waiting.is_set()
    assert held.most <= ROOM + 3 * FILE  # the source's own three files are counted as if they were of that size
    assert FILES * FILE > 10 * ROOM


@pytest.mark.parametrize("order", ["slow first", "fast first"])
def test_a_sink_that_is_given_up_after_a_long_wait_does_not_take_the_fast_one_with_it(
    make_job: MakeJob, waiting: threading.Event, held: Held, order: str
) -> None:
    """As a store does that no longer answers: after its timeout it is an error."""
    hold = slow_until(waiting)

    def before(operation: str, key: str) -> None:
        hold(operation, key)
        if operation == "commit" and "/attachments/" in key:
            raise SinkError("no answer in time")

    slow, fast = MemorySink("slow", before=before), MemorySink("fast")
    outcome = run(make_job(*((slow, fast) if order == "slow first" else (fast, slow))), held)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.sinks == {"memory:slow": "no answer in time", "memory:fast": None}
    assert len(files(fast)) == FILES
    assert not files(slow)
    assert not slow.unfinished()
    assert held.most <= ROOM + 3 * FILE


def test_a_large_file_is_read_no_faster_than_the_slower_sink_takes_it(source: Any, make_job: MakeJob) -> None:
    """Its pieces of 1 MB are never far ahead: one that is being written, two that wait for it, and one that waits for room."""
    source.attach("IEAAAEDYIYBBLARG", "large.bin", bytes(LARGE), "T0000001")
    given, ahead = [0], [0]
    open_attachment = source.open_attachment

    def counting(attachment: Any, offset: int = 0) -> Any:
        reader = open_attachment(attachment, offset)
        read = reader.read

        def counted(size: int = -1, /) -> bytes:
            data: bytes = read(size)
            if attachment.id == "IEAAAEDYIYBBLARG":
                given[0] += len(data)
            return data

        reader.read = counted
        return reader

    source.open_attachment = counting
    slow, fast = MemorySink("slow"), MemorySink("fast")

    def before(operation: str, key: str) -> None:
        if operation == "write" and key.endswith("large.bin"):
            (writer,) = (one for one in list(slow._writers.values()) if one.key == key)
            ahead[0] = max(ahead[0], given[0] - len(writer.data))

    slow.before = before
    assert back_up(make_job(fast, slow), lambda _: None).exit_code is ExitCode.DONE
    assert given[0] == LARGE
    assert 0 < ahead[0] <= 4 << 20
    assert [key for key in slow.objects if key.endswith("large.bin")]
