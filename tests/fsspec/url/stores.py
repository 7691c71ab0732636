"""An FTP server, started by the tests, and what it says that it gave away."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fsspec.servers import free_port, running

__all__ = ["PASSWORD", "USER", "Ftp", "ftp"]

USER, PASSWORD = "backup", "pw-71f3"
_FETCHED = re.compile(r"RETR .* bytes=(\d+)")


@dataclass
class Ftp:
    url: str
    log: Path

    @property
    def fetched(self) -> int:
        """Bytes of files, also of those that were not fetched to their end."""
        return sum(map(int, _FETCHED.findall(self.log.read_text(errors="replace"))))


@contextlib.contextmanager
def ftp(folder: Path) -> Iterator[Ftp]:
    pytest.importorskip("pyftpdlib")
    port, log = free_port(), folder.with_suffix(".log")
    command: list[str | Path] = [
        *(sys.executable, "-W", "ignore", "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), "-w"),
        *("-d", folder, "-u", USER, "-P", PASSWORD),
    ]
    with running(command, port, log):
        yield Ftp(f"ftp://127.0.0.1:{port}", log)
