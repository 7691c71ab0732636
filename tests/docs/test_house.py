"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "wrikebackup", ROOT / "wrikebackup_core", *sorted((ROOT / "plugins").glob("wrikebackup_*"))]
LONGEST_FILE = 400
LONG_FUNCTION = 60
FEW = 0.04  # of all functions; what the best kept projects of the field manage


def _files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from package.rglob("*.py")


def _functions() -> Iterator[tuple[str, int]]:
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}: {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    assert len(lengths) > 20
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_long_functions_are_few() -> None:
    functions = dict(_functions())
    long = {name: length for name, length in functions.items() if length > LONG_FUNCTION}
    assert len(long) <= FEW * len(functions), long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in _files() if re.search(r"utils?|helpers?|managers?|common|misc", path.stem)] == []


def test_every_dependency_says_why_it_is_here() -> None:
    """Each library in pyproject.toml has a section in docs/dependencies.md, and each section a library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *(line for lines in project["project"]["optional-dependencies"].values() for line in lines),
        *(line for lines in project["dependency-groups"].values() for line in lines if isinstance(line, str)),
    ]
    names = {re.split(r"[\s<>=!~;\[]", line)[0] for line in wanted}
    sections = re.findall(r"^### (\S+)$", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(names)


def test_everything_that_a_wheel_needs_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(ROOT / package for package in listed) == sorted(PACKAGES)
    for package in PACKAGES:
        assert (package / "py.typed").is_file(), package
