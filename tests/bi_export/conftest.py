"""Runs with the transform `bi-export` against the mock server, over a real socket, into sinks in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_bi_export.options import BiExportOptions
from wrikebackup_bi_export.transform import bi_export
from wrikebackup_core import Event, Gap, Message, Sink, Transform, resuming
from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import AttachmentMode, Kind
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.bi_tables import SCHEMA, csv_of
from wrikebackup_mock.server import MockServer
from wrikebackup_wrike import export
from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.source import WrikeSource
from wrikebackup_wrike.tokens import PermanentToken

TABLES = frozenset(SCHEMA)


@dataclass
class Place:
    """A server, and runs against it."""

    server: MockServer
    state: Path
    events: list[Event] = field(default_factory=list)

    def run(self, *sinks: Sink, more: tuple[Transform, ...] = (), **options: Any) -> Outcome:
        source = WrikeSource(
            WrikeOptions.model_validate(
                {"base_url": self.server.base_url, "token": "env:X", "rate": "off", "retry": 2}
            ),
            PermanentToken(self.server.token),
        )
        self.events.clear()
        job = Job(
            name="test",
            source=source,
            source_kind="wrike",
            sinks=sinks,
            state=self.state,
            plugins=Plugins(),
            transforms=(bi_export(BiExportOptions(**options)), *more),
            attachments=AttachmentMode.NONE,
            skip=frozenset(Kind) - {Kind.ACCOUNT},  # the crawl is no part of what is tested here
            fingerprint="same",
        )
        try:
            return back_up(job, self.events.append)
        finally:
            source.close()

    @property
    def messages(self) -> str:
        return "\n".join(event.text for event in self.events if isinstance(event, Message))

    def truth(self, name: str, edition: int = 1) -> bytes:
        return csv_of(self.server.account, name, edition)

    def fetched(self) -> list[str]:
        """Resources of the storage host that were asked for, in order."""
        return [entry.path for entry in self.server.requests if entry.template.startswith("/data_export/resource")]


def stored(sink: MemorySink, suffix: str = "") -> dict[str, bytes]:
    """What lies in `bi-export/` of the newest backup, by name; that it is what manifest and checksums name is compared."""
    manifest_key = max(key for key in sink.objects if key.endswith("/manifest.json"))
    folder = manifest_key.removesuffix("manifest.json")
    found = {
        key.removeprefix(folder): data for key, data in sink.objects.items() if key.startswith(f"{folder}bi-export/")
    }
    named = Manifest.decode(sink.objects[manifest_key], manifest_key).files.artifacts
    assert {name for name in named if name.startswith("bi-export/")} == set(found)
    sums = sink.objects[f"{folder}SHA256SUMS"].decode().split("\n")
    assert {line.split("  ")[1] for line in sums if "bi-export/" in line} == set(found)
    return {name.removeprefix("bi-export/").removesuffix(suffix): data for name, data in found.items()}


def gaps(outcome: Outcome) -> dict[str | None, Gap]:
    assert {gap.kind for gap in outcome.gaps} <= {"bi-export"}
    return {gap.id: gap for gap in outcome.gaps}


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(export, "_FIRST_WAIT", 0.001)


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    servers: list[MockServer] = []

    def make(account: MockAccount | None = None, *, there: bool = True, **options: Any) -> Place:
        server = MockServer(account or MockAccount(), **options).start()
        servers.append(server)
        if there:
            server.exports.renew()
        return Place(server, tmp_path / "state")

    yield make
    for server in servers:
        server.stop()


MakePlace = Callable[..., Place]
