"""What a barrier flushes, when it tries again, and what is said of servers that flush nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.asking import get, put
from tests.fsspec.sftp.servers import AsyncServer, Files, Identity, OpenSsh, extensions
from wrikebackup_core import SinkError
from wrikebackup_fsspec.sftp.sink import SftpSink

MakeSink = Callable[..., SftpSink]


class Flushing(Files):
    """Notes what is flushed, and fails at it where a test says so."""

    flushed: list[str]
    failing = ""

    def fsync(self, file_obj: object) -> Any:
        name = getattr(file_obj, "name").decode().rpartition("/")[2]  # noqa: B009 - an open file
        type(self).flushed.append(name)
        if name == self.failing:
            raise asyncssh.SFTPFailure("Input/output error")
        return super().fsync(file_obj)


@pytest.fixture
def files() -> type[Flushing]:
    class Mine(Flushing):
        flushed: list[str] = []  # noqa: RUF012 - of this class alone

    return Mine


@pytest.fixture
def server(serve: Callable[..., AsyncServer], files: type[Flushing]) -> AsyncServer:
    return serve(files)


@pytest.fixture
def sink(make_sink: MakeSink, server: AsyncServer) -> SftpSink:
    return make_sink(server.port)


def test_a_barrier_flushes_each_file_that_was_committed_since_the_last_one(
    sink: SftpSink, files: type[Flushing]
) -> None:
    for name in ("one", "two", "gone", "gone behind our back"):
        put(sink, f"a/{name}")
    sink.create("a/unfinished").write(b"half")
    sink.delete(["a/gone"])
    (Path("/" + sink.name.partition("/")[2]) / "a" / "gone behind our back").unlink()
    sink.sync()
    assert sorted(files.flushed) == ["one", "two"]
    sink.sync()
    assert len(files.flushed) == 2, "a second barrier has nothing to do"
    put(sink, "a/three")
    sink.sync()
    assert files.flushed[2:] == ["three"]


def test_files_whose_flush_failed_are_flushed_by_the_next_barrier(sink: SftpSink, files: type[Flushing]) -> None:
    put(sink, "a/one")
    put(sink, "a/two")
    files.failing = "two"
    with pytest.raises(SinkError, match=r"cannot flush .*/a/two on root@.*: input/output error"):
        sink.sync()
    files.failing = ""
    files.flushed.clear()
    put(sink, "a/three")
    sink.sync()
    assert sorted(files.flushed) == ["one", "three", "two"]


def test_a_barrier_flushes_what_a_killed_run_committed_and_others_name(
    make_sink: MakeSink, server: AsyncServer, sink: SftpSink, files: type[Flushing]
) -> None:
    put(make_sink(server.port), "a/killed")
    put(make_sink(server.port), "a/killed too")
    sink.sync(["a/killed", "a/absent", "no/such/folder"])
    assert files.flushed == ["killed"]
    sink.sync()
    assert files.flushed == ["killed"], "a second barrier has nothing to do"


def test_a_barrier_takes_many_thousand_keys_of_others(sink: SftpSink, files: type[Flushing]) -> None:
    put(sink, "a/one")
    sink.sync(f"a/{number}" for number in range(3000))
    assert files.flushed == ["one"]


def test_a_barrier_waits_for_what_another_one_is_flushing(sink: SftpSink, files: type[Flushing]) -> None:
    reached, go_on = threading.Event(), threading.Event()

    async def slowly(self: Flushing, file_obj: object) -> None:
        reached.set()
        await asyncio.to_thread(go_on.wait)

    files.fsync = slowly  # type: ignore[method-assign]
    put(sink, "a/one")
    barriers = [threading.Thread(target=sink.sync) for _ in range(2)]
    try:
        barriers[0].start()
        assert reached.wait(30)
        barriers[1].start()
        barriers[1].join(0.5)
        assert barriers[1].is_alive(), "nothing is left for it to do, but what it promises is not so yet"
    finally:
        go_on.set()
        for barrier in barriers:
            barrier.join(30)
    assert not any(barrier.is_alive() for barrier in barriers)


class Folder:
    """A folder that was opened."""

    def __init__(self, path: bytes) -> None:
        self.name = path

    def close(self) -> None:
        pass


class WithFolders(Flushing):
    """Lets folders be opened and flushed, as OpenSSH does; but not those whose names a test says."""

    unflushed: tuple[str, ...] = ()

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if Path(path.decode()).is_dir():
            return Folder(path)
        return super().open(path, pflags, attrs)

    def fsync(self, file_obj: object) -> Any:
        if not isinstance(file_obj, Folder):
            return super().fsync(file_obj)
        name = file_obj.name.decode().rpartition("/")[2]
        if name in self.unflushed:
            raise asyncssh.SFTPFailure("Invalid argument")
        self.flushed.append(f"{name}/")
        return None


@pytest.fixture
def folders(make_sink: MakeSink, serve: Callable[..., AsyncServer]) -> tuple[SftpSink, type[WithFolders]]:
    class Mine(WithFolders):
        flushed: list[str] = []  # noqa: RUF012 - of this class alone

    return make_sink(serve(Mine).port), Mine


def test_where_folders_can_be_flushed_a_file_is_before_it_has_its_name_and_the_barrier_takes_the_folders(
    folders: tuple[SftpSink, type[WithFolders]], tmp_path: Path
) -> None:
    sink, files = folders
    put(sink, "a/b/one")
    put(sink, "two")
    flushed = [name for name in files.flushed if not name.endswith("/")]
    assert [name.split(".")[1] for name in flushed] == ["one", "two"]
    assert all(name.endswith(".partial") for name in flushed)
    files.flushed.clear()
    sink.sync()
    assert sorted(files.flushed) == sorted(["a/", "b/", "root/", f"{tmp_path.name}/"])
    sink.sync()
    assert len(files.flushed) == 4, "a second barrier has nothing to do"


def test_a_barrier_flushes_what_others_name_and_the_folders_in_which_it_stands(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path
) -> None:
    class Mine(WithFolders):
        flushed: list[str] = []  # noqa: RUF012 - of this class alone

    server = serve(Mine)
    put(make_sink(server.port), "a/killed")
    Mine.flushed.clear()
    make_sink(server.port).sync(["a/killed"])
    assert sorted(Mine.flushed) == sorted(["killed", "a/", "root/", f"{tmp_path.name}/"])


def test_a_file_that_cannot_be_flushed_is_not_stored(folders: tuple[SftpSink, type[WithFolders]]) -> None:
    sink, files = folders

    def refuse(self: WithFolders, file_obj: object) -> Any:
        if not isinstance(file_obj, Folder):
            raise asyncssh.SFTPFailure("Input/output error")

    files.fsync = refuse  # type: ignore[method-assign]
    with pytest.raises(SinkError, match=r"cannot store .*/a/one on root@.*: input/output error"):
        put(sink, "a/one")
    assert list(sink.list("")) == []


def test_a_folder_that_cannot_be_flushed_has_its_files_flushed_under_their_names(
    folders: tuple[SftpSink, type[WithFolders]],
) -> None:
    sink, files = folders
    put(sink, "a/one")
    put(sink, "other/two")
    files.flushed.clear()
    files.unflushed = ("other",)
    sink.sync()
    assert {"one", "two"} <= set(files.flushed)
    put(sink, "a/three")
    assert not any(name.endswith(".partial") for name in files.flushed)
    sink.sync()
    assert files.flushed.count("three") == 1


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as large from 1 MB on."""
    monkeypatch.setattr("wrikebackup_fsspec.sftp.upload._FLUSH_EVERY", 1 << 20)


_LARGE = b"0123456789abcdef" * (200 << 10)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("fails", [False, True], ids=["", "and that may fail"])
def test_a_large_file_is_flushed_while_more_of_it_is_sent(
    folders: tuple[SftpSink, type[WithFolders]], fails: bool
) -> None:
    sink, files = folders
    reached = threading.Event()

    def flush(self: WithFolders, file_obj: object) -> Any:
        if not isinstance(file_obj, Folder) and not reached.is_set():
            reached.set()
            if fails:
                raise asyncssh.SFTPFailure("Input/output error")
        return WithFolders.fsync(self, file_obj)

    files.fsync = flush  # type: ignore[method-assign]
    writer = sink.create("a/large")
    writer.write(_LARGE)
    assert reached.wait(30), "before the commit"
    writer.commit()
    assert get(sink, "a/large") == _LARGE
    assert [name for name in files.flushed if name.endswith(".partial")], "and at the end"


@pytest.mark.usefixtures("often")
def test_a_server_that_allows_one_session_is_asked_to_flush_at_the_end(
    make_sink: MakeSink, identity: Identity, tmp_path: Path
) -> None:
    server = OpenSsh(tmp_path, identity, "MaxSessions 1")
    identity.trust(server.port, server.host_key)
    server.start()
    try:
        sink = make_sink(server.port)
        for number in range(3):
            put(sink, f"a/{number}", _LARGE)
        sink.sync()
        assert [get(sink, f"a/{number}") == _LARGE for number in range(3)] == [True] * 3
        sink.close()
    finally:
        server.stop()


async def _never_answer(file_obj: Any) -> None:
    with file_obj:
        await asyncio.Event().wait()


@pytest.mark.usefixtures("often")
def test_a_server_that_is_silent_while_it_flushes_a_part_has_no_longer_than_others(
    make_sink: MakeSink, serve: Callable[..., AsyncServer]
) -> None:
    class Mine(WithFolders):
        flushed: list[str] = []  # noqa: RUF012 - of this class alone

        async def fsync(self, file_obj: object) -> None:
            if not isinstance(file_obj, Folder):
                self.flushed.append("begun")
                await _never_answer(file_obj)

        async def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if self.flushed:
                await _never_answer(file_obj)
            return super().write(file_obj, offset, data)  # type: ignore[return-value] # not a coroutine there

    writer = make_sink(serve(Mine).port, timeout=1).create("a/large")
    with pytest.raises(SinkError, match=r"did not answer for 1?\d seconds"):  # a flush alone has 20
        writer.write(_LARGE * 8)
    writer.discard()


@pytest.mark.parametrize("silent", [True, False], ids=["not offered", "offered and refused"])
def test_a_server_that_flushes_nothing_is_used_and_told(
    sink: SftpSink, files: type[Flushing], monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    def refuse(self: Flushing, file_obj: object) -> Any:
        raise asyncssh.SFTPOpUnsupported("no such thing")

    monkeypatch.setattr(files, "fsync", refuse)
    with extensions(*(["fsync@openssh.com"] if silent else [])):
        put(sink, "a/b")
        sink.sync()
        told = {check.name: check for check in sink.checks()}
    assert told["durable"].ok is None
    assert "cannot be asked to write files to its disk" in told["durable"].detail
    put(sink, "a/c")
    sink.sync(["a/b"])
