"""Servers, each started once for all tests of a process that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fsspec.s3 import stores


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Store]:
    with stores.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Store]:
    with stores.moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Store]:
    with stores.rclone(tmp_path_factory.mktemp("rclone")) as store:
        yield store
