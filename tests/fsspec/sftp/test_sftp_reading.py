"""Reading in ranges and ahead, writing at odd sizes, and the memory that it takes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.asking import get, put
from tests.fsspec.sftp.servers import AsyncServer, Files, Identity, OpenSsh
from wrikebackup_core import SinkError
from wrikebackup_fsspec.sftp.sink import SftpSink

MakeSink = Callable[..., SftpSink]
ROOT = Path(__file__).parents[3]
BLOCK = 255 * 1024
LARGE = 40 * 1000 * 1000 + 7


class Teachable(Files):
    """Faults that a test switches on."""

    most = 1 << 30
    cut_at: int | None = None

    def read(self, file_obj: object, offset: int, size: int) -> Any:
        if self.cut_at is not None and offset >= self.cut_at:
            type(self).cut_at = None
            self.connection.abort()
        return super().read(file_obj, offset, min(size, self.most))


@pytest.fixture
def files() -> type[Teachable]:
    class Mine(Teachable):
        pass

    return Mine


@pytest.fixture
def sink(
    make_sink: MakeSink, identity: Identity, files: type[Teachable], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SftpSink]:
    server = AsyncServer(tmp_path_factory.mktemp("served"), identity, files)
    server.start()
    yield make_sink(server.port)
    server.stop()


def noise(size: int) -> bytes:
    return hashlib.shake_256(b"%d" % size).digest(size)


@pytest.fixture(scope="module")
def large() -> bytes:
    return noise(LARGE)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7, 12 * BLOCK, 13 * BLOCK + 1])
def test_a_file_of_any_size_is_read_as_it_was_written(make_sink: MakeSink, openssh: OpenSsh, size: int) -> None:
    sink, data = make_sink(openssh.port), noise(size)
    put(sink, "a/b", data)
    assert [(entry.key, entry.size) for entry in sink.list("")] == [("a/b", size)]
    for offset in {0, 1, size // 2, max(size - 1, 0), size}:
        with sink.open("a/b", offset) as reader:
            assert reader.size == size
            assert reader.read() == data[offset:]


def test_a_large_file_in_odd_pieces_is_whole(make_sink: MakeSink, openssh: OpenSsh, large: bytes) -> None:
    sink = make_sink(openssh.port)
    writer = sink.create("a/large")
    at = 0
    for number in range(1, 10**6):
        at += writer.write(memoryview(large)[at : at + number * 7919 % 1_500_000])
        if at == len(large):
            break
    writer.commit()
    digest = hashlib.sha256()
    with sink.open("a/large") as reader:
        while piece := reader.read(777_777):
            digest.update(piece)
    assert digest.digest() == hashlib.sha256(large).digest()


def test_reading_a_range_costs_little_more_than_the_range(sink: SftpSink, files: type[Teachable], large: bytes) -> None:
    put(sink, "a/large", large)
    for offset, size in ((0, 10), (LARGE - 22, 22), (20_000_000, 100_000)):
        files.served = 0
        with sink.open("a/large", offset) as reader:
            assert reader.read(size) == large[offset : offset + size]
        assert files.served <= size + 64 * 1024


def test_reading_on_asks_for_each_byte_once(sink: SftpSink, files: type[Teachable], large: bytes) -> None:
    put(sink, "a/large", large)
    files.served = 0
    with sink.open("a/large") as reader:
        pieces = list(iter(lambda: reader.read(100_000), b""))
    assert b"".join(pieces) == large
    assert {len(piece) for piece in pieces[:-1]} == {100_000}
    assert files.served == LARGE


def test_a_reader_closed_early_leaves_the_connection_in_order(make_sink: MakeSink, openssh: OpenSsh) -> None:
    sink = make_sink(openssh.port, connections=1)
    data = noise(9_000_000)
    put(sink, "a/b", data)
    for number in range(30):
        reader = sink.open("a/b", number)
        assert reader.read(600_000) == data[number : number + 600_000]
        if number % 2:
            reader.close()
        del reader  # a reader that nobody closes is closed when it is forgotten
    assert get(sink, "a/b") == data


def test_a_server_may_answer_with_less_than_it_was_asked_for(sink: SftpSink, files: type[Teachable]) -> None:
    data = noise(100_000)
    put(sink, "a/b", data)
    files.most = 1000
    assert get(sink, "a/b") == data


def test_reading_goes_on_over_another_connection_when_one_is_lost(
    sink: SftpSink, files: type[Teachable], large: bytes
) -> None:
    put(sink, "a/large", large)
    files.cut_at = 20_000_000
    with sink.open("a/large") as reader:
        assert reader.read() == large


def test_a_file_that_was_cut_meanwhile_is_told(sink: SftpSink, tmp_path: Path) -> None:
    put(sink, "a/b", noise(6_000_000))
    with sink.open("a/b") as reader:
        reader.read(10)
        os.truncate(tmp_path / "root" / "a" / "b", 1_000_000)
        with pytest.raises(SinkError, match="ended after 1000000 of 6000000 bytes"):
            reader.read()


def test_what_is_no_file_is_not_there_to_be_read(sink: SftpSink, tmp_path: Path) -> None:
    put(sink, "a/b")
    os.mkfifo(tmp_path / "root" / "pipe")
    with pytest.raises(SinkError, match=r"there is no .*/pipe"):
        sink.open("pipe")
    assert [entry.key for entry in sink.list("")] == ["a/b"]


def test_a_listing_of_many_names_and_folders_has_each_once(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    expected = set()
    for folder in range(30):
        for name in range(50 if folder else 1700):
            path = tmp_path / "root" / f"folder {folder}" / f"{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            expected.add(f"folder {folder}/{name}")
    sink = make_sink(openssh.port)
    found = [entry.key for entry in sink.list("")]
    assert len(found) == len(expected)
    assert set(found) == expected
    some = sink.list("")
    next(some)
    cast(Any, some).close()  # who has seen enough stops
    sink.delete(found)
    assert list((tmp_path / "root").iterdir()) == []


def test_a_server_that_tells_no_attributes_in_listings_is_asked_for_them(
    sink: SftpSink, files: type[Teachable], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(sink, "a/b", b"12345")
    scandir = asyncssh.SFTPServer.scandir

    async def bare(self: asyncssh.SFTPServer, path: bytes) -> Any:
        async for name in scandir(self, path):
            yield asyncssh.SFTPName(name.filename, name.longname, asyncssh.SFTPAttrs())

    monkeypatch.setattr(files, "scandir", bare)
    assert [(entry.key, entry.size) for entry in sink.list("")] == [("a/b", 5)]


WRITES = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tests.fsspec.sftp.servers import sink_of
folder, port, root = sys.argv[1:]
class Who:
    key, known_hosts = Path(folder) / "user", Path(folder) / "known_hosts"
sink, piece = sink_of(Who, int(port), root), bytes(1 << 20)
def work(number):
    writer = sink.create(f"a/{number}")
    for _ in range(60):
        writer.write(piece)
    writer.commit()
    with sink.open(f"a/{number}") as reader:
        while reader.read(1 << 20):
            pass
with ThreadPoolExecutor(8) as pool:
    list(pool.map(work, range(8)))
sink.close()
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_eight_files_at_a_time_take_a_bounded_memory(identity: Identity, openssh: OpenSsh, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITES, str(identity.folder), str(openssh.port), str(tmp_path / "root")],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert int(done.stdout) < 250  # MB; the files have 480
