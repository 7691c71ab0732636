"""Generated pages are what the code says now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wrikebackup_core
from tools import errors_page, generate
from wrikebackup_core import errors
from wrikebackup_core.errors import ExitCode, WrikeBackupError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_a_generated_page_is_current(name: str) -> None:
    """If not: nox -s docs-write."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == generate.PAGES[name]()


def test_the_table_of_exit_codes_has_every_code_once() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*(\d+)\*\* \| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [(str(int(code)), code.name) for code in ExitCode]
    assert set(errors_page.MEANING) == set(ExitCode)


def test_the_tree_at_the_top_of_the_errors_module_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"^[│├└─ ]*(\w+) +(\d+)", errors.__doc__ or "", re.MULTILINE)
    expected: list[tuple[str, str]] = []

    def walk(error: type[WrikeBackupError]) -> None:
        expected.append((error.__name__, str(int(error.exit_code))))
        for child in error.__subclasses__():
            if child.__module__ == errors.__name__:
                walk(child)

    walk(WrikeBackupError)
    assert drawn == expected


def test_every_public_name_is_documented() -> None:
    page = (REFERENCE / "api.md").read_text(encoding="utf-8")
    missing = [name for name in wrikebackup_core.__all__ if f"`{name}`" not in page]
    assert not missing
