"""Each text in testdata/ says which backups a policy keeps, and why. WRITE=1 writes down what it keeps now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.retention import policies

DATA = sorted((Path(__file__).parent / "testdata").glob("*.txt"))


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_a_policy_keeps_what_is_written(path: Path) -> None:
    expected = path.read_text(encoding="utf-8")
    found = policies.rewritten(expected)
    if os.environ.get("WRITE"):
        path.write_text(found, encoding="utf-8", newline="\n")
    assert found == expected


@pytest.mark.parametrize(
    "path", [path for path in DATA if "year-" in path.stem or path.stem == "year"], ids=lambda path: path.stem
)
def test_a_year_pruned_day_after_day_leaves_what_the_rules_keep_of_the_whole_year(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert policies.rewritten(text.replace("prune after each: ", "retain: ")) == text.replace(
        "prune after each: ", "retain: "
    )
