"""Three servers that speak S3, from the best to the worst: SeaweedFS keeps all of its promises, rclone's none."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session
import pytest

from tests.fsspec.servers import free_port, running
from wrikebackup_core import Context
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.opening import open_sink

__all__ = ["Store", "moto", "rclone", "seaweedfs"]

SECRETS = {
    "test:access": "AKtests",
    "test:secret": "SKtests-3f9a",
    "test:reader": "AKreader",
    "test:reader-secret": "SKreader-77c1",
    "test:wrong": "SKwrong-0000",
}
_numbers = itertools.count()


@dataclass
class Store:
    """A server. Each bucket is new, so that tests do not meet."""

    url: str
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        session = botocore.session.Session()
        session.set_credentials(SECRETS["test:access"], SECRETS["test:secret"])
        config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"mode": "standard"})
        self.client = session.create_client("s3", endpoint_url=self.url, region_name="us-east-1", config=config)

    def bucket(self, **how: Any) -> str:
        name = f"bucket-{next(_numbers)}"
        self.client.create_bucket(Bucket=name, **how)
        return name

    def options(self, bucket: str, **more: Any) -> S3Options:
        given = {"access_key": "test:access", "secret_key": "test:secret", "endpoint_url": self.url, "timeout": 20}
        return S3Options.model_validate({"bucket": bucket, "prefix": "backups/wrike", **given, **more})

    def sink(self, bucket: str | None = None, **more: Any) -> ObjectSink:
        sink = open_sink(self.options(bucket or self.bucket(), **more), Context(secret=SECRETS.__getitem__))
        assert isinstance(sink, ObjectSink)
        return sink

    def keys(self, bucket: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def uploads(self, bucket: str) -> list[str]:
        try:
            answer = self.client.list_multipart_uploads(Bucket=bucket)
        except self.client.exceptions.NoSuchUpload:  # rclone's word for none
            return []
        return [one["Key"] for one in answer.get("Uploads", ())]


def program(name: str) -> str:
    """A program of the test group, beside Python or on the PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _ready(store: Store) -> Store:
    """Some answer on their port before they can make a bucket."""
    deadline = time.monotonic() + 60
    while True:
        try:
            store.bucket()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return store


@contextlib.contextmanager
def seaweedfs(folder: Path) -> Iterator[Store]:
    master, volume, filer, s3 = (free_port() for _ in range(4))
    (folder / "data").mkdir()
    identities = [
        _identity("admin", "test:access", "test:secret", ["Admin", "Read", "List", "Tagging", "Write"]),
        _identity("reader", "test:reader", "test:reader-secret", ["Read", "List"]),
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    command = [
        *(program("weed"), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", "-s3", f"-s3.port={s3}"),
        *(f"-master.port.grpc={free_port()}", f"-volume.port.grpc={free_port()}", f"-filer.port.grpc={free_port()}"),
        *(f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=0", "-master.telemetry=false"),
    ]
    with running(command, s3, folder / "weed.log"):
        yield _ready(Store(f"http://127.0.0.1:{s3}"))


def _identity(name: str, access: str, secret: str, actions: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": SECRETS[access], "secretKey": SECRETS[secret]}]
    return {"name": name, "credentials": credentials, "actions": actions}


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[Store]:
    port = free_port()
    with running([program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder / "moto.log"):
        yield _ready(Store(f"http://127.0.0.1:{port}"))


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[Store]:
    port = free_port()
    (folder / "data").mkdir()
    keys = f"{SECRETS['test:access']},{SECRETS['test:secret']}"
    command: list[str | Path] = [
        program("rclone"),
        "serve",
        "s3",
        folder / "data",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        keys,
    ]
    with running([*command, "--config", "/dev/null"], port, folder / "rclone.log"):
        yield _ready(Store(f"http://127.0.0.1:{port}"))
