"""File systems of fsspec keep the promises of a sink: in memory, on a disk, and over a real FTP connection."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.fsspec.url import stores
from wrikebackup_core import Context, Sink
from wrikebackup_core.testing import SinkContract
from wrikebackup_core.testing.sink import AWKWARD_NAMES
from wrikebackup_fsspec.options import UrlOptions
from wrikebackup_fsspec.url.opening import open_sink
from wrikebackup_fsspec.url.sink import UrlSink

SECRETS = {"test:user": stores.USER, "test:password": stores.PASSWORD}


def opened(url: str, **more: object) -> UrlSink:
    sink = open_sink(UrlOptions.model_validate({"url": url, **more}), Context(secret=SECRETS.__getitem__))
    assert isinstance(sink, UrlSink)
    return sink


class TestMemory(SinkContract):
    @pytest.fixture
    def sink(self) -> UrlSink:
        return opened(f"memory://{secrets.token_hex(8)}/deep/er")


class TestFile(SinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> UrlSink:
        return opened(f"file://{tmp_path}/not yet/there")

    def leftovers(self, sink: Sink) -> Collection[str]:
        assert isinstance(sink, UrlSink)
        committed = {entry.key for entry in sink.list("")}
        root = Path(sink.root)
        return [
            str(path)
            for path in root.rglob("*")
            if (not any(path.iterdir()) if path.is_dir() else path.relative_to(root).as_posix() not in committed)
        ]


@pytest.fixture(scope="module")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores.ftp(tmp_path_factory.mktemp("ftp")) as server:
        yield server.url


class TestFtp(SinkContract):
    # Its commands end at the end of a line and its listings are lines: spaces at the beginning do not come through.
    awkward_names = tuple(AWKWARD_NAMES)

    @pytest.fixture
    def sink(self, ftp: str) -> UrlSink:
        access = {"username": "test:user", "password": "test:password"}
        return opened(f"{ftp}/{secrets.token_hex(8)}", secrets=access)
