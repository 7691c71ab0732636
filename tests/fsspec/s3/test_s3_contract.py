"""Every S3 server keeps the promises of a sink, also one that by itself would not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

import pytest

from tests.fsspec.s3.stores import Store
from wrikebackup_core import Sink
from wrikebackup_core.testing import SinkContract
from wrikebackup_fsspec.objects.sink import ObjectSink


class S3Contract(SinkContract):
    store: ClassVar[Store]
    bucket: ClassVar[str]

    def leftovers(self, sink: Sink) -> Collection[str]:
        """What lies in the bucket and is no committed object: probes, and uploads that nobody ended."""
        committed = {f"backups/wrike/{entry.key}" for entry in sink.list("")}
        return [key for key in self.store.keys(self.bucket) if key not in committed] + self.store.uploads(self.bucket)

    def opened(self, store: Store) -> Iterator[ObjectSink]:
        type(self).store, type(self).bucket = store, store.bucket()
        sink = store.sink(self.bucket)
        yield sink
        sink.close()


class TestSeaweedFS(S3Contract):
    @pytest.fixture
    def sink(self, seaweedfs: Store) -> Iterator[ObjectSink]:
        yield from self.opened(seaweedfs)


class TestMoto(S3Contract):
    @pytest.fixture
    def sink(self, moto: Store) -> Iterator[ObjectSink]:
        yield from self.opened(moto)


class TestRclone(S3Contract):
    """A gateway to a folder. It replaces what is there, and knows no conditions under which it would not."""

    @pytest.fixture
    def sink(self, rclone: Store) -> Iterator[ObjectSink]:
        yield from self.opened(rclone)

    def test_delete_does_not_disturb_writers_in_the_same_folder(self, sink: Sink) -> None:
        """Of one writer at a time: where a folder goes with its last object while another is made in it, this server forgets what it
        was asked, and says that all went well.
        """
        for turn in range(40):
            self.put(sink, f"shared/folder/{turn}")
            sink.delete([f"shared/folder/{turn}"])
        assert self.keys(sink) == []
