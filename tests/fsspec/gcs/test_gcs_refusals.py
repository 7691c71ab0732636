"""Who may ask, what the store refuses, and how people are told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.asking import get, put
from tests.fsspec.gcs.google_server import GoogleServer
from tests.fsspec.gcs.keys import ServiceAccount
from tests.fsspec.gcs.stores import Store
from tests.fsspec.proxy import Proxy, answer, passed
from tests.fsspec.servers import free_port
from wrikebackup_core import AlreadyExists, Context, KeyNotFound, SecretError, SinkError
from wrikebackup_core.plugins import Plugins
from wrikebackup_fsspec.gcs.opening import open_sink
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.options import GcsOptions

LARGE = b"x" * 9_000_000


@pytest.fixture(scope="module")
def account() -> ServiceAccount:
    return ServiceAccount()


@pytest.fixture
def google(account: ServiceAccount) -> Iterator[GoogleServer]:
    with GoogleServer(account) as server:
        server.bucket("bucket")
        yield server


def signed_in(google: GoogleServer, account: ServiceAccount, **more: Any) -> ObjectSink:
    secrets = {"test:key": account.json(f"{google.url}/token")}
    return Store(google.url).sink("bucket", secrets=secrets, **{"anonymous": False, "credentials": "test:key", **more})


@pytest.fixture
def sink(google: GoogleServer, account: ServiceAccount) -> Iterator[ObjectSink]:
    sink = signed_in(google, account)
    yield sink
    sink.close()


def asks(sink: ObjectSink) -> Iterator[Any]:
    yield lambda: put(sink, "a/new", b"small")
    yield lambda: put(sink, "a/new", LARGE)
    yield lambda: sink.open("a/b")
    yield lambda: list(sink.list(""))
    yield lambda: list(sink.folders(""))
    yield lambda: sink.delete(["a/b"])
    yield lambda: sink.locked(["a/b"])


# Who asks


def test_a_token_is_fetched_once_and_again_when_it_is_not_taken_any_more(
    sink: ObjectSink, google: GoogleServer
) -> None:
    put(sink, "a/b", b"data")
    assert google.given == 1
    google.tokens.clear()
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(get, sink, "a/b") for _ in range(32)]:
            assert done.result() == b"data"
    assert google.given == 2
    google.tokens.clear()
    put(sink, "a/large", LARGE)
    assert google.given == 3


def test_the_token_goes_to_the_store_only(google: GoogleServer, account: ServiceAccount) -> None:
    """Not where an upload's address or a redirection leads."""
    with Proxy(google.url) as elsewhere, Proxy(google.url) as proxy:
        sink = signed_in(google, account, endpoint_url=proxy.url)
        put(sink, "a/b", b"data")

        def moved(handler: Any, asked: Any) -> None:
            status, headers, body = handler.forward(handler.body(asked.size))
            led = [
                (name, value.replace(google.url, elsewhere.url) if name == "Location" else value)
                for name, value in headers
            ]
            handler.reply(status, led, body)

        proxy.choose = lambda asked: moved if "resumable" in asked.query else passed
        put(sink, "a/large", LARGE)
        proxy.choose = lambda _: answer(307, b"", ("Location", f"{elsewhere.url}/storage/v1/b/bucket/o"))
        with pytest.raises(SinkError):
            list(sink.list(""))
        assert not elsewhere.asked
        sink.close()


def test_requests_and_tokens_go_through_the_proxy_that_the_environment_names(
    google: GoogleServer, account: ServiceAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(google.url) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        secrets = {"test:key": account.json("http://tokens.invalid/token")}
        sink = Store("http://store.invalid").sink("bucket", secrets=secrets, anonymous=False, credentials="test:key")
        put(sink, "a/b", b"data")
        assert get(sink, "a/b") == b"data"
        assert {asked.path.split("/")[2] for asked in proxy.asked} == {"store.invalid", "tokens.invalid"}
        sink.close()


def test_nothing_else_is_asked_for_than_objects_and_a_token(google: GoogleServer, account: ServiceAccount) -> None:
    """No bucket's type, no region of the account, no metadata server: each would hang where it cannot be reached."""
    with Proxy(google.url) as proxy:
        sink = signed_in(google, account, endpoint_url=proxy.url)
        put(sink, "a/b", b"data")
        put(sink, "a/large", LARGE)
        assert get(sink, "a/b") == b"data"
        assert all("/storage/v1/b/bucket/o" in asked.path for asked in proxy.asked)
        sink.close()


def test_libraries_that_are_not_needed_are_not_loaded() -> None:
    script = "import sys, wrikebackup_fsspec.gcs.opening; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"grpc", "gcsfs", "aiohttp", "requests", "fsspec", "botocore", "obstore"}
    assert "google.cloud.storage" not in done.stdout


@pytest.mark.parametrize(
    "secret", ["", "{", "ya29.token", "[]", '{"type": "authorized_user", "client_secret": "hush-3f9a"}', "damaged"]
)
def test_a_secret_that_is_no_key_is_refused_and_not_shown(account: ServiceAccount, secret: str) -> None:
    if secret == "damaged":
        secret = account.json("http://127.0.0.1:1").replace("PRIVATE KEY", "KEY").replace("MII", "hush-3f9a")
    options = GcsOptions.model_validate({"bucket": "bucket", "credentials": "test:key"})
    with pytest.raises(SecretError, match="test:key") as caught:
        open_sink(options, Context(secret=lambda _: secret))
    shown = f"{caught.value} {caught.value.hint} {caught.value.__cause__} {caught.value.__context__}"
    assert "hush-3f9a" not in str(caught.value)
    assert "PRIVATE" not in shown


def test_a_key_in_a_file_of_many_lines_is_read_whole(
    google: GoogleServer, account: ServiceAccount, tmp_path: Path
) -> None:
    """As Google hands it out; a secret of a file is its first line otherwise."""
    file = tmp_path / "key.json"
    file.write_text(account.json(f"{google.url}/token"))
    file.chmod(0o600)
    options = Store(google.url).options("bucket", anonymous=False, credentials=f"file:{file}")
    sink = open_sink(options, Context(secret=Plugins().secret))
    assert list(sink.list("")) == []
    sink.close()


def test_a_key_that_is_not_accepted_is_told_with_a_hint_and_not_shown(google: GoogleServer) -> None:
    stranger = ServiceAccount()
    sink = signed_in(google, stranger)
    for ask in asks(sink):
        with pytest.raises(SinkError, match="credentials were not accepted") as caught:
            ask()
        assert caught.value.hint
        assert "PRIVATE" not in f"{caught.value} {caught.value.__cause__!r}"
    sink.close()


def test_a_clock_that_is_wrong_is_told(google: GoogleServer, account: ServiceAccount) -> None:
    words = (
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
        "Check your iat and exp values in the JWT claim."
    )
    refusal = json.dumps({"error": "invalid_grant", "error_description": words}).encode()
    with Proxy(google.url, lambda _: answer(400, refusal)) as tokens:
        secrets = {"test:key": account.json(f"{tokens.url}/token")}
        sink = Store(google.url).sink("bucket", secrets=secrets, anonymous=False, credentials="test:key")
        with pytest.raises(SinkError, match="clock") as caught:
            list(sink.list(""))
        assert "clock" in str(caught.value.hint)
        sink.close()


def test_no_credentials_at_all_are_told_with_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    sink = open_sink(GcsOptions.model_validate({"bucket": "bucket"}), Context(secret=str))
    with pytest.raises(SinkError, match="no credentials were found") as caught:
        list(sink.list(""))
    assert "gcloud auth application-default login" in str(caught.value.hint)
    sink.close()


def test_the_machines_own_credentials_are_used_where_the_profile_gives_none(
    google: GoogleServer, account: ServiceAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key.json").write_text(account.json(f"{google.url}/token"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    sink = open_sink(GcsOptions.model_validate({"bucket": "bucket", "endpoint_url": google.url}), Context(secret=str))
    assert list(sink.list("")) == []
    sink.close()


def test_credentials_and_anonymous_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="either credentials or anonymous"):
        GcsOptions.model_validate({"bucket": "bucket", "anonymous": True, "credentials": "env:KEY"})


def test_who_cannot_sign_is_told_how_to(fake: Store) -> None:
    sink = fake.sink()
    put(sink, "a/b", b"data")
    with pytest.raises(SinkError, match="cannot sign") as caught:
        sink.sign("a/b", 60)
    assert "service account" in str(caught.value.hint)
    assert {check.name: check.ok for check in sink.checks()}["links"] is None
    sink.close()


# What the store refuses

REFUSALS = [
    (404, "notFound", "The specified bucket does not exist.", "bucket does not exist", "create the bucket"),
    (401, "authError", "Invalid Credentials", "invalid Credentials", "credentials"),
    (403, "forbidden", "backup@tests does not have storage.objects.create access.", "storage.objects.create", "role"),
    (403, "accountDisabled", "The billing account for the owning project is disabled.", "billing", "billing"),
    (400, "userProjectMissing", "Bucket is a requester pays bucket but no user project provided.", "pays", "pays"),
    (403, "dailyLimitExceeded", "Daily Limit Exceeded.", "daily Limit", "quota"),
    (403, "forbidden", "Permission denied on Cloud KMS key.", "KMS", "service agent"),
    (400, "invalid", "Invalid storage class", "storage class", "NEARLINE"),
]


@pytest.mark.parametrize(("status", "reason", "message", "said", "hint"), REFUSALS)
def test_a_refusal_is_told_in_one_line_with_a_hint(
    google: GoogleServer, account: ServiceAccount, status: int, reason: str, message: str, said: str, hint: str
) -> None:
    refusal = {"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}
    with Proxy(google.url) as proxy:
        sink = signed_in(google, account, endpoint_url=proxy.url)
        proxy.choose = lambda _: answer(status, json.dumps(refusal).encode())
        for ask in asks(sink):
            with pytest.raises(SinkError) as caught:
                ask()
            assert "\n" not in str(caught.value)
            assert said.lower() in str(caught.value).lower()
            assert hint in str(caught.value.hint)
        sink.close()


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_is_nested_without_end_is_told_in_one_line(
    google: GoogleServer, account: ServiceAccount, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.gcs.wire._ATTEMPTS", 1)
    with Proxy(google.url) as proxy:
        sink = signed_in(google, account, endpoint_url=proxy.url)
        proxy.choose = lambda _: answer(status, b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
        with pytest.raises(SinkError):
            list(sink.list(""))
        sink.close()


def test_a_bucket_that_is_not_there_is_named_before_anything_is_written(fake: Store) -> None:
    sink = fake.sink("no-such-bucket")
    for ask in (lambda: sink.create("a/b"), lambda: list(sink.list(""))):
        with pytest.raises(SinkError, match=r"no-such-bucket.*no such bucket") as caught:
            ask()
        assert "create the bucket" in str(caught.value.hint)
    sink.close()


def test_a_store_that_cannot_be_reached_is_told_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.gcs.wire._STRANGER_ATTEMPTS", 2)
    sink = Store(f"http://127.0.0.1:{free_port()}").sink("bucket")
    for ask in asks(sink):
        with pytest.raises(SinkError, match="cannot be reached") as caught:
            ask()
        assert "address" in str(caught.value.hint)
    sink.close()


def test_who_may_not_delete_is_told_so_and_a_key_that_is_not_there_is_fine(fake: Store) -> None:
    with Proxy(fake.url) as proxy:
        sink = fake.sink(endpoint_url=proxy.url)
        for key in ("a/b", "a/c"):
            put(sink, key, b"data")
        refusal = b'{"error": {"code": 403, "message": "no storage.objects.delete access"}}'
        proxy.choose = lambda asked: answer(403, refusal) if asked.path.endswith("a%2Fb") else passed
        with pytest.raises(SinkError, match=r"storage\.objects\.delete"):
            sink.delete(["a/never-was", "a/b", "a/c"])
        proxy.choose = lambda _: passed
        assert [entry.key for entry in sink.list("")] == ["a/b"]
        sink.delete(["a/b", "a/b", "a/never-was"])
        assert list(sink.list("")) == []
        sink.close()


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_who_may_not_replace_is_told_that_the_object_is_there(
    google: GoogleServer, account: ServiceAccount, data: bytes
) -> None:
    """Google may say so before it looks at the condition."""
    refusal = b'{"error": {"code": 403, "message": "no storage.objects.delete access"}}'
    with Proxy(google.url) as proxy:
        sink = signed_in(google, account, endpoint_url=proxy.url)
        put(sink, "a/b", b"first")
        proxy.choose = lambda asked: answer(403, refusal) if asked.path.startswith("/upload") else passed
        with pytest.raises(AlreadyExists):
            put(sink, "a/b", data)
        with pytest.raises(SinkError, match=r"storage\.objects\.delete"):
            put(sink, "a/c", data)
        assert get(sink, "a/b") == b"first"
        sink.close()


# What is asked for


def test_a_store_that_lists_in_pages_is_listed_whole(account: ServiceAccount) -> None:
    with GoogleServer(account, page=3) as google:
        google.bucket("bucket")
        sink = signed_in(google, account)
        keys = [f"folder-{number % 5}/deep/{number:02}" for number in range(20)]
        for key in keys:
            put(sink, key, b"")
        assert sorted(entry.key for entry in sink.list("")) == sorted(keys)
        assert list(sink.folders("")) == [f"folder-{number}" for number in range(5)]
        assert list(sink.folders("folder-1")) == ["deep"]
        assert list(sink.folders("folder-1/deep")) == []
        sink.delete(keys)
        assert list(sink.list("")) == []
        sink.close()


def test_names_of_others_in_the_bucket_do_not_disturb(google: GoogleServer, sink: ObjectSink) -> None:
    bucket = google.buckets["bucket"]
    for name in ("backups/wrike/folder/", "backups/wrike/a/.x.partial", "elsewhere/a/b"):
        bucket.store({"name": name}, b"", once=True, crc=None)
    put(sink, "a/b", b"data")
    assert [entry.key for entry in sink.list("")] == ["a/b"]
    with pytest.raises(KeyNotFound):
        sink.open("elsewhere/a/b")


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_storage_class_and_kms_key_go_with_every_object(
    google: GoogleServer, account: ServiceAccount, data: bytes
) -> None:
    key = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
    with Proxy(google.url) as proxy:
        sink = signed_in(google, account, endpoint_url=proxy.url, storage_class="NEARLINE", kms_key=key)
        put(sink, "a/b", data)
        begun = [asked.query for asked in proxy.asked if asked.method == "POST"]
        assert all(
            "kmsKeyName=projects%2Fp%2Flocations%2Feu%2FkeyRings%2Fr%2FcryptoKeys%2Fk" in query for query in begun
        )
        assert all("ifGenerationMatch=0" in query for query in begun)
        sink.close()
    assert google.buckets["bucket"].find("backups/wrike/a/b").resource["storageClass"] == "NEARLINE"


def test_on_googles_own_store_nothing_is_left_behind_by_trying(
    google: GoogleServer, account: ServiceAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload is begun and ended, which shows who may write; no object is made that somebody might not be able to delete."""
    with Proxy(google.url) as proxy:
        monkeypatch.setattr("wrikebackup_fsspec.gcs.wire.GOOGLE", proxy.url)
        sink = signed_in(google, account, endpoint_url=None)
        assert sink.name == "gcs:bucket/backups/wrike"
        sink.create("a/b").discard()
        assert [(asked.method, asked.path.partition("/storage")[0]) for asked in proxy.asked] == [
            ("POST", "/upload"),
            ("DELETE", "/upload"),
        ]
        put(sink, "a/b", b"data")
        with pytest.raises(AlreadyExists):
            put(sink, "a/b", LARGE)
        assert not google.buckets["bucket"].sessions
        sink.close()
