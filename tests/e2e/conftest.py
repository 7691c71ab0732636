"""The program itself, as a process, against the mock server over a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

TOKEN = "e2e-token"
Run = Callable[..., subprocess.CompletedProcess[str]]


class Place:
    """A profile with a local sink, and what lies in the sink."""

    def __init__(self, root: Path) -> None:
        self.root, self.sink, self.profile = root, root / "backups", root / "e2e.yaml"

    def write(self, base_url: str, *more: str, source: str = "") -> None:
        self.profile.write_text(
            "\n".join(
                [
                    f'source:\n  wrike: {{base_url: "{base_url}", token: "env:E2E_TOKEN", rate: "off"{source}}}',
                    f"sinks:\n  - local: {{path: {self.sink}}}",
                    f"state: {self.root / 'state'}",
                    *more,
                ]
            )
            + "\n"
        )

    @property
    def account(self) -> Path:
        (found,) = self.sink.glob("account-*")
        return found

    def backups(self) -> list[Path]:
        """Folders of committed backups, oldest first."""
        return sorted(path.parent for path in self.account.glob("backup-*/manifest.json"))

    def files(self) -> dict[str, Path]:
        """Files in `attachments/` by their attachment id, none of them temporary."""
        found = (path for path in (self.account / "attachments").iterdir() if not path.name.startswith("."))
        return {path.name[:16]: path for path in found}

    def records(self, backup: Path) -> dict[str, list[dict[str, Any]]]:
        (path,) = backup.glob("records-*.zip")
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".jsonl"): [json.loads(line) for line in archive.read(name).splitlines()]
                for name in archive.namelist()
            }


def program() -> Path:
    """The installed command."""
    return Path(sys.executable).with_name("wrikebackup")


def environment(place: Place) -> dict[str, str]:
    return os.environ | {"E2E_TOKEN": TOKEN, "HOME": str(place.root), "NO_COLOR": "1", "COLUMNS": "80"}


def started(place: Place, command: str) -> subprocess.Popen[bytes]:
    """The program at work, whose end the test brings about."""
    return subprocess.Popen(
        [program(), "-q", command, place.profile],
        env=environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=place.root,
    )


def killed_after(place: Place, seconds: float) -> None:
    """A backup that is killed, unless it has ended by then."""
    process = started(place, "backup")
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def run(place: Place) -> Run:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [program(), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment(place), cwd=place.root, timeout=300, check=False
        )

    return run


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(MockAccount(tasks=120, attachments=150, attachment_size=40_000), token=TOKEN) as server:
        yield server
