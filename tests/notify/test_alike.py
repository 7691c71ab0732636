"""A profile that has a monitor twice: whoever it tells would be told everything twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from wrikebackup_core import Register, hookimpl
from wrikebackup_core.errors import ProfileError
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile import load


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = "env:PING_URL"
    on: tuple[str, ...] = ("trouble",)


class Bells:
    @hookimpl
    def register_monitors(self, register: Register) -> None:
        for kind in ("bell", "gong"):
            register(kind, options=Options, make=lambda options, context: None)


@pytest.fixture
def plugins() -> Plugins:
    plugins = Plugins.load()
    plugins.add("bells", Bells())
    return plugins


def _written(folder: Path, *monitors: str) -> Path:
    path = folder / "acme.yaml"
    lines = ["source: mock", "sinks: [local: {path: b}]", "monitors:", *(f"  - {one}" for one in monitors)]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("again", ["bell", "bell: {}", "bell: {on: [trouble]}", 'bell: {url: "env:PING_URL"}'])
def test_two_monitors_that_are_alike_are_refused_and_both_are_named(
    tmp_path: Path, plugins: Plugins, again: str
) -> None:
    path = _written(tmp_path, "bell", "gong", again)
    with pytest.raises(ProfileError) as caught:
        load(path, plugins)
    assert str(caught.value) == f"{path}:6: monitors[2]: is there twice: the monitor bell is written as monitors[0] is"
    assert caught.value.hint == "keep one of them"


def test_monitors_that_differ_in_kind_or_in_an_option_stay(tmp_path: Path, plugins: Plugins) -> None:
    path = _written(tmp_path, "bell", "gong", "bell: {on: [over]}", 'bell: {url: "env:OTHER_URL"}')
    assert [part.kind for part in load(path, plugins).monitors] == ["bell", "gong", "bell", "bell"]
