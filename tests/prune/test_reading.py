"""SHA256SUMS read one after the other: each for itself tells what it names, whatever the one before it was, or has become."""

from __future__ import annotations

import dataclasses
import hashlib
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core import FormatError, SinkError
from wrikebackup_core.engine.prune.flags import Flags
from wrikebackup_core.engine.prune.lines import comparable
from wrikebackup_core.engine.prune.numbering import Numbering
from wrikebackup_core.engine.prune.reading import Listed, Reading
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
    sums, numbers = reading.read(store.listed)
    assert sums == store.listed.sha256
    return named(reading.numbering, numbers)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.sampled_from([*MANY[:12], "é", "a\\b", "a\nb"]), max_size=12), max_size=6), st.booleans())
def test_names_in_any_order_and_even_twice_are_all_found(shelves: list[list[str]], far: bool) -> None:
    reading = Reading(Numbering())
    for names in shelves:
        assert read(reading, Store(names, far=far)) == set(comparable(names))
    reading.close()


@pytest.mark.parametrize("far", [False, True])
def test_what_takes_long_to_be_had_is_asked_for_once(reading: Reading, far: bool) -> None:
    stores = [Store(MANY, far=far), Store(MANY[1:], far=far), Store(MANY[:-1], far=far)]
    assert [read(reading, store) for store in stores] == [set(comparable(n)) for n in (MANY, MANY[1:], MANY[:-1])]
    assert [store.asked for store in stores] == ([1, 1, 1] if far else [2, 2, 1])


@pytest.mark.parametrize(
    "become",
    [
        lambda _: b"",  # nothing can be read
        lambda data: data[:50_000],
        lambda data: data[data.index(b"\n") + 1 :],
        lambda data: data.replace(b"file 7", b"gone 7"),
        lambda data: b"x" * len(data),
        lambda data: data[:PIECE] + data,
    ],
)
def test_one_that_has_become_another_spoils_nothing(reading: Reading, become: Callable[[bytes], bytes]) -> None:
    before, then = Store(MANY), Store(MANY[:100] + MANY[110:])
    read(reading, before)
    before.data = become(before.data)
    assert read(reading, then) == set(comparable(MANY[:100] + MANY[110:]))
    assert read(reading, Store(MANY[50:])) == set(comparable(MANY[50:]))


@pytest.mark.parametrize("error", [SinkError("no answer"), FormatError("is missing")])
def test_one_that_is_gone_meanwhile_is_nothing_that_is_wrong_with_the_next(reading: Reading, error: Exception) -> None:
    before = Store(MANY)
    read(reading, before)
    before.data, before.error = b"", error  # type: ignore[assignment]
    assert read(reading, Store(MANY[1:])) == set(comparable(MANY[1:]))


def test_one_whose_manifest_counts_something_else_is_read_by_itself(reading: Reading) -> None:
    first, second = Store(MANY), Store(MANY[5:], total=7)
    read(reading, first)
    assert read(reading, second) == set(comparable(MANY[5:]))
    assert (first.asked, second.asked) == (2, 2)


@pytest.mark.parametrize("room", [0, 100, 100_000, 1_000_000])
@pytest.mark.parametrize("count", [3, 2_300])
def test_a_disk_without_room_for_a_copy_changes_nothing(reading: Reading, room: int, count: int) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        for names in (MANY[:count], MANY[1:count], MANY[: count - 1], MANY[:count]):
            assert read(reading, Store(names, far=True)) == set(comparable(names))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_host_without_a_place_for_a_copy_does_without(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    for names in (MANY, MANY[3:], MANY[:-3]):
        assert read(reading, Store(names, far=True)) == set(comparable(names))


def test_one_that_is_damaged_is_told_of_and_the_next_is_read(reading: Reading) -> None:
    damaged = Store(MANY)
    damaged.data = damaged.data.replace(b"file 7", b"gone 7")
    with pytest.raises(FormatError, match="is not the SHA256SUMS that the manifest names"):
        reading.read(damaged.listed)
    assert read(reading, Store(MANY)) == set(comparable(MANY))


def test_one_that_was_read_long_ago_is_what_the_next_is_compared_with_if_it_is_still_the_same(reading: Reading) -> None:
    old, new = Store(MANY), Store(MANY[5:])
    numbers = Flags(reading.numbering.numbers(sorted(comparable(MANY))))
    reading.begin_with(old.listed, numbers)
    assert reading.last == old.listed.sha256
    assert read(reading, new) == set(comparable(MANY[5:]))
    assert old.asked == 2


@pytest.mark.parametrize("why", ["far", "another", "gone", "counts otherwise", "without a hash"])
def test_one_that_was_read_long_ago_and_is_not_to_be_had_as_it_was_is_done_without(reading: Reading, why: str) -> None:
    old = Store(MANY, far=why == "far", total=3 if why == "counts otherwise" else None)
    numbers = Flags(reading.numbering.numbers(sorted(comparable(MANY))))
    if why == "another":
        old.data = old.data.replace(b"file 7", b"gone 7")
    elif why == "gone":
        old.data = b""
    reading.begin_with(dataclasses.replace(old.listed, sha256=None) if why == "without a hash" else old.listed, numbers)
    assert reading.last is None
    assert read(reading, Store(MANY[5:])) == set(comparable(MANY[5:]))
