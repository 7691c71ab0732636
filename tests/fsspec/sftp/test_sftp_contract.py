"""A folder of a server keeps the promises of a sink, by every way of publishing and with what servers leave out."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.sftp.servers import AsyncServer, Files, Identity, OpenSsh, extensions
from wrikebackup_core import Sink
from wrikebackup_core.testing import SinkContract
from wrikebackup_fsspec.sftp.sink import SftpSink


class SftpContract(SinkContract):
    def leftovers(self, sink: Sink) -> Collection[str]:
        """Temporary files, and folders without anything in them: the server is on this machine."""
        root = Path("/" + sink.name.partition("/")[2])
        committed = {entry.key for entry in sink.list("")}
        return [
            str(path.relative_to(root))
            for path in root.rglob("*")
            if (not any(path.iterdir()) if path.is_dir() else path.relative_to(root).as_posix() not in committed)
        ]


class TestOpenSsh(SftpContract):
    @pytest.fixture
    def sink(self, make_sink: Callable[..., SftpSink], openssh: OpenSsh, tmp_path: Path) -> SftpSink:
        return make_sink(openssh.port, tmp_path / "not yet" / "there")


class Replacing(Files):
    """Its plain rename replaces what is there, as that of several servers does."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        Path(os.fsdecode(self.map_path(oldpath))).replace(os.fsdecode(self.map_path(newpath)))


class Unlinked(Replacing):
    def link(self, oldpath: bytes, newpath: bytes) -> Any:
        raise asyncssh.SFTPOpUnsupported("no links here")


LIMITS, FSYNC, LINK, POSIX = (
    "limits@openssh.com",
    "fsync@openssh.com",
    "hardlink@openssh.com",
    "posix-rename@openssh.com",
)
SERVERS: dict[str, tuple[type[Files], tuple[str, ...], str]] = {
    "rename": (Files, (), "rename"),
    "small requests and no flush": (Files, (LIMITS, FSYNC, "statvfs@openssh.com"), "rename"),
    "hard link": (Replacing, (), "hard link"),
    "posix rename under a reservation": (Unlinked, (FSYNC,), "posix rename reserved"),
    "rename under a reservation": (Replacing, (LINK, POSIX, FSYNC, LIMITS), "rename reserved"),
}


@pytest.fixture(scope="module", params=SERVERS, ids=lambda name: name.replace(" ", "-"))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, identity: Identity
) -> Iterator[tuple[AsyncServer, str]]:
    files, missing, way = SERVERS[request.param]
    with extensions(*missing):
        server = AsyncServer(tmp_path_factory.mktemp("served"), identity, files)
        server.start()
        yield server, way
        server.stop()


class TestWhatServersLeaveOut(SftpContract):
    @pytest.fixture
    def sink(self, make_sink: Callable[..., SftpSink], served: tuple[AsyncServer, str]) -> SftpSink:
        return make_sink(served[0].port)

    def test_the_way_is_the_first_that_spares_what_is_there(self, sink: Sink, served: tuple[AsyncServer, str]) -> None:
        self.put(sink, "a/b")
        told = {check.name: check for check in sink.checks()}
        assert told["written once"].ok
        assert told["written once"].detail.endswith(f"({served[1]})")
