"""The zips: what stock tools read, made as a stream."""

from __future__ import annotations

import io
import itertools
import random
import shutil
import struct
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.format.archive import zip_stream

WHEN = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
MEMBERS = {
    "users.json": b"[]\n",
    "folders.json": b"",
    "tasks.json": random.Random(1).randbytes(1_500_000),
    "größe.json": b"x" * 999_999,
}


def zipped(members: dict[str, bytes], *, bound: int | None = 0) -> bytes:
    pieces = (
        (name, [data[:7], data[7:]], None if bound is None else len(data) + bound) for name, data in members.items()
    )
    return b"".join(zip_stream(pieces, WHEN))


@given(st.dictionaries(st.text("abc.", min_size=1), st.lists(st.binary(max_size=200)), max_size=4))
def test_zipfile_reads_what_was_streamed(members: dict[str, list[bytes]]) -> None:
    data = b"".join(zip_stream(((name, chunks, None) for name, chunks in members.items()), WHEN))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(members)
        assert {name: archive.read(name) for name in members} == {
            name: b"".join(chunks) for name, chunks in members.items()
        }


@pytest.mark.skipif(not shutil.which("unzip"), reason="no unzip here")
@pytest.mark.parametrize("bound", [0, None])
def test_stock_unzip_reads_it(tmp_path: Path, bound: int | None) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(MEMBERS, bound=bound))
    subprocess.run(["unzip", "-tqq", "a.zip"], cwd=tmp_path, check=True, capture_output=True)
    for name in ("users.json", "tasks.json"):
        done = subprocess.run(["unzip", "-p", "a.zip", name], cwd=tmp_path, check=True, capture_output=True)
        assert done.stdout == MEMBERS[name]


def needs(data: bytes) -> list[int]:
    """The version that a reader needs for each member: 20, or 45 for zip64."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [struct.unpack_from("<H", data, info.header_offset + 4)[0] for info in archive.infolist()]


def test_zip64_is_used_only_where_the_bounds_say_that_it_may_be_needed() -> None:
    large = 3_900_000_000
    for bounds, versions in (
        ([10, 10, 10], [20, 20, 20]),
        ([10, None, 10], [20, 45, 45]),
        ([large, 10, 10], [45, 45, 45]),
        ([10, large // 2, large // 2], [20, 20, 45]),
    ):
        data = b"".join(zip_stream(((f"{n}", [b"x"], bound) for n, bound in enumerate(bounds)), WHEN))
        assert needs(data) == versions


@pytest.mark.skipif(not shutil.which("unzip"), reason="no unzip here")
def test_a_member_and_what_comes_behind_it_may_lie_beyond_4_gib(tmp_path: Path) -> None:
    block = bytes(1 << 20)
    long = [("long", itertools.repeat(block, 4097), None), ("behind", [b"x" * 10], 10)]
    with (tmp_path / "a.zip").open("wb") as file:
        file.writelines(zip_stream(long, WHEN))
    done = subprocess.run(["unzip", "-p", "a.zip", "behind"], cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout == b"x" * 10
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.getinfo("long").file_size == 4097 << 20
        assert archive.read("behind") == b"x" * 10


def test_a_member_beyond_its_bound_is_an_error_before_it_is_a_broken_zip() -> None:
    with pytest.raises(OverflowError, match="longer than was foreseen"):
        for _ in zip_stream([("long", itertools.repeat(bytes(1 << 20), 4097), 10)], WHEN):
            pass


def test_more_members_than_the_old_end_record_can_count() -> None:
    count = 0x10001
    data = b"".join(zip_stream(((f"{number}", [], 0) for number in range(count)), WHEN))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == count


def test_the_same_input_gives_the_same_zip_however_it_was_cut() -> None:
    other = [(name, (bytes([byte]) for byte in data[:1000]), len(data)) for name, data in MEMBERS.items()]
    same = [(name, [data[:1000]], len(data)) for name, data in MEMBERS.items()]
    there = WHEN.astimezone(timezone(timedelta(hours=-9)))
    assert b"".join(zip_stream(other, WHEN)) == b"".join(zip_stream(same, there))


def test_members_bear_the_time_that_was_given_and_no_trace_of_this_machine() -> None:
    with zipfile.ZipFile(io.BytesIO(zipped(MEMBERS))) as archive:
        for info in archive.infolist():
            assert info.date_time == (2026, 11, 23, 15, 30, 0)
            assert info.external_attr >> 16 == 0o100600
            assert b"ux" not in info.extra  # the extra field of uid and gid


def test_it_is_a_stream_that_takes_as_it_gives() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        chance = random.Random(2)
        for _ in itertools.count():
            taken += 1
            yield chance.randbytes(100_000)

    stream = zip_stream([("tasks.json", endless(), None)], WHEN)
    out = sum(len(next(stream)) for _ in range(20))
    assert abs(taken * 100_000 - out) < 3_000_000


def test_memory_does_not_grow_with_the_input() -> None:
    block = random.Random(3).randbytes(64 * 1024)
    peaks = []
    for count in (200, 800):
        tracemalloc.start()
        for _ in zip_stream([("tasks.json", itertools.repeat(block, count), None)], WHEN):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 8_000_000
    assert peaks[1] < peaks[0] * 1.2


def test_an_error_in_a_member_comes_out_as_it_is() -> None:
    def broken() -> Iterator[bytes]:
        yield b"[\n"
        raise LookupError("the spool is gone")

    with pytest.raises(LookupError, match="the spool is gone"):
        list(zip_stream([("tasks.json", broken(), None)], WHEN))
