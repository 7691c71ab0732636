"""What doctor writes is never taken for a part of a backup, and does not stay when it is killed."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fsspec.asking import keys, put
from wrikebackup_core import Context, Sink
from wrikebackup_fsspec.local.sink import LocalSink

LIBRARIES = {"local": "os", "url file": "fsspec", "url memory": "fsspec", "s3": "obstore", "gcs": "google_crc32c"}


@pytest.fixture(params=LIBRARIES)
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sink]:
    kind = request.param
    if importlib.util.find_spec(LIBRARIES[kind]) is None:
        pytest.skip(f"needs the extra of {kind}")
    yield from MAKE[kind](tmp_path)


def _local(folder: Path) -> Iterator[Sink]:
    yield LocalSink(str(folder / "root"))


def _url(url: str) -> Iterator[Sink]:
    from wrikebackup_fsspec.options import UrlOptions
    from wrikebackup_fsspec.url.opening import open_sink

    yield open_sink(UrlOptions(url=url), Context(secret=str))


def _s3(folder: Path) -> Iterator[Sink]:
    from tests.fsspec.s3.stores import moto

    with moto(folder) as store:
        yield store.sink()


def _gcs(_: Path) -> Iterator[Sink]:
    from tests.fsspec.gcs.google_server import GoogleServer
    from tests.fsspec.gcs.stores import Store

    with GoogleServer() as google:
        google.bucket("bucket")
        yield Store(google.url).sink("bucket")


MAKE: dict[str, Callable[[Path], Iterator[Any]]] = {
    "local": _local,
    "url file": lambda folder: _url(f"file://{folder}/root"),
    "url memory": lambda _: _url(f"memory://{secrets.token_hex(8)}"),
    "s3": _s3,
    "gcs": _gcs,
}


def test_what_a_killed_doctor_left_is_not_listed_and_the_next_run_sweeps_it(sink: Any) -> None:
    put(sink, "account-A/kept")
    before = everything(sink)
    with contextlib.closing(sink.checks()) as checks:  # not closed before the end, as after a kill
        assert next(check for check in checks if check.name == "listed at once").ok
        assert len(everything(sink)) > len(before)
        assert keys(sink) == ["account-A/kept"]
        assert list(sink.folders("")) == ["account-A"]
        sink.sweep("account-A")
        assert everything(sink) == before
        assert keys(sink) == ["account-A/kept"]


def everything(sink: Any) -> list[str]:
    """Whatever lies in the store, folders too."""
    if hasattr(sink, "_bucket"):
        return sorted(entry.key for entry in sink._bucket.list(""))
    if hasattr(sink, "_files"):
        folders: set[str] = set()
        return sorted([*(path for path, _ in sink._files.below(sink.root, folders)), *folders])
    return sorted(map(str, Path(sink.root).rglob("*")))


def test_an_upload_that_a_killed_doctor_began_is_ended_by_the_next_run(tmp_path: Path) -> None:
    """No listing shows it, and it is paid for."""
    pytest.importorskip("obstore", reason="needs the extra s3")
    from tests.fsspec.s3.stores import moto

    with moto(tmp_path) as store:
        bucket = store.bucket()
        for key in (".probe-0123456789abcdef.partial/other", "elsewhere/not-ours"):
            store.client.create_multipart_upload(Bucket=bucket, Key=f"backups/wrike/{key}")
        sink = store.sink(bucket)
        sink.sweep("account-A")
        assert store.uploads(bucket) == ["backups/wrike/elsewhere/not-ours"]
        sink.close()
