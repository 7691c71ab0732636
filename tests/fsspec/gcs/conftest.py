"""Servers, each started once for all tests of a process that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.fsspec.proxy import Proxy

if TYPE_CHECKING:
    from tests.fsspec.gcs.google_rules import Bucket
    from tests.fsspec.gcs.google_server import GoogleServer
    from tests.fsspec.gcs.stores import Store
    from wrikebackup_fsspec.objects.sink import ObjectSink


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    from tests.fsspec.gcs.stores import fake_gcs_server  # here, since the libraries may be missing where no test is run

    with fake_gcs_server(tmp_path_factory.mktemp("fake-gcs-server")) as store:
        yield store


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    """Google's rules, with an empty bucket called `bucket`."""
    from tests.fsspec.gcs.google_server import GoogleServer

    with GoogleServer() as server:
        server.bucket("bucket")
        yield server


@pytest.fixture
def bucket(google: GoogleServer) -> Bucket:
    return google.buckets["bucket"]


@pytest.fixture
def proxy(google: GoogleServer) -> Iterator[Proxy]:
    with Proxy(google.url) as proxy:
        yield proxy


@pytest.fixture
def sink(proxy: Proxy) -> Iterator[ObjectSink]:
    """Through the proxy to Google's rules, and ready to write."""
    from tests.fsspec.gcs.stores import Store

    sink = Store(proxy.url).sink("bucket")
    sink.create("made/ready").discard()
    proxy.asked.clear()
    yield sink
    sink.close()


@pytest.fixture
def before_fake(fake: Store) -> Iterator[Proxy]:
    with Proxy(fake.url) as proxy:
        yield proxy
