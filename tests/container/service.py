"""The service of examples/compose.yaml, with a mock account instead of Wrike's."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.container.podman import Podman
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

__all__ = ["PROFILE", "TOKEN", "USER", "Service", "eventually"]

TOKEN = "container-token-8f2c1d7e"
USER = 10001
PROFILE = "/etc/wrikebackup/profile.yaml"
_PROFILE = """\
name: acme
source:
  wrike: {{base_url: "{base_url}", token: "file:/run/secrets/wrike-token", rate: "off"}}
schedule: "* * * * *"
objective: 26h
transforms:
  - retain: {{last: 10}}
sinks:
  - local: {{path: /backups}}
monitors:
  - prometheus: {{textfile: /var/lib/wrikebackup/wrikebackup.prom}}
"""
_OVERRIDE = "services: {wrikebackup: {network_mode: host}}\n"


class Service:
    """Beside `compose.yaml` lie the profile and the token that it names; a second file gives the service the machine's loopback."""

    name = "wbtest_wrikebackup_1"
    image = "localhost/wbtest_wrikebackup"

    def __init__(self, podman: Podman, folder: Path) -> None:
        self._podman, self.folder = podman, folder
        self.server = MockServer(MockAccount(tasks=40, attachments=20, attachment_size=5_000), token=TOKEN)

    def __enter__(self) -> Self:
        self.server.__enter__()
        (self.folder / "profiles").mkdir()
        (self.folder / "profiles" / "profile.yaml").write_text(
            _PROFILE.format(base_url=self.server.base_url), encoding="utf-8"
        )
        (self.folder / "loopback.yaml").write_text(_OVERRIDE, encoding="utf-8")
        (self.folder / "token").write_text(f"{TOKEN}\n", encoding="ascii")
        # The line of the compose file.
        self._podman.call("install", "-m", "0400", "-o", str(USER), "token", "wrike-token", folder=self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._podman.run("rm", "-f", "-t", "0", self.name, check=False)
        self.server.__exit__(kind, error, where)

    def compose(self, *words: str) -> None:
        files = ("-f", "compose.yaml", "-f", "loopback.yaml")
        self._podman.call("podman-compose", "-p", "wbtest", *files, *words, folder=self.folder, seconds=1200)

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._podman.run(*words, check=check)

    def inside(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.podman("exec", self.name, *words, check=check)

    def wrikebackup(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.inside("wrikebackup", *words, check=False)

    def said(self) -> str:
        """All that it has printed since it was made."""
        done = self.podman("logs", self.name)
        return done.stdout + done.stderr

    def volume(self, name: str) -> Path:
        return Path(self.podman("volume", "inspect", f"wbtest_{name}", "--format", "{{.Mountpoint}}").stdout.strip())

    def exit_code(self) -> int:
        return int(self.podman("inspect", self.name, "--format", "{{.State.ExitCode}}").stdout)


def eventually(happened: Callable[[], bool], seconds: float = 200) -> None:
    """Waits for it, at most so long: a schedule of minutes takes up to one."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.5)
