"""A kind of store whose library is missing says which extra brings it, and does not disturb the others."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wrikebackup_core import Context, MissingExtra
from wrikebackup_core.plugins import Plugins

NEEDED = {
    "s3": ("obstore", {"bucket": "acme"}),
    "gcs": ("google.auth", {"bucket": "acme"}),
    "sftp": ("asyncssh", {"host": "backup.example.com", "path": "wrike"}),
    "url": ("fsspec", {"url": "memory://wrike"}),
}


@pytest.mark.parametrize("kind", NEEDED)
def test_a_missing_library_is_answered_with_the_extra_that_brings_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, options = NEEDED[kind]
    for name in list(sys.modules):
        if name.split(".")[0] == library.split(".")[0] or name.startswith(f"wrikebackup_fsspec.{kind}"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    plugins = Plugins.load()
    with pytest.raises(MissingExtra) as caught:
        plugins.make_sink(kind, plugins.sinks[kind].options.model_validate(options), Context(secret=str))
    assert caught.value.hint == f'pip install "wrikebackup[{kind}]"'


PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
# What libraries try to import and do without: `backports.zstd` of urllib3 and fsspec, bcrypt of cryptography.
TAKEN_ALONG = {"backports", "bcrypt"}


@pytest.mark.parametrize("kind", NEEDED)
def test_an_extra_brings_all_that_its_kind_imports(kind: str) -> None:
    """Also where no other library, such as one that tests need, happens to bring it."""
    if importlib.util.find_spec(NEEDED[kind][0].split(".")[0]) is None:
        pytest.skip(f"the extra {kind} is not installed")
    brought = set(_brought([*PROJECT["dependencies"], *PROJECT["optional-dependencies"][kind]]))
    names = metadata.packages_distributions()
    imported = {
        canonicalize_name(distribution)
        for module in _modules(f"wrikebackup_fsspec.{kind}.opening") - _modules("sys") - TAKEN_ALONG
        for distribution in names.get(module, ())[:1]
    }
    assert imported - brought - {"wrikebackup"} == set()


def _modules(name: str) -> set[str]:
    """Top names of what is loaded with a module."""
    script = f"import sys, {name}; print(*(one.partition('.')[0] for one in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def _brought(wanted: Iterable[str]) -> Iterator[str]:
    """Names of all distributions that pip would install for these requirements."""
    pile, seen = [(Requirement(one), "") for one in wanted], set[tuple[str, str]]()
    while pile:
        requirement, extra = pile.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        yield name
        for of in {"", *requirement.extras}:
            if (name, of) not in seen:
                seen.add((name, of))
                pile += ((Requirement(one), of) for one in _requires(name))


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []  # for another system
