"""Retentions and holds beyond what every locking sink promises, by the rules that Google gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.asking import put
from tests.fsspec.gcs.google_rules import Bucket
from tests.fsspec.gcs.google_server import GoogleServer
from tests.fsspec.gcs.stores import Store
from tests.fsspec.proxy import Asked, Fault, Proxy, answer, passed
from wrikebackup_core import AlreadyExists, KeyLocked, SinkError
from wrikebackup_fsspec.gcs import checks

LARGE = b"x" * 9_000_000
NAME = "backups/wrike/a/b"


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with GoogleServer() as server:
        server.bucket("plain")
        server.bucket("locking", retention=True)
        yield server


@pytest.fixture
def bucket(google: GoogleServer) -> Bucket:
    return google.buckets["locking"]


@pytest.fixture
def store(google: GoogleServer) -> Store:
    return Store(google.url)


def retention(bucket: Bucket) -> tuple[str, datetime]:
    found = bucket.find(NAME).resource["retention"]
    return found["mode"], datetime.fromisoformat(found["retainUntilTime"])


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_an_object_is_locked_from_the_moment_it_is_there(store: Store, bucket: Bucket, data: bytes) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    sink = store.sink("locking", lock_days=30)
    put(sink, "a/b", data)
    mode, until = retention(bucket)
    assert mode == "Locked"
    assert before + timedelta(days=30) <= until <= datetime.now(UTC) + timedelta(days=30)
    assert sink.locked(["a/b"]) == {"a/b": until}
    sink.close()


def test_an_unlocked_retention_becomes_a_locked_one_and_never_the_other_way(store: Store, bucket: Bucket) -> None:
    weak, strong = (store.sink("locking", lock_days=3, lock_mode=mode) for mode in ("unlocked", "locked"))
    put(weak, "a/b", b"data")
    assert retention(bucket)[0] == "Unlocked"
    strong.prolong(["a/b"])
    assert retention(bucket)[0] == "Locked"
    longer = store.sink("locking", lock_days=9, lock_mode="unlocked")
    longer.prolong(["a/b"])
    mode, until = retention(bucket)
    assert mode == "Locked"
    assert until > datetime.now(UTC) + timedelta(days=8)
    for sink in (weak, strong, longer):
        sink.close()


@pytest.mark.parametrize("mode", ["locked", "unlocked"])
def test_a_longer_lock_is_left_as_it_is(store: Store, bucket: Bucket, mode: str) -> None:
    longer, shorter = (store.sink("locking", lock_days=days, lock_mode=mode) for days in (9, 3))
    put(longer, "a/b", b"data")
    before = retention(bucket)
    shorter.prolong(["a/b"])
    assert retention(bucket) == before
    longer.close()
    shorter.close()


def test_a_lock_that_somebody_changes_in_the_same_moment_is_not_shortened(
    google: GoogleServer, store: Store, bucket: Bucket
) -> None:
    put(store.sink("locking", lock_days=3, lock_mode="unlocked"), "a/b", b"data")
    later = (datetime.now(UTC) + timedelta(days=90)).replace(microsecond=0)
    done: list[Asked] = []

    def faster(asked: Asked) -> Fault:
        if asked.method == "PATCH" and not done:
            done.append(asked)
            bucket.patch(NAME, {"retention": {"mode": "Unlocked", "retainUntilTime": later.isoformat()}}, None, True)
        return passed

    with Proxy(google.url, faster) as proxy:
        sink = store.sink("locking", lock_days=30, endpoint_url=proxy.url)
        sink.prolong(["a/b"])
        sink.close()
    assert done
    assert retention(bucket) == ("Unlocked", later)


def test_an_object_from_before_the_locks_is_locked_with_the_next_backup(store: Store, bucket: Bucket) -> None:
    plain, locking = store.sink("locking"), store.sink("locking", lock_days=3)
    put(plain, "a/b", b"data")
    assert dict(plain.locked(["a/b"])) == {}
    locking.prolong(["a/b"])
    assert retention(bucket)[0] == "Locked"
    plain.close()
    locking.close()


@pytest.mark.parametrize("hold", ["eventBasedHold", "temporaryHold"])
def test_a_hold_has_no_end(store: Store, bucket: Bucket, hold: str) -> None:
    sink = store.sink("locking")
    put(sink, "a/b", b"data")
    bucket.objects[NAME].resource[hold] = True
    assert sink.locked(["a/b"]) == {"a/b": datetime.max.replace(tzinfo=UTC)}
    with pytest.raises(KeyLocked, match="hold"):
        sink.delete(["a/b"])
    bucket.objects[NAME].resource[hold] = False
    assert dict(sink.locked(["a/b"])) == {}
    sink.delete(["a/b"])
    sink.close()


def test_the_retention_of_a_whole_bucket_locks_too(store: Store, bucket: Bucket) -> None:
    sink = store.sink("locking")
    put(sink, "a/b", b"data")
    until = (datetime.now(UTC) + timedelta(days=5)).replace(microsecond=0)
    bucket.objects[NAME].resource["retentionExpirationTime"] = until.isoformat()
    assert sink.locked(["a/b"]) == {"a/b": until}
    with pytest.raises(KeyLocked, match="retention"):
        sink.delete(["a/b"])
    sink.close()


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_a_locked_object_is_no_more_replaced_than_any_other(store: Store, data: bytes) -> None:
    sink = store.sink("locking", lock_days=3)
    put(sink, "a/b", b"first")
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", data)
    sink.close()


def test_a_bucket_that_cannot_lock_is_told_before_anything_is_written(store: Store, google: GoogleServer) -> None:
    sink = store.sink("plain", lock_days=3)
    with pytest.raises(SinkError, match="cannot lock") as caught:
        sink.create("a/b")
    assert "--enable-per-object-retention" in str(caught.value.hint)
    assert not google.buckets["plain"].objects
    assert not google.buckets["plain"].sessions
    sink.close()


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_who_may_not_ask_the_bucket_is_told_by_the_first_object(
    google: GoogleServer, store: Store, data: bytes
) -> None:
    refused = answer(403, b'{"error": {"code": 403, "message": "no storage.buckets.get access"}}')
    with Proxy(google.url) as proxy:
        proxy.choose = lambda asked: refused if asked.path.endswith("/b/plain") else passed
        sink = store.sink("plain", lock_days=3, endpoint_url=proxy.url)
        sink.create("made/ready").discard()
        with pytest.raises(SinkError, match="retention") as caught:
            put(sink, "a/b", data)
        assert "lock_days" in str(caught.value.hint)
        sink.close()
    assert not google.buckets["plain"].objects


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_a_store_that_forgets_the_lock_is_found_out(fake: Store, data: bytes) -> None:
    """As every server does that does not know what a retention is."""
    name = fake.bucket()

    def bare(handler: Any, asked: Asked) -> None:
        status, headers, body = handler.forward(handler.body(asked.size))
        found = json.loads(body) if body.startswith(b"{") else {}
        found.pop("retention", None)
        answered = {"objectRetention": {"mode": "Enabled"}} if asked.path.endswith(f"/b/{name}") else found
        handler.reply(status, headers, json.dumps(answered).encode())

    with Proxy(fake.url, lambda asked: bare if asked.method != "DELETE" else passed) as proxy:
        sink = fake.sink(name, lock_days=3, endpoint_url=proxy.url)
        sink.create("made/ready").discard()
        with pytest.raises(SinkError, match="did not lock"):
            put(sink, "a/b", data)
        sink.close()
    assert fake.keys(name) == []


def test_doctor_tries_the_lock(store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_LOCK_SECONDS", 1)
    sink = store.sink("locking", lock_days=3)
    assert {check.name: check.ok for check in sink.checks()}["lock"] is True
    assert not bucket.objects
    sink.close()
    sink = store.sink("locking")
    assert "lock" not in {check.name for check in sink.checks()}
    sink.close()


def test_probes_of_doctor_that_the_bucket_holds_do_not_stop_a_run(store: Store, bucket: Bucket) -> None:
    for number, held in enumerate((True, False)):
        name = f"backups/wrike/.probe-{number}.partial"
        bucket.store({"name": name, "temporaryHold": held}, b"", once=True, crc=None)
    sink = store.sink("locking")
    sink.sweep("")
    assert list(bucket.objects) == ["backups/wrike/.probe-0.partial"]
    sink.close()
