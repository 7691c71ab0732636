"""Google Cloud Storage keeps the promises of a sink, on two servers: one made by others, and one that keeps Google's rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.gcs.google_server import GoogleServer
from tests.fsspec.gcs.keys import ServiceAccount
from tests.fsspec.gcs.stores import Store
from wrikebackup_core import Sink
from wrikebackup_core.testing import LockingContract, SigningContract, SinkContract
from wrikebackup_fsspec.objects.sink import ObjectSink


class TestFakeGcsServer(SinkContract):
    bucket = ""
    store: Store

    @pytest.fixture
    def sink(self, fake: Store) -> Iterator[ObjectSink]:
        self.store, self.bucket = fake, fake.bucket()
        sink = fake.sink(self.bucket)
        yield sink
        sink.close()

    def leftovers(self, sink: Sink) -> Collection[str]:
        """Probes, and whatever else is no committed object."""
        committed = {f"backups/wrike/{entry.key}" for entry in sink.list("")}
        return [key for key in self.store.keys(self.bucket) if key not in committed]


@pytest.fixture(scope="module")
def account() -> ServiceAccount:
    return ServiceAccount()


@pytest.fixture
def google(account: ServiceAccount) -> Iterator[GoogleServer]:
    """It lists a few at a time, and wants a token for everything."""
    with GoogleServer(account, page=7) as server:
        server.bucket("plain")
        server.bucket("locking", retention=True)
        yield server


def signed_in(google: GoogleServer, account: ServiceAccount, bucket: str, **more: object) -> ObjectSink:
    secrets = {"test:key": account.json(f"{google.url}/token")}
    return Store(google.url).sink(bucket, secrets=secrets, anonymous=False, credentials="test:key", **more)


class TestGoogleRules(SinkContract):
    google: GoogleServer

    @pytest.fixture
    def sink(self, google: GoogleServer, account: ServiceAccount) -> Iterator[ObjectSink]:
        self.google = google
        sink = signed_in(google, account, "plain")
        yield sink
        sink.close()

    def leftovers(self, sink: Sink) -> Collection[str]:
        """Probes, and sessions that nobody ended."""
        committed = {f"backups/wrike/{entry.key}" for entry in sink.list("")}
        bucket = self.google.buckets["plain"]
        pending = [session.resource["name"] for session in bucket.sessions.values() if session.done is None]
        return [*pending, *(name for name in bucket.objects if name not in committed)]


class LocksOnGoogleRules(LockingContract):
    mode: str

    @pytest.fixture
    def sink(self, google: GoogleServer, account: ServiceAccount) -> Iterator[ObjectSink]:
        sink = signed_in(google, account, "locking", lock_days=3, lock_mode=self.mode)
        yield sink
        sink.close()

    @pytest.fixture
    def longer(self, google: GoogleServer, account: ServiceAccount, sink: ObjectSink) -> Iterator[ObjectSink]:
        longer = signed_in(google, account, "locking", lock_days=5, lock_mode=self.mode)
        yield longer
        longer.close()

    @pytest.fixture
    def unlocked(self, google: GoogleServer, account: ServiceAccount) -> Iterator[ObjectSink]:
        sink = signed_in(google, account, "plain")
        yield sink
        sink.close()


class TestLocksThatNobodyCanLift(LocksOnGoogleRules):
    mode = "locked"


class TestLocksThatCanBeLifted(LocksOnGoogleRules):
    mode = "unlocked"


class TestLinks(SigningContract):
    @pytest.fixture
    def sink(self, google: GoogleServer, account: ServiceAccount) -> Iterator[ObjectSink]:
        sink = signed_in(google, account, "plain", prefix="two words")
        yield sink
        sink.close()
