"""Connections that die, freeze or are refused, and what becomes of the files that were on their way."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.asking import get, keys, put
from tests.fsspec.sftp.servers import AsyncServer, Files, OpenSsh, names
from wrikebackup_core import SinkError, Writer
from wrikebackup_fsspec.sftp.sink import SftpSink

MakeSink = Callable[..., SftpSink]


def finish(writer: Writer) -> None:
    """More than fits on the way to a server that takes nothing."""
    for _ in range(50):
        writer.write(b"x" * 1_000_000)
    writer.commit()


def test_a_server_killed_in_the_middle_of_a_file_fails_it_and_serves_again_when_it_is_back(
    make_sink: MakeSink, own_openssh: OpenSsh, tmp_path: Path
) -> None:
    sink = make_sink(own_openssh.port)
    put(sink, "a/before")
    writer = sink.create("a/lost")
    writer.write(b"x" * 3_000_000)
    own_openssh.stop()
    with pytest.raises(SinkError):
        finish(writer)
    writer.discard()
    with pytest.raises(SinkError, match="nothing listens there"):
        list(sink.list(""))
    own_openssh.start()
    put(sink, "a/after", b"again")
    assert keys(sink) == ["a/after", "a/before"]
    sink.sweep("")
    assert names(tmp_path / "root") == ["a/after", "a/before"]


def test_a_connection_that_died_unnoticed_is_replaced_without_an_error(
    make_sink: MakeSink, own_openssh: OpenSsh
) -> None:
    sink = make_sink(own_openssh.port, connections=1)
    put(sink, "a/b")
    for harmless in (
        lambda: keys(sink),
        lambda: get(sink, "a/b"),
        lambda: put(sink, "a/c"),
        lambda: sink.delete(["a/c"]),
        sink.sync,
    ):
        own_openssh.signal_sessions(signal.SIGKILL)
        harmless()
    assert keys(sink) == ["a/b"]


@pytest.mark.parametrize("which", ["all of the session", "only what serves files"])
def test_a_frozen_server_is_given_up(make_sink: MakeSink, own_openssh: OpenSsh, which: str) -> None:
    sink = make_sink(own_openssh.port, timeout=3)
    put(sink, "a/b")
    writer = sink.create("new folder/c")
    writer.write(b"x" * 100_000)
    frozen = own_openssh.sessions() if which.startswith("all") else own_openssh.sessions()[-1:]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(SinkError) as caught:
            finish(writer)
        assert "`timeout`" in str(caught.value.hint)
        writer.discard()
        put(sink, "a/d")
        assert keys(sink) == ["a/b", "a/d"]
    finally:
        for pid in frozen:  # the server knows of one no more whose parent has gone
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_a_server_that_freezes_while_others_read_and_list_ends_them_all(
    make_sink: MakeSink, own_openssh: OpenSsh
) -> None:
    sink = make_sink(own_openssh.port, timeout=3, connections=2)
    put(sink, "a/b", b"x" * 9_000_000)
    reader = sink.open("a/b")
    reader.read(1)
    own_openssh.signal_sessions(signal.SIGSTOP)
    os.kill(own_openssh.pid, signal.SIGSTOP)  # nobody new is let in either
    try:
        for read in (reader.read, lambda: list(sink.list("")), sink.sync, lambda: sink.delete(["a/b"])):
            with pytest.raises(SinkError):
                read()
        reader.close()
    finally:
        os.kill(own_openssh.pid, signal.SIGCONT)


class Dropping(Files):
    """Cuts the connection before or after a rename or link, once."""

    done = "before"
    armed = True

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        return self._cut(super().rename, oldpath, newpath)

    def link(self, oldpath: bytes, newpath: bytes) -> Any:
        return self._cut(super().link, oldpath, newpath)

    def _cut(self, act: Callable[[bytes, bytes], Any], oldpath: bytes, newpath: bytes) -> Any:
        if b"probe" in oldpath or not type(self).armed:
            return act(oldpath, newpath)
        type(self).armed = False
        if self.done == "after":
            act(oldpath, newpath)
        self.connection.abort()
        return None


class DroppingLinks(Dropping):
    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        return self.posix_rename(oldpath, newpath)


@pytest.mark.parametrize("files", [Dropping, DroppingLinks], ids=["rename", "hard link"])
@pytest.mark.parametrize("done", ["before", "after"])
def test_a_connection_that_dies_before_the_answer_leaves_no_doubt_whether_the_file_is_there(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path, files: type[Dropping], done: str
) -> None:
    class Once(files):  # type: ignore[misc, valid-type]
        armed = True

    Once.done = done
    sink = make_sink(serve(Once).port)
    if done == "after":
        put(sink, "a/b", b"content")
        assert keys(sink) == ["a/b"]
    else:
        with pytest.raises(SinkError, match="the connection was lost"):
            put(sink, "a/b", b"content")
        assert keys(sink) == []
    assert names(tmp_path / "root") == keys(sink)


def test_a_foreign_file_that_has_the_name_is_not_taken_for_ours_after_a_lost_connection(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path
) -> None:
    class Once(Dropping):
        armed = True

    sink = make_sink(serve(Once).port)
    writer = sink.create("a/b")
    writer.write(b"ours")
    (tmp_path / "root" / "a" / "b").write_bytes(b"else")  # of the same length
    with pytest.raises(SinkError):
        writer.commit()
    assert (tmp_path / "root" / "a" / "b").read_bytes() == b"else"


def test_a_server_that_allows_one_connection_is_served_over_one(
    make_sink: MakeSink, serve: Callable[..., AsyncServer]
) -> None:
    class Single(asyncssh.SSHServer):
        opened = 0

        def begin_auth(self, username: str) -> bool:
            Single.opened += 1
            if Single.opened > 1:
                raise asyncssh.DisconnectError(asyncssh.DISC_TOO_MANY_CONNECTIONS, "one is enough")
            return True

    sink = make_sink(serve(Files, login=Single).port, connections=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(sink, f"a/{number}", b"x" * 300_000), range(40)))
    assert len(keys(sink)) == 40
    assert Single.opened > 1
