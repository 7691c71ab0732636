"""Servers that fill up, refuse or lie; links and names out of the ordinary; and what a kill leaves."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.asking import get, keys, put
from tests.fsspec.sftp.servers import AsyncServer, Files, Identity, OpenSsh, extensions, names
from wrikebackup_core import AlreadyExists, Check, SinkError, SinkFull
from wrikebackup_fsspec.sftp.sink import SftpSink

MakeSink = Callable[..., SftpSink]
ROOT = Path(__file__).parents[3]


def fill(sink: SftpSink) -> None:
    for number in range(100):
        put(sink, f"a/{number}")


# Room and rights


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux, to mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=60", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("cannot mount a tmpfs")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_what_a_killed_doctor_left_is_not_listed_and_the_next_run_sweeps_it(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    sink, root = make_sink(openssh.port), tmp_path / "root"
    put(sink, "account-A/kept")
    asked = cast("Generator[Check, None, None]", sink.checks())
    with contextlib.closing(asked) as checks:  # not closed before the end, as after a kill
        assert next(check for check in checks if check.name == "listed at once").ok
        assert len(names(root)) == 2
        (root / ".probe-0123456789abcdef.partial").write_text("of an earlier version")
        (root / ".probe-fedcba9876543210.partial").mkdir()
        assert keys(sink) == ["account-A/kept"]
        sink.sweep("account-A")
        assert names(root) == ["account-A/kept"]
        assert [path.name for path in root.iterdir()] == ["account-A"]


def test_doctor_asks_what_it_asks_of_every_store_and_leaves_nothing(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    sink = make_sink(openssh.port, tmp_path / "new" / "root")
    told = {check.name: check.ok for check in sink.checks()}
    assert {
        "reachable",
        "writable",
        "listed at once",
        "names kept",
        "whole or absent",
        "written once",
        "deleted",
    } < told.keys()
    assert set(told.values()) == {True}
    assert not (tmp_path / "new").exists()


def test_a_full_disk_says_so_and_keeps_what_it_has(make_sink: MakeSink, openssh: OpenSsh, small_disk: Path) -> None:
    sink = make_sink(openssh.port, small_disk / "backups")
    put(sink, "a/first", b"x" * 3_000_000)
    with pytest.raises(SinkFull, match=r"cannot write .*a/second on root@.*: no space left there") as caught:
        put(sink, "a/second", b"y" * 3_000_000)
    assert "make room" in str(caught.value.hint)
    assert names(small_disk) == ["backups/a/first"]
    put(sink, "a/third", b"z" * 500_000)
    assert {check.name: check.ok for check in sink.checks()}["free space"] is False


def test_a_disk_without_inodes_is_full_too(make_sink: MakeSink, openssh: OpenSsh, small_disk: Path) -> None:
    sink = make_sink(openssh.port, small_disk)
    with pytest.raises(SinkFull):
        fill(sink)
    assert 40 < len(keys(sink)) < 60
    assert len(names(small_disk)) == len(keys(sink))


def test_a_server_that_says_it_is_full_in_words_is_believed(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path
) -> None:
    class Full(Files):
        def write(self, file_obj: object, offset: int, data: bytes) -> Any:
            if offset > 1_000_000:
                raise asyncssh.SFTPNoSpaceOnFilesystem("No space left on device")
            return super().write(file_obj, offset, data)

    sink = make_sink(serve(Full).port)
    with pytest.raises(SinkFull):
        put(sink, "a/b", b"x" * 5_000_000)
    put(sink, "a/c", b"x" * 500_000)
    assert names(tmp_path / "root") == ["a/c"]


def test_what_is_not_permitted_is_told_with_path_and_hint(
    make_sink: MakeSink, identity: Identity, tmp_path_factory: pytest.TempPathFactory, openssh: OpenSsh, tmp_path: Path
) -> None:
    put(make_sink(openssh.port), "a/old")
    (tmp_path / "root" / "a" / ".left.partial").write_text("left")
    readonly = OpenSsh(tmp_path_factory.mktemp("sshd"), identity, "Subsystem sftp internal-sftp -R")
    identity.trust(readonly.port, readonly.host_key)
    readonly.start()
    try:
        sink = make_sink(readonly.port)
        place, hint = f"{tmp_path}/root", "see who owns the folder on the server and who may write there"
        for what, path, act in (
            ("write", "a/new", lambda: sink.create("a/new")),
            ("delete", "a/old", lambda: sink.delete(["a/old"])),
            ("delete", "a/.left.partial", lambda: sink.sweep("a")),
        ):
            with pytest.raises(SinkError) as caught:
                act()
            message = f"cannot {what} {place}/{path} on root@127.0.0.1:{readonly.port}: permission denied"
            assert (str(caught.value), caught.value.hint) == (message, hint)
        assert get(sink, "a/old") == b"data"
        told = {check.name: check.ok for check in sink.checks()}
        assert told == {"server": True, "folder": True, "reachable": True, "writable": False, "free space": True}
    finally:
        readonly.stop()
    assert (tmp_path / "root" / "a" / "old").exists()


def test_a_path_that_is_a_file_is_told(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file")
    sink = make_sink(openssh.port)
    with pytest.raises(SinkError, match=r"cannot make .*/root/a on root@.*: .*/root is no folder") as caught:
        sink.create("a/b")
    assert caught.value.hint == "a file stands where a folder is needed"
    assert keys(sink) == []


def test_a_folder_in_the_place_of_a_file_is_said_to_be_one(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    (tmp_path / "root" / "a" / "first").mkdir(parents=True)
    (tmp_path / "root" / "a" / "first" / "of-somebody").write_text("else")
    with pytest.raises(AlreadyExists, match=r"a/first on .* exists already") as caught:
        put(make_sink(openssh.port), "a/first")
    assert "a folder stands where a file belongs" in str(caught.value.hint)
    assert names(tmp_path / "root") == ["a/first/of-somebody"]


# Links and names


def test_a_symbolic_link_out_of_the_root_is_refused_and_not_followed(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("of somebody")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(outside)
    (tmp_path / "root" / "file").symlink_to(outside / "precious")
    sink = make_sink(openssh.port)
    for act in (
        lambda: sink.create("link/new"),
        lambda: sink.create("link/deep/new"),
        lambda: sink.delete(["link/precious"]),
    ):
        with pytest.raises(SinkError, match="leads elsewhere: it is a symbolic link"):
            act()
    assert keys(sink) == []
    sink.sweep("")
    with pytest.raises(AlreadyExists):
        put(sink, "file")
    assert names(outside) == ["precious"]
    assert (outside / "precious").read_text() == "of somebody"


def test_the_root_itself_may_be_a_link(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "elsewhere")
    sink = make_sink(openssh.port)
    put(sink, "a/b")
    assert keys(sink) == ["a/b"]
    sink.delete(["a/b"])
    assert (tmp_path / "root").is_symlink()


def test_names_that_are_not_utf_8_are_passed_over(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path) -> None:
    sink = make_sink(openssh.port)
    put(sink, "a/b")
    foreign = os.fsencode(tmp_path / "root" / "a") + b"/\xff\xfe"
    Path(os.fsdecode(foreign)).write_text("of somebody")
    Path(os.fsdecode(foreign + b"folder")).mkdir()
    assert keys(sink) == ["a/b"]
    sink.sweep("")
    sink.delete(["a/b"])
    assert os.path.exists(foreign)  # noqa: PTH110 - pathlib has no bytes


# Servers that do other than they say


class Replacing(Files):
    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        return self.posix_rename(oldpath, newpath)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if b"/.probe" not in path:  # which are new
            pflags &= ~asyncssh.FXF_EXCL
        return super().open(path, pflags & ~asyncssh.FXF_EXCL, attrs)


def test_a_server_on_which_nothing_is_spared_is_not_used(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "old").write_text("precious")
    with extensions("hardlink@openssh.com"):
        sink = make_sink(serve(Replacing).port)
        with pytest.raises(SinkError, match="has no way to name a finished file") as caught:
            put(sink, "old")
        assert "use another SFTP server" in str(caught.value.hint)
        told = {check.name: check for check in sink.checks()}
        assert (told["writable"].ok, "has no way to name a finished file" in told["writable"].detail) == (False, True)
    assert names(tmp_path / "root") == ["old"]
    assert (tmp_path / "root" / "old").read_text() == "precious"


def test_a_server_that_loses_bytes_is_noticed(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path
) -> None:
    class Losing(Files):
        def write(self, file_obj: object, offset: int, data: bytes) -> Any:
            if offset:
                data = data[:-1]
            super().write(file_obj, offset, data)
            return len(data)

    sink = make_sink(serve(Losing).port)
    with pytest.raises(SinkError, match="999999 of 1000000 bytes arrived"):
        put(sink, "a/b", b"x" * 1_000_000)
    assert names(tmp_path / "root") == []


# Others at the same place


def test_of_two_sinks_that_race_for_a_key_one_wins(make_sink: MakeSink, openssh: OpenSsh) -> None:
    sinks = [make_sink(openssh.port), make_sink(openssh.port)]
    for turn in range(10):
        start = threading.Barrier(2)

        def compete(number: int, turn: int = turn, start: threading.Barrier = start) -> int | None:
            writer = sinks[number].create(f"a/{turn}")
            writer.write(b"%d" % number * 1000)
            start.wait()
            try:
                writer.commit()
            except AlreadyExists:
                return None
            return number

        with ThreadPoolExecutor(2) as pool:
            winners = [number for number in pool.map(compete, range(2)) if number is not None]
        assert len(winners) == 1
        assert get(sinks[0], f"a/{turn}") == b"%d" % winners[0] * 1000


KILLED = """
import sys
from tests.fsspec.sftp.servers import sink_of
from pathlib import Path
folder, port, root = sys.argv[1:]
class Files:
    key, known_hosts = Path(folder) / "user", Path(folder) / "known_hosts"
sink = sink_of(Files, int(port), root)
done = sink.create("a/done")
done.write(b"done")
done.commit()
for number in range(4):
    writer = sink.create(f"half-{number}/x")
    writer.write(b"x" * 2_000_000)
    globals()[f"kept{number}"] = writer
print("written", flush=True)
sys.stdin.read()
"""


def test_a_kill_between_upload_and_commit_leaves_no_object_and_sweep_removes_the_rest(
    make_sink: MakeSink, openssh: OpenSsh, identity: Identity, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(identity.folder), str(openssh.port), str(root)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == b"written\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()
    assert len(names(root)) == 5
    sink = make_sink(openssh.port)
    assert keys(sink) == ["a/done"]
    sink.sweep("")
    assert names(root) == ["a/done"]
    put(sink, "half-0/x")


def test_a_reservation_that_a_kill_left_is_told_and_swept(
    make_sink: MakeSink, serve: Callable[..., AsyncServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(Files):
        def rename(self, oldpath: bytes, newpath: bytes) -> Any:
            return self.posix_rename(oldpath, newpath)

    monkeypatch.setattr("wrikebackup_fsspec.sftp.publish._RESERVATION_TRIES", 2)
    with extensions("hardlink@openssh.com"):
        sink = make_sink(serve(Plain).port)
        put(sink, "a/first")
        # What a reservation for a/b is called: the name is the same for every writer.
        (tmp_path / "root" / "a" / ".3e23e8160039594a3389.partial").touch()
        with pytest.raises(SinkError, match="another writer is at it, or was killed at it"):
            put(sink, "a/b")
        sink.sweep("a")
        put(sink, "a/b")
    assert names(tmp_path / "root") == ["a/b", "a/first"]


def test_a_closed_sink_says_so(make_sink: MakeSink, openssh: OpenSsh) -> None:
    sink = make_sink(openssh.port)
    put(sink, "a/b")
    writer = sink.create("a/c")
    sink.close()
    sink.close()
    for act in (writer.commit, lambda: sink.create("a/d"), sink.sync, lambda: list(sink.list(""))):
        with pytest.raises(SinkError, match="was closed"):
            act()
    writer.discard()
