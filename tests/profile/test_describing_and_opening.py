"""A profile told back, as a schema, and opened; with the awkward plugin of the command line's tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from wrikebackup_core import Secret, SecretError, UsageError
from wrikebackup_core.model import Kind
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile import Profile, effective, fingerprint, load, open_job, open_sinks, plain, schema

AWKWARD = Path(__file__).parents[1] / "cli" / "awkward"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.syspath_prepend(str(AWKWARD))
    loaded = Plugins.load()
    assert {"awkward", "mock"} <= set(loaded.sources)
    return loaded


def _load(tmp_path: Path, plugins: Plugins, text: str) -> Profile:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, plugins)


FULL = """\
name: "Söhne: 'no' # 1"
source: {awkward: {token: "env:NOT_SET_ANYWHERE", marker: "22:22"}}
sinks:
  - memory: {name: "null"}
  - local: {path: "~/x: y"}
attachments: all versions
skip: [audit_log, timelogs]
transfers: 7
state: ./spool
"""


@pytest.mark.parametrize("text", ["source: mock\nsinks: [local: {path: b}]\n", FULL])
def test_the_effective_profile_loads_as_the_same_profile(text: str, tmp_path: Path, plugins: Plugins) -> None:
    profile = _load(tmp_path, plugins, text)
    again = _load(tmp_path, plugins, effective(profile))
    assert (again.source, again.sinks, again.transforms) == (profile.source, profile.sinks, profile.transforms)
    assert plain(again) == plain(profile)
    assert json.loads(json.dumps(plain(profile))) == plain(profile)


def test_a_secret_stays_a_reference(tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_SET_ANYWHERE", "eyJhbGciSECRET")
    profile = _load(tmp_path, plugins, FULL)
    assert "env:NOT_SET_ANYWHERE" in effective(profile)
    assert "eyJhbGciSECRET" not in effective(profile) + repr(profile) + fingerprint(profile)


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def test_the_schema_knows_every_key_kind_and_option(plugins: Plugins) -> None:
    made = schema(plugins)
    assert json.loads(json.dumps(made)) == made
    assert set(made["required"]) == {"source", "sinks"}
    assert made["additionalProperties"] is False
    assert {ref.removeprefix("#/$defs/") for ref in _refs(made)} <= set(made["$defs"])
    branches = made["properties"]["sinks"]["items"]["anyOf"]
    assert {"enum": ["heavy", "memory", "signing"]} in branches, "kinds without a required option may stand alone"
    named = {key for branch in branches for key in branch.get("properties", {})}
    assert named == set(plugins.sinks)
    [local] = [branch["properties"]["local"] for branch in branches if "local" in branch.get("properties", {})]
    options = made["$defs"][local["$ref"].rpartition("/")[2]]
    assert options["required"] == ["path"]
    assert options["additionalProperties"] is False
    assert made["properties"]["attachments"]["default"] == "latest"
    assert set(made["$defs"]["Kind"]["enum"]) == {kind.value for kind in Kind}


def test_what_no_plugin_brings_is_not_allowed(plugins: Plugins) -> None:
    plugins.transforms.clear()
    made = schema(plugins)
    assert made["properties"]["transforms"]["items"] == {"not": {}}, "no transform is installed, so none is allowed"


def test_a_job_is_what_the_profile_says_and_is_closed_at_the_end(tmp_path: Path, plugins: Plugins) -> None:
    profile = _load(tmp_path, plugins, "source: awkward\nsinks: [memory: {name: a}, memory: {name: b}]\ntransfers: 3\n")
    with open_job(profile, plugins) as job:
        assert [sink.name for sink in job.sinks] == ["memory:a", "memory:b"]
        assert (job.name, job.source_kind, job.transfers) == ("p", "awkward", 3)
        assert job.fingerprint == fingerprint(profile)
    assert all(sink.closed for sink in job.sinks)  # type: ignore[attr-defined]  # they are MemorySinks


def test_sinks_are_closed_when_the_source_cannot_be_opened(
    tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    profile = _load(tmp_path, plugins, "source: {awkward: {token: 'env:NOT_SET_ANYWHERE'}}\nsinks: [memory]\n")
    made: list[Any] = []
    make = Plugins.make_sink
    monkeypatch.setattr(Plugins, "make_sink", lambda *args: made.append(make(*args)) or made[-1])
    with pytest.raises(SecretError, match="NOT_SET_ANYWHERE"), open_job(profile, plugins):
        pass
    assert [sink.closed for sink in made] == [True]


def test_reading_backups_needs_no_secret_of_the_source(
    tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    profile = _load(tmp_path, plugins, "source: {awkward: {token: 'env:NOT_SET_ANYWHERE'}}\nsinks: [memory]\n")
    with open_sinks(profile, plugins) as sinks:
        assert len(sinks) == 1


def test_one_place_twice_is_refused(tmp_path: Path, plugins: Plugins) -> None:
    profile = _load(tmp_path, plugins, "source: awkward\nsinks: [memory, memory]\n")
    with pytest.raises(UsageError, match="the sink memory:one is there twice"), open_job(profile, plugins):
        pass


class _Inner(BaseModel):
    secret_word: Secret = "env:A"
    size: int = 1


class _Marked(BaseModel):
    token: Secret | None = None
    rate: str = Field("400/min", json_schema_extra={"tuning": True})
    account: str = "a"
    inner: _Inner | None = None
    list_: list[_Inner] = Field(default=[], alias="list")


def test_a_killed_run_goes_on_unless_what_it_reads_has_changed(tmp_path: Path, plugins: Plugins) -> None:
    """References to secrets, rates, sinks and the number of threads may change; account, kinds and attachments may not."""
    from wrikebackup_core import hookimpl

    class Module:
        @staticmethod
        @hookimpl
        def register_sources(register):  # type: ignore[no-untyped-def]
            register("marked", options=_Marked, make=None)

    plugins.add("marked", Module)

    def of(options: str, rest: str = "") -> str:
        return fingerprint(_load(tmp_path, plugins, f"source: {{marked: {options}}}\n{rest}\nsinks: [memory]\n"))

    base = of("{}")
    assert of("{token: 'env:B', rate: 5/s}", "transfers: 9\nname: other") == base
    assert of("{account: b}") != base
    assert of("{}", "skip: [tasks]") != base
    assert of("{}", "attachments: none") != base
    nested = of("{inner: {secret_word: 'env:A'}, list: [{}]}")
    assert of("{inner: {secret_word: 'env:B'}, list: [{secret_word: 'env:C'}]}") == nested
    assert of("{inner: {size: 2}, list: [{}]}") != nested
    assert of("{inner: {}, list: [{size: 2}]}") != nested
