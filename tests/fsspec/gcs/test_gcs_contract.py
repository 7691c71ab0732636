"""Google Cloud Storage keeps the promises of a sink, on two servers: one made by others, and one that keeps Google's rules."""

from __future__ import annotations

from collections.abc import Collection

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.gcs.stores import Store
from wrikebackup_core import Sink
from wrikebackup_core.testing import SinkContract
from wrikebackup_fsspec.objects.sink import ObjectSink


class GcsContract(SinkContract):
    bucket = ""
    store: Store

    def leftovers(self, sink: Sink) -> Collection[str]:
        """Probes, and whatever else is no committed object."""
        committed = {f"backups/wrike/{entry.key}" for entry in sink.list("")}
        return [key for key in self.store.keys(self.bucket) if key not in committed]


class TestFakeGcsServer(GcsContract):
    @pytest.fixture
    def sink(self, fake: Store) -> ObjectSink:
        self.store, self.bucket = fake, fake.bucket()
        return fake.sink(self.bucket)
