"""Two keys that sign, made by OpenSSH: the one that is trusted, and another."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.age.signed import make_key

    return make_key(tmp_path_factory.mktemp("keys") / "key")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.age.signed import make_key

    return make_key(tmp_path_factory.mktemp("others") / "key")
