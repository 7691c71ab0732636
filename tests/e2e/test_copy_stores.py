"""Copies to and from a bucket, over a real connection, killed on the way too."""

from __future__ import annotations

import hashlib
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="needs the extra s3")
pytest.importorskip("botocore", reason="needs the extra s3")

from tests.e2e.conftest import Place, Run, started
from tests.fsspec.s3 import stores
from tests.verify.sample import UID, Sample
from wrikebackup_fsspec.local.sink import LocalSink

FILES = 300


@pytest.fixture(scope="module")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Store]:
    with stores.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


@pytest.fixture
def disk(place: Place, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two backups, and in the environment the keys of the store."""
    monkeypatch.setenv("S3_ACCESS", stores.SECRETS["test:access"])
    monkeypatch.setenv("S3_SECRET", stores.SECRETS["test:secret"])
    source = f"{{mock: {{tasks: 30, attachments: {FILES}, attachment_size: 20000}}}}"
    place.profile.write_text(
        f"source: {source}\nsinks: [local: {{path: {place.sink}}}]\nstate: {place.root / 'state'}\n"
    )
    for _ in range(2):
        assert run("-q", "backup", place.profile).returncode == 0
    return place.sink


def write(place: Place, store: stores.Store, bucket: str, more: str = "") -> None:
    keys = 'access_key: "env:S3_ACCESS", secret_key: "env:S3_SECRET"'
    place.profile.write_text(
        f"source: mock\nstate: {place.root / 'state'}\nsinks:\n  - local: {{path: {place.sink}}}\n"
        f'  - s3: {{bucket: {bucket}, prefix: wrike, endpoint_url: "{store.url}", {keys}{more}}}\n'
    )


def in_bucket(store: stores.Store, bucket: str) -> dict[str, str]:
    hashes = {}
    for key in store.keys(bucket):
        data = store.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        hashes[key.removeprefix("wrike/")] = hashlib.sha256(data).hexdigest()
    return hashes


def on_disk(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def written(store: stores.Store, bucket: str) -> dict[str, datetime]:
    pages = store.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    objects = (one for page in pages for one in page.get("Contents", ()))
    return {one["Key"]: one["LastModified"] for one in objects if "/.lease/" not in one["Key"]}  # each run has its own


def test_a_bucket_gets_the_same_objects_and_gives_them_back(
    place: Place, disk: Path, seaweedfs: stores.Store, run: Run
) -> None:
    bucket = seaweedfs.bucket()
    write(place, seaweedfs, bucket)
    done = run("copy", place.profile)
    assert done.returncode == 0, done.stderr
    assert in_bucket(seaweedfs, bucket) == on_disk(disk)
    assert run("verify", "--all", place.profile).returncode == 0
    assert "2 there already" in run("copy", place.profile).stdout
    before = on_disk(disk)
    shutil.rmtree(disk)
    assert run("copy", place.profile, "--from", "s3", "--to", "local").returncode == 0
    assert on_disk(disk) == before


def test_kills_on_the_way_to_a_bucket_are_made_good(
    place: Place, disk: Path, seaweedfs: stores.Store, run: Run
) -> None:
    """What the bucket had at a kill is not written again, and no upload is left pending."""
    bucket = seaweedfs.bucket()
    write(place, seaweedfs, bucket)
    kept: dict[str, datetime] = {}
    for files in (20, 150, FILES - 10):
        _killed_at(place, seaweedfs, bucket, files)
        now = written(seaweedfs, bucket)
        assert now.items() >= kept.items()
        kept = now
    assert run("copy", place.profile).returncode == 0
    assert written(seaweedfs, bucket).items() >= kept.items()
    assert in_bucket(seaweedfs, bucket) == on_disk(disk)
    assert seaweedfs.uploads(bucket) == []


def _killed_at(place: Place, store: stores.Store, bucket: str, files: int) -> None:
    process = started(place, "copy")
    while process.poll() is None and len(store.keys(bucket)) < files:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_locked_bucket_takes_copies_and_keeps_locks_going(
    place: Place, seaweedfs: stores.Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the newer backup shares with the older one stays locked as long as the newer one's own."""
    monkeypatch.setenv("S3_ACCESS", stores.SECRETS["test:access"])
    monkeypatch.setenv("S3_SECRET", stores.SECRETS["test:secret"])
    # Of short names: in a bucket with versions this server takes none of 255 bytes.
    older, newer = UID, "20261124T153000Z-000001"
    for uid in (older, newer):
        Sample(uid=uid).store(LocalSink(str(place.sink)))
    bucket = seaweedfs.bucket(ObjectLockEnabledForBucket=True)
    write(place, seaweedfs, bucket, ", lock_days: 1, lock_mode: governance")
    assert run("copy", place.profile, older).returncode == 0
    write(place, seaweedfs, bucket, ", lock_days: 30, lock_mode: governance")
    done = run("copy", place.profile)
    assert done.returncode == 0, done.stdout + done.stderr
    assert in_bucket(seaweedfs, bucket) == on_disk(place.sink)
    ends = {}
    for key, since in written(seaweedfs, bucket).items():
        kept = seaweedfs.client.get_object_retention(Bucket=bucket, Key=key)["Retention"]
        ends[key] = (kept["RetainUntilDate"] - since).days
    assert {days >= 29 for key, days in ends.items() if "/attachments/" in key or newer in key} == {True}
    assert {days >= 29 for key, days in ends.items() if older in key} == {False}
