"""A scripted server, and sources that read from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.wrike.crawling import TOKEN, MakeSource
from tests.wrike.scripted import ScriptedServer
from wrikebackup_wrike import client, pace
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.source import WrikeSource
from wrikebackup_wrike.tokens import PermanentToken


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(pace, "PAUSE", 0.01)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def make_source(server: ScriptedServer) -> Iterator[MakeSource]:
    made: list[WrikeSource] = []

    def make(base_url: str | None = None, **options: Any) -> WrikeSource:
        options = {"base_url": base_url or server.base_url, "token": "env:X", "rate": "off", "retry": 5, **options}
        made.append(WrikeSource(WrikeOptions.model_validate(options), PermanentToken(TOKEN)))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.fixture
def api(server: ScriptedServer) -> Iterator[Api]:
    stop = threading.Event()
    api = Api(server.base_url, PermanentToken(TOKEN), Pace(None, wait=stop.wait), stop=stop, retry_seconds=5)
    yield api
    api.close()
