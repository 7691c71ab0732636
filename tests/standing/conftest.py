"""The program as a process with the recording monitor beside the installed plugins, against the mock server over a real socket."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import House
from tests.listener import listener
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

__all__ = ["WatchedHouse", "house", "listener", "server"]

TOKEN = "standing-token"
RECORDER = Path(__file__).parent / "recorder"


class WatchedHouse(House):
    """A profile with two sinks, and what its monitors were told."""

    def __init__(self, root: Path, base_url: str) -> None:
        super().__init__(root, ACME_TOKEN=TOKEN, PYTHONPATH=os.pathsep.join([str(RECORDER), *sys.path]))
        self.base_url, self.first, self.second = base_url, root / "first", root / "second"
        self.write()

    def write(self, *more: str, monitors: tuple[str, ...] = ("well",)) -> None:
        lines = [
            f'source:\n  wrike: {{base_url: "{self.base_url}", token: "env:ACME_TOKEN", rate: "off"}}',
            f"state: {self.root / 'state'}",
            f"sinks:\n  - local: {{path: {self.first}}}\n  - local: {{path: {self.second}}}",
            "monitors:" if monitors else "",
            *(
                f'  - recorder: {{path: {self.root / does.replace(" ", "-")}.jsonl, does: "{does}"}}'
                for does in monitors
            ),
            *more,
        ]
        self.profile.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def told(self, does: str = "well") -> list[dict[str, Any]]:
        path = self.root / f"{does}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def state(self) -> Path:
        """The profile's own."""
        (found,) = (self.root / "state" / "profiles").iterdir()
        return found


@pytest.fixture(scope="session")
def server() -> Iterator[MockServer]:
    with MockServer(MockAccount(tasks=20, attachments=5, attachment_size=2_000), token=TOKEN) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, server: MockServer) -> WatchedHouse:
    return WatchedHouse(tmp_path, server.base_url)
