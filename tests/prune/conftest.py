"""A sink of each kind, over a real connection where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from wrikebackup_core import Sink
from wrikebackup_fsspec.local.sink import LocalSink


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(params=["local", "s3", "gcs", "sftp"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sink]:
    """An empty store."""
    if request.param == "local":
        yield LocalSink(str(tmp_path / "backups"))
    else:
        yield request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def _moto(servers: Path) -> Iterator[object]:
    pytest.importorskip("obstore", reason="the extra s3 is not installed")
    from tests.fsspec.s3 import stores

    folder = servers / "s3"
    folder.mkdir()
    with stores.moto(folder) as store:
        yield store


@pytest.fixture(scope="module")
def _seaweedfs(servers: Path) -> Iterator[object]:
    """It knows locks, as moto does not."""
    pytest.importorskip("obstore", reason="the extra s3 is not installed")
    from tests.fsspec.s3 import stores

    folder = servers / "seaweedfs"
    folder.mkdir()
    with stores.seaweedfs(folder) as store:
        yield store


@pytest.fixture
def s3(_moto: object) -> Sink:
    return _moto.sink(_moto.bucket())  # type: ignore[attr-defined] # its type is there with the extra only


@pytest.fixture(scope="module")
def _fake_gcs(servers: Path) -> Iterator[object]:
    pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")
    from tests.fsspec.gcs import stores

    folder = servers / "gcs"
    folder.mkdir()
    with stores.fake_gcs_server(folder) as store:
        yield store


@pytest.fixture
def gcs(_fake_gcs: object) -> Sink:
    return _fake_gcs.sink(_fake_gcs.bucket())  # type: ignore[attr-defined]


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Sink]:
    pytest.importorskip("asyncssh", reason="the extra sftp is not installed")
    from tests.fsspec.sftp.servers import SSHD, Identity, OpenSsh, sink_of

    if shutil.which(SSHD) is None:
        pytest.skip("needs sshd, from the package openssh-server")
    (tmp_path / "server").mkdir()
    identity = Identity(tmp_path)
    server = OpenSsh(tmp_path / "server", identity)
    identity.trust(server.port, server.host_key)
    server.start()
    try:
        sink = sink_of(identity, server.port, tmp_path / "backups")
        yield sink
        sink.close()
    finally:
        server.stop()
