"""What a barrier flushes, when it tries again, and what is said of servers that flush nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.sftp.servers import AsyncServer, Files, Identity, extensions, put
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
def sink(
    make_sink: MakeSink, identity: Identity, files: type[Flushing], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SftpSink]:
    server = AsyncServer(tmp_path_factory.mktemp("served"), identity, files)
    server.start()
    yield make_sink(server.port)
    server.stop()


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


def test_folders_are_flushed_where_the_server_opens_them(
    sink: SftpSink, files: type[Flushing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = Flushing.open

    def open_(self: Flushing, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if Path(path.decode()).is_dir():
            opened.append(path.decode())
        return real(self, path, pflags, attrs)

    monkeypatch.setattr(files, "open", open_)
    put(sink, "a/b/one")
    put(sink, "two")
    sink.sync()
    root = tmp_path / "root"
    assert sorted(opened) == sorted(str(folder) for folder in (tmp_path, root, root / "a", root / "a" / "b"))


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
    sink.sync()
