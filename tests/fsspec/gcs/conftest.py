"""Servers, each started once for all tests of a process that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fsspec.gcs.stores import Store


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    from tests.fsspec.gcs.stores import fake_gcs_server  # the modules of tests see to it that its libraries are there

    with fake_gcs_server(tmp_path_factory.mktemp("fake-gcs-server")) as store:
        yield store
