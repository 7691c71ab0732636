"""SHA256SUMS read one after the other: each for itself tells what it names, whatever the one before it was, or has become."""

from __future__ import annotations

import dataclasses
import errno
import gc
import hashlib
import io
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core import FormatError, SinkError
from wrikebackup_core.engine.prune import reading as reading_module
from wrikebackup_core.engine.prune.flags import Flags
from wrikebackup_core.engine.prune.lines import comparable
from wrikebackup_core.engine.prune.numbering import Numbering
from wrikebackup_core.engine.prune.reading import Contents, Listed, Reading
from wrikebackup_core.format import checksums

PIECE = 5_000
MANY = [f"IEAAAEDYIY{at:06X}-file {at}" for at in range(2_300)]


class Store:
    """A SHA256SUMS that can be something else the next time, and how often it was asked for."""

    def __init__(self, names: Sequence[str], *, total: int | None = None, far: bool = False) -> None:
        paths = [*(f"../attachments/{name}" for name in names), f"backup-{len(names)}.zip"]
        self.data = "".join(checksums.line(hashlib.sha256(path.encode()).hexdigest(), path) for path in paths).encode()
        self.asked, self.error = 0, SinkError("gone")
        total = len(names) if total is None else total
        self.listed = Listed("x", hashlib.sha256(self.data).hexdigest(), total, self.chunks, far)

    def chunks(self) -> Iterator[bytes]:
        self.asked += 1
        if not self.data:
            raise self.error
        return (self.data[at : at + PIECE] for at in range(0, len(self.data), PIECE))


def named(numbering: Numbering, numbers: Flags) -> set[bytes]:
    every = {numbering.number(name): name for name in numbering}
    return set(numbers.of([every[number] for number in range(len(every))]))


@pytest.fixture
def reading() -> Iterator[Reading]:
    reading = Reading(Numbering())
    yield reading
    reading.close()


def read(reading: Reading, store: Store) -> set[bytes]:
    found = reading.read(store.listed)
    assert found.sha256 == store.listed.sha256
    return named(reading.numbering, found.numbers)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.sampled_from([*MANY[:12], "é", "a\\b", "a\nb"]), max_size=12), max_size=6), st.booleans())
def test_names_in_any_order_and_even_twice_are_all_found(shelves: list[list[str]], far: bool) -> None:
    reading = Reading(Numbering())
    for names in shelves:
        assert read(reading, Store(names, far=far)) == set(comparable(names))
    reading.close()


def test_each_is_asked_for_once(reading: Reading) -> None:
    stores = [Store(MANY), Store(MANY[1:]), Store(MANY[:-1])]
    assert [read(reading, store) for store in stores] == [set(comparable(n)) for n in (MANY, MANY[1:], MANY[:-1])]
    assert [store.asked for store in stores] == [1, 1, 1]


@pytest.mark.parametrize("become", [b"", b"x" * 5000])
def test_what_becomes_of_one_later_changes_nothing(reading: Reading, become: bytes) -> None:
    before, then = Store(MANY), Store(MANY[:100] + MANY[110:])
    read(reading, before)
    before.data = become
    assert read(reading, then) == set(comparable(MANY[:100] + MANY[110:]))
    assert read(reading, Store(MANY[50:])) == set(comparable(MANY[50:]))


@pytest.mark.parametrize("twice", [0, 1100, len(MANY) - 1])
def test_one_that_has_a_line_twice_is_nothing_to_compare_with(reading: Reading, twice: int) -> None:
    """Whatever its manifest counts: without one of the two lines it would seem to be without the name."""
    doubled = Store([*MANY[: twice + 1], *MANY[twice:]], total=len(MANY))
    assert read(reading, doubled) == set(comparable(MANY))
    assert reading.last is None
    assert read(reading, Store(MANY)) == set(comparable(MANY))
    assert read(reading, doubled) == set(comparable(MANY))


def test_one_whose_manifest_counts_something_else_is_as_good(reading: Reading) -> None:
    first, second = Store(MANY), Store(MANY[5:], total=7)
    read(reading, first)
    assert read(reading, second) == set(comparable(MANY[5:]))
    assert reading.last == second.listed.sha256
    assert read(reading, Store(MANY[3:])) == set(comparable(MANY[3:]))


@pytest.mark.parametrize("in_memory", [0, 20_000, 200_000])
def test_what_memory_does_not_hold_is_on_disk(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(reading_module, "_ROOM", in_memory)
    for names in (MANY, MANY[1:], MANY[:-1], MANY[:500] + MANY[600:]):
        assert read(reading, Store(names)) == set(comparable(names))
        assert reading.last is not None


def test_a_copy_that_cannot_be_had_back_is_done_without(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Lost(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "a disk that is broken")

    monkeypatch.setattr(reading_module, "_ROOM", 50_000)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Lost(tmp_path / "copy", "w+"))
    before, then = Store(MANY), Store(MANY[:100] + MANY[110:])
    read(reading, before)
    assert read(reading, then) == set(comparable(MANY[:100] + MANY[110:]))
    assert (before.asked, then.asked) == (1, 2)


@pytest.mark.parametrize("room", [0, 100, 100_000, 1_000_000])
@pytest.mark.parametrize("count", [3, 2_300])
def test_a_disk_without_room_for_a_copy_changes_nothing(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, room: int, count: int
) -> None:
    monkeypatch.setattr(reading_module, "_ROOM", 10_000)
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        for names in (MANY[:count], MANY[1:count], MANY[: count - 1], MANY[:count]):
            assert read(reading, Store(names)) == set(comparable(names))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_host_without_a_place_for_a_copy_does_without(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_ROOM", 10_000)
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    for names in (MANY, MANY[3:], MANY[:-3]):
        assert read(reading, Store(names)) == set(comparable(names))


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_one_without_a_hash_is_compared_with_none_and_none_with_it(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "_ROOM", 10_000)
    read(reading, Store(MANY))
    found = reading.read(dataclasses.replace(Store(MANY[5:]).listed, sha256=None))
    gc.collect()  # a copy that is still open would be told of
    assert named(reading.numbering, found.numbers) == set(comparable(MANY[5:]))
    assert reading.last is None
    assert read(reading, Store(MANY[3:])) == set(comparable(MANY[3:]))


def test_one_that_is_damaged_is_told_of_and_the_next_is_read(reading: Reading) -> None:
    damaged = Store(MANY)
    damaged.data = damaged.data.replace(b"file 7", b"gone 7")
    with pytest.raises(FormatError, match="is not the SHA256SUMS that the manifest names"):
        reading.read(damaged.listed)
    assert read(reading, Store(MANY)) == set(comparable(MANY))


def found_in(reading: Reading, store: Store, names: Sequence[str]) -> Contents:
    """As an earlier plan did."""
    numbers = reading.numbering.numbers(sorted(comparable(names)))
    return Contents(str(store.listed.sha256), Flags(numbers), len(names))


def test_one_that_was_read_by_an_earlier_plan_is_what_the_next_is_compared_with(reading: Reading) -> None:
    old, new = Store(MANY), Store(MANY[5:])
    reading.begin_with(old.listed, found_in(reading, old, MANY))
    assert reading.last == old.listed.sha256
    assert read(reading, new) == set(comparable(MANY[5:]))
    assert old.asked == 1


@pytest.mark.parametrize("why", ["far", "another", "gone", "missing", "broken off", "a line twice"])
def test_one_that_was_read_by_an_earlier_plan_and_cannot_be_had_as_it_was_is_done_without(
    reading: Reading, why: str
) -> None:
    old = Store(MANY, far=why == "far")
    known = found_in(reading, old, MANY)
    match why:
        case "another":
            old.data = old.data.replace(b"file 7", b"gone 7")
        case "gone":
            old.data = b""
        case "missing":
            old.data, old.error = b"", FormatError("is missing")  # type: ignore[assignment]
        case "broken off":
            old.data = old.data[:100_000]
        case "a line twice":
            known = dataclasses.replace(known, lines=len(MANY) + 1)
        case _:
            pass
    reading.begin_with(old.listed, known)
    assert reading.last is None
    assert read(reading, Store(MANY[5:])) == set(comparable(MANY[5:]))
