"""The choice of a way to publish, and barriers that fail."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

import pytest

from tests.fsspec.asking import put
from wrikebackup_core import SinkError
from wrikebackup_fsspec.local import barrier, publish
from wrikebackup_fsspec.local.sink import LocalSink

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="on Windows there is one way only, and folders cannot be flushed"
)


class Unsupported:
    """A way that this file system does not have."""

    def __init__(self, number: int) -> None:
        self.number, self.calls = number, 0
        self.__name__ = "unsupported"

    def __call__(self, temporary: str, target: str) -> None:
        self.calls += 1
        raise OSError(self.number, os.strerror(self.number), temporary)


@posix
@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_a_way_that_the_file_system_does_not_have_is_tried_once_and_then_left(tmp_path: Path, number: int) -> None:
    first = Unsupported(number)
    publisher = publish.Publisher((first, publish.rename_exclusively, publish.rename_reserved))
    sink = LocalSink(str(tmp_path), publisher=publisher)
    for name in ("a", "b", "c"):
        put(sink, name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
    assert first.calls == 1
    assert publisher.way == "rename exclusively"


@posix
def test_trouble_that_is_no_missing_way_is_not_hidden_by_another_way(tmp_path: Path) -> None:
    publisher = publish.Publisher((Unsupported(errno.EIO), publish.hard_link))
    sink = LocalSink(str(tmp_path), publisher=publisher)
    with pytest.raises(SinkError, match=r"cannot store .*input/output error"):
        put(sink, "a")
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_file_that_appeared_behind_our_back_is_kept_by_every_way(tmp_path: Path) -> None:
    for way in publish.ways():
        temporary, target = tmp_path / "temporary", tmp_path / "target"
        temporary.write_text("ours")
        target.write_text("theirs")
        with pytest.raises(FileExistsError):
            way(str(temporary), str(target))
        assert target.read_text() == "theirs"
        target.unlink()
        way(str(temporary), str(target))
        assert [path.name for path in tmp_path.iterdir()] == ["target"]
        assert target.read_text() == "ours"
        target.unlink()


@posix
def test_a_reservation_that_a_kill_left_is_told_and_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_RESERVATION_TRIES", 2)
    sink = LocalSink(str(tmp_path), publisher=publish.Publisher((publish.rename_reserved,)))
    writer = sink.create("a/b")
    monkeypatch.setattr(os, "rename", _killed)
    monkeypatch.setattr(os, "unlink", _killed)
    with pytest.raises(KeyboardInterrupt):
        writer.commit()
    monkeypatch.undo()
    monkeypatch.setattr(publish, "_RESERVATION_TRIES", 2)
    with pytest.raises(SinkError, match="another writer is at it, or was killed at it"):
        put(sink, "a/b")
    assert list(sink.list("")) == []
    sink.sweep("a")
    put(sink, "a/b")


def _killed(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_checks_tell_a_file_system_that_lets_files_be_replaced(tmp_path: Path) -> None:
    sink = LocalSink(str(tmp_path), publisher=publish.Publisher((os.replace,)))
    told = {check.name: check for check in sink.checks()}
    assert told["written once"].ok is False
    assert list(tmp_path.iterdir()) == []


def test_checks_of_a_folder_to_come_leave_no_folder(tmp_path: Path) -> None:
    told = {check.name: check for check in LocalSink(str(tmp_path / "new" / "er")).checks()}
    assert told["folder"].detail.endswith("will be created")
    assert all(check.ok is not False for check in told.values())
    assert list(tmp_path.iterdir()) == []


def test_a_flush_that_fails_is_an_error_of_the_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> int:
        ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr("wrikebackup_fsspec.local.sink.barrier_for", lambda root: barrier.WholeFileSystem(refuse))
    sink = LocalSink(str(tmp_path / "root"))
    put(sink, "a")
    with pytest.raises(SinkError, match=r"cannot flush .*root: input/output error"):
        sink.sync()


def test_files_whose_flush_failed_are_flushed_by_the_next_barrier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.local.sink.barrier_for", barrier.FileByFile)
    sink = LocalSink(str(tmp_path / "root"))
    put(sink, "a")
    monkeypatch.setattr(os, "fsync", lambda descriptor: _io_error())
    with pytest.raises(SinkError, match="input/output error"):
        sink.sync()
    flushed = _record_flushes(monkeypatch)
    put(sink, "b")
    sink.sync()
    assert {(tmp_path / "root" / name).stat().st_ino for name in ("a", "b")} <= set(flushed)


@posix
def test_flushing_file_by_file_takes_the_folders_too_up_to_where_the_root_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.local.sink.barrier_for", barrier.FileByFile)
    sink = LocalSink(str(tmp_path / "root"))
    flushed = _record_flushes(monkeypatch)
    for key in ("a/b/one", "a/b/two", "a/gone"):
        put(sink, key)
    sink.delete(["a/gone"])
    sink.sync()
    expected = [tmp_path / name for name in ("root/a/b/one", "root/a/b/two", "root/a/b", "root/a", "root", ".")]
    assert sorted(flushed) == sorted(path.stat().st_ino for path in expected)
    sink.sync()
    assert len(flushed) == len(expected), "a second barrier has nothing to do"


def _record_flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    flushed: list[int] = []

    def fsync(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    return flushed


def _io_error() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
