"""Locks and signed addresses of a store that keeps both promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fsspec.asking import put
from tests.fsspec.proxy import Asked, Fault, Proxy, answer, passed
from tests.fsspec.s3.stores import Store
from wrikebackup_core import AlreadyExists, KeyLocked, SinkError
from wrikebackup_core.testing import LockingContract, SigningContract
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.s3.checks import checks

COMPLETED = b'<CompleteMultipartUploadResult><ETag>"0-1"</ETag></CompleteMultipartUploadResult>'


def names(store: Store, bucket: str) -> list[str]:
    """Names of all versions and markers."""
    answer = store.client.list_object_versions(Bucket=bucket)
    return [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in answer.get(kind, ())]


@pytest.fixture
def locking(seaweedfs: Store) -> str:
    return seaweedfs.bucket(ObjectLockEnabledForBucket=True)


@pytest.fixture(params=["compliance", "governance"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestLocks(LockingContract):
    @pytest.fixture
    def sink(self, seaweedfs: Store, locking: str, mode: str) -> Iterator[ObjectSink]:
        sink = seaweedfs.sink(locking, lock_days=1, lock_mode=mode)
        yield sink
        sink.close()

    @pytest.fixture
    def longer(self, seaweedfs: Store, locking: str, mode: str, sink: ObjectSink) -> ObjectSink:
        return seaweedfs.sink(locking, lock_days=3, lock_mode=mode)

    @pytest.fixture
    def unlocked(self, seaweedfs: Store) -> ObjectSink:
        return seaweedfs.sink()


class TestLinks(SigningContract):
    @pytest.fixture
    def sink(self, seaweedfs: Store) -> Iterator[ObjectSink]:
        sink = seaweedfs.sink()
        yield sink
        sink.close()


def test_a_lock_that_has_run_out_protects_nothing_and_deleting_frees_the_room(seaweedfs: Store, locking: str) -> None:
    sink = seaweedfs.sink(locking)
    put(sink, "a/b")
    until = datetime.now(UTC) + timedelta(seconds=5)
    lock = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    seaweedfs.client.put_object_retention(Bucket=locking, Key="backups/wrike/a/b", Retention=lock)
    with pytest.raises(KeyLocked, match="locked until"):
        sink.delete(["a/b"])
    while datetime.now(UTC) < until + timedelta(seconds=1):
        time.sleep(0.2)
    sink.delete(["a/b"])
    assert names(seaweedfs, locking) == []


def test_a_hold_without_an_end_is_seen(seaweedfs: Store, locking: str) -> None:
    sink = seaweedfs.sink(locking)
    put(sink, "a/b")
    held = {"Bucket": locking, "Key": "backups/wrike/a/b"}
    seaweedfs.client.put_object_legal_hold(**held, LegalHold={"Status": "ON"})
    assert sink.locked(["a/b"])["a/b"].year == 9999
    with pytest.raises(KeyLocked, match="without an end"):
        sink.delete(["a/b"])
    seaweedfs.client.put_object_legal_hold(**held, LegalHold={"Status": "OFF"})
    sink.delete(["a/b"])
    assert names(seaweedfs, locking) == []


def test_what_can_go_goes_although_another_is_locked(seaweedfs: Store, locking: str) -> None:
    put(seaweedfs.sink(locking, lock_days=1), "a/locked")
    sink = seaweedfs.sink(locking)
    put(sink, "a/free")
    with pytest.raises(KeyLocked, match="a/locked"):
        sink.delete(["a/locked", "a/free"])
    assert names(seaweedfs, locking) == ["backups/wrike/a/locked"]


def test_a_bucket_without_locks_refuses_a_profile_that_wants_them(seaweedfs: Store) -> None:
    """Never a backup that is said to be locked and is not."""
    bucket = seaweedfs.bucket()
    sink = seaweedfs.sink(bucket, lock_days=1)
    for data in (b"small", bytes(20_000_000)):
        with pytest.raises(SinkError, match="lock_days"):
            put(sink, "a/b", data)
    assert list(sink.list("")) == []


def test_doctor_tries_the_lock(seaweedfs: Store, locking: str) -> None:
    found = {check.name: check for check in seaweedfs.sink(locking, lock_days=30).checks()}
    assert found["lock"].ok, found["lock"]
    assert [check for check in found.values() if check.ok is False] == []
    assert names(seaweedfs, locking) == []
    without = {check.name: check for check in seaweedfs.sink(lock_days=30).checks()}
    assert without["lock"].ok is False
    assert without["lock"].hint


def denied(handler: Any, asked: Asked) -> None:
    answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")(handler, asked)


def no_lock(handler: Any, asked: Asked) -> None:
    answer(404, b"<Error><Code>NoSuchObjectLockConfiguration</Code></Error>")(handler, asked)


@pytest.mark.parametrize(
    ("retention", "delete", "ok", "said"),
    [
        (denied, passed, True, "cannot be deleted"),  # what was refused and later was not, a lock has refused
        (passed, denied, None, "says that it locks"),
        (denied, denied, None, "cannot be tried"),
        (no_lock, denied, False, "does not keep"),
    ],
    ids=["may not ask", "may not delete", "may not do either", "forgotten"],
)
def test_doctor_tells_a_lock_from_a_missing_right(
    seaweedfs: Store, locking: str, retention: Fault, delete: Fault, ok: bool | None, said: str
) -> None:
    def choose(asked: Asked) -> Fault:
        if asked.query.startswith("retention"):
            return retention
        return delete if asked.method == "DELETE" and "versionId" in asked.query else passed

    with Proxy(seaweedfs.url, choose) as proxy:
        options = seaweedfs.options(locking, endpoint_url=proxy.url, lock_days=30)
        sink = seaweedfs.sink(locking, endpoint_url=proxy.url, lock_days=30)
        bucket: Any = sink._bucket
        (found,) = (check for check in checks(bucket._client, locking, "", options) if check.name == "lock")
    assert found.ok is ok, found
    assert said in found.detail
    assert ok or found.hint


def test_doctor_proves_what_the_store_does_with_large_objects(seaweedfs: Store) -> None:
    """There are stores, such as Ceph of some years, that keep the promise for whole objects alone."""

    def forgetful(handler: Any, asked: Asked) -> None:
        if asked.method == "POST" and "uploadId" in asked.query and handler.headers.get("If-None-Match"):
            answer(200, COMPLETED)(handler, asked)
        else:
            passed(handler, asked)

    for fault, ok in ((passed, True), (forgetful, None)):
        with Proxy(seaweedfs.url, lambda _, fault=fault: fault) as proxy:  # type: ignore[misc]
            found = {check.name: check for check in seaweedfs.sink(endpoint_url=proxy.url).checks()}
        assert found["written once"].ok
        assert found["large ones once"].ok is ok, found
        assert False not in [check.ok for check in found.values()]


def test_a_bucket_with_versions_and_no_locks_hides_what_is_deleted(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket()
    seaweedfs.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    sink = seaweedfs.sink(bucket)
    put(sink, "a/b")
    sink.delete(["a/b"])
    assert list(sink.list("")) == []
    put(sink, "a/b", b"again")
    with sink.open("a/b") as reader:
        assert reader.read() == b"again"


@pytest.mark.parametrize("locked", [True, False], ids=["locks", "versions"])
def test_long_names_that_a_store_with_versions_takes_under_no_condition_are_looked_for_first(
    seaweedfs: Store, locked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._ATTEMPTS", 2)
    bucket = seaweedfs.bucket(**({"ObjectLockEnabledForBucket": True} if locked else {}))
    if not locked:
        seaweedfs.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    sink = seaweedfs.sink(bucket, **({"lock_days": 1} if locked else {}))
    for size in (10, 20_000_000):
        for name in ("n" * 250, "m" * 255, "short"):
            put(sink, f"a/{size}/{name}", bytes(size))
            with pytest.raises(AlreadyExists):
                put(sink, f"a/{size}/{name}", b"another")
    assert sorted(entry.size for entry in sink.list("")) == [10] * 3 + [20_000_000] * 3
    assert len(names(seaweedfs, bucket)) == 6
