"""One user and one OpenSSH server for all tests of a process."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asyncssh", reason="needs the extra sftp")

from tests.fsspec.sftp.servers import SSHD, AsyncServer, Files, Identity, OpenSsh, sink_of
from wrikebackup_fsspec.sftp.sink import SftpSink

MakeSink = Callable[..., SftpSink]


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[OpenSsh]:
    """Shared: nobody stops it or its sessions."""
    yield from _serving(tmp_path_factory.mktemp("sshd"), identity)


@pytest.fixture
def own_openssh(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[OpenSsh]:
    """For one test, which may do to it what it likes."""
    yield from _serving(tmp_path_factory.mktemp("sshd"), identity)


def _serving(folder: Path, identity: Identity) -> Iterator[OpenSsh]:
    if shutil.which(SSHD) is None:
        pytest.skip(f"needs {SSHD}, from the package openssh-server")
    server = OpenSsh(folder, identity)
    identity.trust(server.port, server.host_key)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def make_sink(identity: Identity, tmp_path: Path) -> Iterator[MakeSink]:
    """`make_sink(port, **options)`; the sinks are closed after the test."""
    made: list[SftpSink] = []

    def make(port: int, path: Path | str = tmp_path / "root", **options: Any) -> SftpSink:
        made.append(sink_of(identity, port, path, **options))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def serve(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., AsyncServer]]:
    """`serve(files)` starts asyncssh's server with such files; it is stopped after the test."""
    with contextlib.ExitStack() as started:

        def start(files: type[Files], **more: Any) -> AsyncServer:
            server = AsyncServer(tmp_path_factory.mktemp("served"), identity, files, **more)
            server.start()
            started.callback(server.stop)
            return server

        yield start
