"""A stranger's plugin, `examples/wrikebackup_vault`: built as a distribution, and its own tests pass where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hello.environments import installed, own_tests_pass

EXAMPLE = Path(__file__).parents[2] / "examples" / "wrikebackup_vault"


def test_its_own_tests_pass_where_it_is_installed(tmp_path_factory: pytest.TempPathFactory) -> None:
    own_tests_pass(installed(EXAMPLE, tmp_path_factory.mktemp("vault")))
