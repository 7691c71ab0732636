"""Plugins made in the test: as module objects, and as distributions with metadata that the loader finds by itself."""

from __future__ import annotations

import importlib
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wrikebackup_core import hookimpl

Module = Callable[..., types.ModuleType]
Install = Callable[..., None]


@pytest.fixture
def module() -> Module:
    """`module(register_sinks=function, …)`: a plugin with these functions as hooks."""

    def make(**hooks: Callable[..., object]) -> types.ModuleType:
        plugin = types.ModuleType("plugin_made_in_a_test")
        for name, function in hooks.items():
            setattr(plugin, name, hookimpl(function))
        return plugin

    return make


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("dist", "entry-point", source)`: a distribution of one module, found like any installed one."""
    before = set(sys.modules)

    def make(distribution: str, point: str, source: str) -> None:
        folder = tmp_path / distribution
        name = f"module_of_{distribution.replace('-', '_')}"
        metadata = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[wrikebackup]\n{point} = {name}\n")
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("module_of_"):
            del sys.modules[name]
