"""The program as a process with the recording monitor beside the installed plugins, against the mock server over a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

TOKEN = "standing-token"
RECORDER = Path(__file__).parent / "recorder"
PROGRAM = "import sys; from wrikebackup_core.cli.program import run; sys.exit(run(sys.argv[1:]))"


class House:
    """A profile, and what its monitor was told."""

    def __init__(self, root: Path, base_url: str) -> None:
        self.root, self.base_url = root, base_url
        self.profile, self.first, self.second = root / "acme.yaml", root / "first", root / "second"
        self.environment = {
            **os.environ,
            "ACME_TOKEN": TOKEN,
            "NO_COLOR": "1",
            "COLUMNS": "80",
            "TZ": "UTC",
            "PYTHONPATH": os.pathsep.join([str(RECORDER), *sys.path]),
        }
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

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run_with(PROGRAM, *words, **environment)

    def run_with(self, program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The same with a program that does as ours, but for what the test wants."""
        return subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

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
def house(tmp_path: Path, server: MockServer) -> House:
    return House(tmp_path, server.base_url)
