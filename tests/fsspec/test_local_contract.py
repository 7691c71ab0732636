"""A folder keeps the promises of a sink, by every way of publishing that this platform has."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from wrikebackup_core import Sink
from wrikebackup_core.testing import SinkContract
from wrikebackup_core.testing.sink import AWKWARD_NAMES, NOT_ON_WINDOWS
from wrikebackup_fsspec.local import barrier, publish
from wrikebackup_fsspec.local.sink import LocalSink


class LocalContract(SinkContract):
    awkward_names = tuple(name for name in AWKWARD_NAMES if sys.platform != "win32" or name not in NOT_ON_WINDOWS)

    def leftovers(self, sink: Sink) -> Collection[str]:
        """Temporary files, and folders without anything in them."""
        assert isinstance(sink, LocalSink)
        committed = {entry.key for entry in sink.list("")}
        return [
            str(path.relative_to(sink.root))
            for path in Path(sink.root).rglob("*")
            if (not any(path.iterdir()) if path.is_dir() else path.relative_to(sink.root).as_posix() not in committed)
        ]


class TestLocalSink(LocalContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> LocalSink:
        return LocalSink(str(tmp_path / "not yet" / "there"))


class TestEveryWayOfPublishing(LocalContract):
    @pytest.fixture(params=publish.ways(), ids=lambda way: way.__name__)
    def sink(self, tmp_path: Path, request: pytest.FixtureRequest) -> LocalSink:
        return LocalSink(str(tmp_path), publisher=publish.Publisher((request.param,)))


class TestFlushingFileByFile(LocalContract):
    """As on systems without `syncfs`."""

    @pytest.fixture
    def sink(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalSink:
        monkeypatch.setattr("wrikebackup_fsspec.local.sink.barrier_for", barrier.FileByFile)
        return LocalSink(str(tmp_path / "new" / "root"))
