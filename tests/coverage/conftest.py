"""Runs against the mock server over a real socket, and what they say of their completeness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_bi_export.options import BiExportOptions
from wrikebackup_bi_export.transform import bi_export
from wrikebackup_core import Event, Message, Sink, Transform, resuming
from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.format.coverage import Report, decode_report
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import AttachmentMode, CoverageMode
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_wrike import export
from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.source import WrikeSource
from wrikebackup_wrike.tokens import PermanentToken


@dataclass
class Place:
    """A server, and runs against it."""

    server: MockServer
    state: Path
    events: list[Event] = field(default_factory=list)

    def source(self) -> WrikeSource:
        return WrikeSource(
            WrikeOptions.model_validate(
                {"base_url": self.server.base_url, "token": "env:X", "rate": "off", "retry": 2}
            ),
            PermanentToken(self.server.token),
        )

    def run(
        self,
        *sinks: Sink,
        source: Any = None,
        with_export: bool = True,
        mode: CoverageMode = CoverageMode.AUTO,
        files: AttachmentMode = AttachmentMode.NONE,
        more: tuple[Transform, ...] = (),
        stored_as: str = "csv",
    ) -> Outcome:
        opened = source or self.source()
        self.events.clear()
        job = Job(
            name="test",
            source=opened,
            source_kind="wrike",
            sinks=sinks,
            state=self.state,
            plugins=Plugins(),
            transforms=((bi_export(BiExportOptions(format=stored_as)),) if with_export else ()) + more,
            attachments=files,
            fingerprint="same",
            coverage=mode,
        )
        try:
            return back_up(job, self.events.append)
        finally:
            opened.close()

    @property
    def messages(self) -> str:
        return "\n".join(event.text for event in self.events if isinstance(event, Message))


def manifest(sink: MemorySink) -> Manifest:
    key = max(key for key in sink.objects if key.endswith("/manifest.json"))
    return Manifest.decode(sink.objects[key], key)


def report(sink: MemorySink) -> Report:
    key = max(key for key in sink.objects if key.endswith("/coverage.json"))
    return decode_report(sink.objects[key])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(export, "_FIRST_WAIT", 0.001)


MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[MakePlace]:
    servers: list[MockServer] = []

    def make(
        *, hidden_spaces: int = 0, there: bool = True, shape: dict[str, Any] | None = None, **options: Any
    ) -> Place:
        account = MockAccount(hidden_spaces=hidden_spaces, **(shape or {}))
        server = MockServer(account, **options).start()
        servers.append(server)
        if there:
            server.exports.renew()
        return Place(server, tmp_path / "state")

    yield make
    for server in servers:
        server.stop()
