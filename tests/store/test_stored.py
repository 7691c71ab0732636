"""An object of a sink as a file that can seek."""

from __future__ import annotations

import io
import random
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.errors import KeyNotFound, SinkError
from wrikebackup_core.stored import chunks, open_stored
from wrikebackup_core.testing import MemorySink

DATA = random.Random(7).randbytes(3_000_000)
STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "seek", "end", "line"]), st.integers(-10, len(DATA) + 10), st.integers(0, 400_000)), max_size=12
)  # fmt: skip


class NoSkipping(MemorySink):
    """A store that always gives out the object from its start."""

    def open(self, key: str, offset: int = 0) -> Any:
        return super().open(key, 0)


@given(STEPS, st.sampled_from([MemorySink, NoSkipping]))
def test_it_reads_like_the_same_bytes_in_memory(steps: list[tuple[str, int, int]], kind: type[MemorySink]) -> None:
    plain = io.BytesIO(DATA)
    with open_stored(kind(objects={"k": DATA}), "k", len(DATA)) as stored:
        for step, position, size in steps:
            if step == "read":
                assert stored.read(size) == plain.read(size)
            elif step == "line":
                assert stored.readline(size) == plain.readline(size)
            elif step == "end":
                assert stored.seek(-min(size, len(DATA)), io.SEEK_END) == plain.seek(-min(size, len(DATA)), io.SEEK_END)
            elif position >= 0:
                assert stored.seek(position) == plain.seek(position)
            assert stored.tell() == plain.tell()


def test_reading_on_asks_the_store_once_and_a_small_step_ahead_not_again() -> None:
    sink = MemorySink(objects={"k": DATA})
    with open_stored(sink, "k", len(DATA)) as stored:
        stored.read(1000)
        stored.seek(600_000)
        assert stored.read() == DATA[600_000:]
        assert sink.calls["open"] == 1
        stored.seek(0)
        assert stored.read(10) == DATA[:10]
        assert sink.calls["open"] == 2


def test_a_zip_is_read_from_its_end_without_reading_all_of_it() -> None:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("large", bytes(20_000_000))
            archive.writestr("small", b"found")
        data = buffer.getvalue()
    sink = MemorySink(objects={"k": data})
    with open_stored(sink, "k", len(data)) as stored, zipfile.ZipFile(stored) as archive:
        assert archive.read("small") == b"found"
    assert sink.calls["read"] * 256 * 1024 < len(data) / 4


def test_errors_of_the_store_come_out_as_they_are() -> None:
    sink = MemorySink(objects={"k": DATA})
    with open_stored(sink, "absent", 5) as stored, pytest.raises(KeyNotFound):
        stored.read()
    sink.fail("read")
    with open_stored(sink, "k", len(DATA)) as stored, pytest.raises(SinkError, match="told to fail"):
        stored.read()
    with open_stored(sink, "k", len(DATA)) as stored, pytest.raises(OSError, match="before the first"):
        stored.seek(-1)


def test_an_object_shorter_than_listed_ends_where_it_ends() -> None:
    sink = MemorySink(objects={"k": DATA})
    with open_stored(sink, "k", len(DATA) + 5) as stored:
        assert stored.read() == DATA


def test_chunks_are_the_whole_object_in_pieces_of_bounded_size() -> None:
    pieces = list(chunks(MemorySink(objects={"k": DATA}), "k"))
    assert b"".join(pieces) == DATA
    assert max(map(len, pieces)) <= 1024 * 1024
