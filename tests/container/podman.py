"""podman with images, containers and volumes of its own, apart from whatever else there is on the machine."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Podman"]

# What a process here may have itself: a container is refused more where root lacks CAP_SYS_RESOURCE.
_FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
# runc runs beside old and new control groups at once, which crun refuses. The network is the machine's own: the mock server is on loopback.
_CONF = f"""\
[containers]
default_ulimits = ["nofile={_FILES}:{_FILES}", "nproc=4096:4096"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""


class Podman:
    """Calls the program; whatever it has made is gone when this ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
        (folder / "containers.conf").write_text(_CONF + runtime, encoding="utf-8")
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder), encoding="utf-8")
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "NO_COLOR": "1",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for words in (("rm", "-fa", "-t", "0"), ("volume", "rm", "-fa"), ("rmi", "-fa")):
            self.run(*words, check=False)
        subprocess.run(["umount", "-R", self._folder / "store" / "overlay"], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, *words: str, check: bool = True, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """`podman WORDS`, with stderr apart."""
        return self.call("podman", *words, check=check, seconds=seconds)

    def call(
        self, *words: str, folder: Path | None = None, check: bool = True, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Any program that finds the same podman."""
        done = subprocess.run(
            words,
            cwd=folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=seconds,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done
