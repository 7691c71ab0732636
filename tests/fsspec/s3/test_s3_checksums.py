"""Content-MD5 goes with each request for which S3 demands a checksum, and no other kind of checksum with any: not all stores take them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fsspec.asking import get, keys, put
from tests.fsspec.proxy import Asked, Proxy, answer, passed
from tests.fsspec.s3.stores import Store
from wrikebackup_core import AlreadyExists

LARGE = bytes(9 << 20)  # two parts
REFUSAL = (
    b"<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
    b"requests with Object Lock parameters</Message></Error>"
)


def demanding(handler: Any, asked: Asked) -> None:
    """Amazon's rule for buckets that lock by default: no object and no part without a checksum."""
    bare = asked.method == "PUT" and not handler.headers.get("Content-MD5")
    (answer(400, REFUSAL) if bare else passed)(handler, asked)


def old_fashioned(handler: Any, asked: Asked) -> None:
    """As older stores: they know no checksum but Content-MD5, and want that where S3 does."""
    names = [name.lower() for name in handler.headers]
    strange = any(name.startswith(("x-amz-checksum", "x-amz-sdk-checksum")) for name in names)
    demanded = asked.method in ("PUT", "POST") and asked.query.partition("=")[0] in ("delete", "retention")
    bare = demanded and "content-md5" not in names
    (answer(400, REFUSAL.replace(b"InvalidRequest", b"AccessDenied")) if strange or bare else passed)(handler, asked)


def locking_by_default(store: Store) -> str:
    bucket = store.bucket(ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    store.client.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    return bucket


def goes_all_ways(store: Store, bucket: str, **more: Any) -> None:
    sink = store.sink(bucket, **more)
    for key, data in (("a/small", b"small"), ("a/empty", b""), ("a/large", LARGE)):
        put(sink, key, data)
        with pytest.raises(AlreadyExists):
            put(sink, key, b"another")
        assert get(sink, key) == data
    assert keys(sink) == ["a/empty", "a/large", "a/small"]


def test_a_bucket_that_locks_by_default_is_given_the_checksums_that_it_demands(moto: Store, seaweedfs: Store) -> None:
    goes_all_ways(moto, locking_by_default(moto))
    with Proxy(seaweedfs.url, lambda _: demanding) as proxy:
        goes_all_ways(seaweedfs, locking_by_default(seaweedfs), endpoint_url=proxy.url)


def test_doctor_takes_a_rule_of_the_bucket_for_no_fault(seaweedfs: Store) -> None:
    found = {check.name: check.ok for check in seaweedfs.sink(locking_by_default(seaweedfs)).checks()}
    assert found.pop("deleted") is None
    assert set(found.values()) == {True}


def test_a_store_that_demands_checksums_and_knows_no_conditions_is_looked_at_first(seaweedfs: Store) -> None:
    def poor(handler: Any, asked: Asked) -> None:
        (answer(501) if handler.headers.get("If-None-Match") else demanding)(handler, asked)

    with Proxy(seaweedfs.url, lambda _: poor) as proxy:
        goes_all_ways(seaweedfs, locking_by_default(seaweedfs), endpoint_url=proxy.url)


def test_no_checksum_is_sent_that_older_stores_refuse(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket(ObjectLockEnabledForBucket=True)
    with Proxy(seaweedfs.url, lambda _: old_fashioned) as proxy:
        sink = seaweedfs.sink(bucket, endpoint_url=proxy.url, lock_days=1)
        put(sink, "a/small", b"small")
        put(sink, "a/large", LARGE)
        before = sink.locked(["a/small"])["a/small"]
        longer = seaweedfs.sink(bucket, endpoint_url=proxy.url, lock_days=9)
        longer.prolong(["a/small"])
        assert longer.locked(["a/small"])["a/small"] > before
        plain = seaweedfs.sink(endpoint_url=proxy.url)
        put(plain, "a/b", b"1")
        put(plain, "a/c", LARGE)
        plain.delete(["a/b", "a/c"])
        assert keys(plain) == []
        assert len([asked for asked in proxy.asked if "delete" in asked.query]) == 1
