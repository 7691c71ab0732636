"""A folder for backups, and command lines that read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lookup.shelf import Ran, Shelf
from wrikebackup_core.cli.program import run


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "WRIKEBACKUP_IDENTITY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "backups")


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes], shelf: Shelf) -> Callable[..., Ran]:
    """Runs `wrikebackup COMMAND PLACE WORDS…`, the place being the shelf."""

    def call(command: str, *words: str) -> Ran:
        capfdbinary.readouterr()
        code = run([command, str(shelf.root), *words])
        out, err = capfdbinary.readouterr()
        return Ran(code, out, err.decode())

    return call
