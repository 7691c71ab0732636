"""What happens on the way to a store, and in it: each over a real socket, with a real store behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import swept
from tests.fsspec.asking import get, keys, put
from tests.fsspec.proxy import Asked, Fault, Proxy, answer, cut, flip, hang, lose, passed, shorten
from tests.fsspec.s3.stores import SECRETS, Store, program
from tests.fsspec.servers import free_port
from wrikebackup_core import AlreadyExists, Context, KeyNotFound, SinkError, SinkFull
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.opening import open_sink

LARGE = bytes(range(256)) * 80_000  # 20 MB: three parts


@pytest.fixture
def proxy(seaweedfs: Store) -> Iterator[Proxy]:
    with Proxy(seaweedfs.url) as proxy:
        yield proxy


def through(proxy: Proxy, store: Store, **more: Any) -> ObjectSink:
    return store.sink(endpoint_url=proxy.url, **more)


def once(fault: Fault, method: str, *, query: str = "", least: int = 0) -> Any:
    """The first such request fails, the others pass."""
    done: list[int] = []

    def choose(asked: Asked) -> Fault:
        if not done and asked.method == method and query in asked.query and asked.size >= least:
            done.append(asked.number)
            return fault
        return passed

    choose.done = done  # type: ignore[attr-defined]
    return choose


# The way


@pytest.mark.parametrize("fault", [answer(503), cut, lose], ids=["refused", "cut", "answer lost"])
@pytest.mark.parametrize(("data", "query"), [(b"small", ""), (LARGE, "partNumber=2")], ids=["small", "part"])
def test_a_request_that_fails_is_sent_again(
    seaweedfs: Store, proxy: Proxy, fault: Fault, data: bytes, query: str
) -> None:
    sink = through(proxy, seaweedfs)
    sink.create("made/ready").discard()
    proxy.choose = choose = once(fault, "PUT", query=query)
    put(sink, "a/b", data)
    assert choose.done
    assert get(sink, "a/b") == data
    assert keys(sink) == ["a/b"]


@pytest.mark.parametrize("fault", [answer(500), lose], ids=["refused", "answer lost"])
def test_an_upload_whose_end_is_asked_for_twice_is_committed(seaweedfs: Store, proxy: Proxy, fault: Fault) -> None:
    sink = through(proxy, seaweedfs)
    proxy.choose = choose = once(fault, "POST", query="uploadId=")
    put(sink, "a/b", LARGE)
    assert choose.done
    assert get(sink, "a/b") == LARGE


def test_the_object_of_another_is_told_from_ones_own_when_an_answer_was_lost(seaweedfs: Store, proxy: Proxy) -> None:
    bucket = seaweedfs.bucket()
    sink, other = through(proxy, seaweedfs, bucket=bucket), seaweedfs.sink(bucket)
    sink.create("made/ready").discard()

    def late(handler: Any, asked: Asked) -> None:
        put(other, "a/b", b"other")
        cut(handler, asked)

    proxy.choose = once(late, "PUT")
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", b"small")
    assert get(sink, "a/b") == b"other"


def test_a_large_object_that_is_refused_leaves_no_upload_behind(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket()
    sink = seaweedfs.sink(bucket)
    put(sink, "a/b", b"first")
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", LARGE)
    assert get(sink, "a/b") == b"first"
    assert seaweedfs.uploads(bucket) == []


def test_a_storm_of_refusals_is_sat_out(seaweedfs: Store, proxy: Proxy) -> None:
    sink = through(proxy, seaweedfs)
    proxy.choose = lambda asked: answer(503) if asked.number % 2 else passed
    put(sink, "a/small", b"small")
    put(sink, "a/large", LARGE)
    assert keys(sink) == ["a/large", "a/small"]
    assert get(sink, "a/large") == LARGE
    sink.delete(["a/small", "a/large"])
    assert keys(sink) == []


def test_a_bit_that_flips_on_the_way_is_noticed_by_the_store(
    seaweedfs: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._ATTEMPTS", 2)
    sink = through(proxy, seaweedfs)
    sink.create("made/ready").discard()
    for data in (b"small" * 100, LARGE):
        proxy.choose = lambda asked: flip if asked.method == "PUT" and asked.size else passed
        with pytest.raises(SinkError):
            put(sink, "a/b", data)
        proxy.choose = lambda _: passed
        assert keys(sink) == []


def test_a_store_that_does_not_notice_a_flipped_bit_is_found_out(moto: Store) -> None:
    bucket = moto.bucket()
    with Proxy(moto.url) as proxy:
        sink = through(proxy, moto, bucket=bucket)
        sink.create("made/ready").discard()
        for data in (b"small" * 100, LARGE):
            proxy.choose = lambda asked: flip if asked.method == "PUT" and asked.size else passed
            with pytest.raises(SinkError, match="does not hold what was sent"):
                put(sink, "a/b", data)
            assert moto.keys(bucket) == []


def test_a_store_whose_etags_are_no_md5_is_believed_after_a_second_look(seaweedfs: Store, proxy: Proxy) -> None:
    """As where it encrypts with a key of its owner."""

    def other_tag(handler: Any, asked: Asked) -> None:
        status, headers, body = handler.forward(handler.body(asked.size))
        headers = [(name, '"opaque"' if name.lower() == "etag" else value) for name, value in headers]
        handler.reply(status, headers, body)

    sink = through(proxy, seaweedfs)
    sink.create("made/ready").discard()
    proxy.choose = lambda asked: other_tag if asked.method == "PUT" and "partNumber" not in asked.query else passed
    for number in range(3):
        put(sink, f"a/{number}", b"data")
    assert keys(sink) == ["a/0", "a/1", "a/2"]
    assert sum(asked.method == "GET" and "/a/" in asked.path for asked in proxy.asked) == 1


def test_a_silent_store_is_given_up(seaweedfs: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._ATTEMPTS", 2)
    sink = through(proxy, seaweedfs, timeout=0.5)
    proxy.choose = lambda _: hang
    for ask in (lambda: sink.create("a"), lambda: list(sink.list("")), lambda: sink.delete(["a"])):
        with pytest.raises(SinkError, match="in time"):
            ask()


def test_a_line_that_is_slow_is_not_a_store_that_is_silent(seaweedfs: Store, proxy: Proxy) -> None:
    """Many files share a line: each takes longer than the time after which silence means something."""
    sink = through(proxy, seaweedfs, timeout=0.5)
    sink.create("made/ready").discard()
    data = bytes(1_000_000)

    def slow(handler: Any, asked: Asked) -> None:
        body = b""
        for _ in range(8):
            body += handler.body(asked.size // 8)
            time.sleep(0.15)
        body += handler.body(asked.size - len(body))
        handler.reply(*handler.forward(body))

    proxy.choose = lambda asked: slow if asked.method == "PUT" else passed
    put(sink, "a/b", data)
    assert get(sink, "a/b") == data


def test_a_closed_sink_says_so(seaweedfs: Store) -> None:
    sink = seaweedfs.sink()
    writer = sink.create("a/b")
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        writer.write(LARGE)
    writer.discard()


def test_a_body_that_ends_early_is_read_again(seaweedfs: Store, proxy: Proxy) -> None:
    sink = through(proxy, seaweedfs)
    put(sink, "a/b", LARGE)

    proxy.choose = choose = once(shorten, "GET")
    assert get(sink, "a/b") == LARGE
    assert choose.done


# The store


def test_an_unknown_bucket_is_named(moto: Store) -> None:
    sink = moto.sink("no-such-bucket")
    with pytest.raises(SinkError, match="no-such-bucket") as caught:
        sink.create("a/b")
    assert caught.value.hint
    with pytest.raises(SinkError, match="no-such-bucket"):
        list(sink.list(""))


def test_a_wrong_key_is_refused_and_not_shown(seaweedfs: Store) -> None:
    sink = seaweedfs.sink(secret_key="test:wrong")
    for ask in (lambda: sink.create("a/b"), lambda: list(sink.list("")), lambda: sink.open("a/b")):
        with pytest.raises(SinkError) as caught:
            ask()
        assert SECRETS["test:wrong"] not in str(caught.value)
        assert caught.value.hint is not None
        assert "secret_key" in caught.value.hint


def test_who_may_only_read_is_told_before_anything_is_read_from_the_account(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket()
    put(seaweedfs.sink(bucket), "a/b", b"data")
    reader = seaweedfs.sink(bucket, access_key="test:reader", secret_key="test:reader-secret")
    assert get(reader, "a/b") == b"data"
    with pytest.raises(SinkError, match="ccess"):
        reader.create("a/c")


def test_a_delete_that_the_store_refuses_is_an_error(seaweedfs: Store) -> None:
    """Libraries above it swallow such refusals: they stand inside an answer that is a success."""
    bucket = seaweedfs.bucket()
    put(seaweedfs.sink(bucket), "a/b", b"data")
    reader = seaweedfs.sink(bucket, access_key="test:reader", secret_key="test:reader-secret")
    with pytest.raises(SinkError, match="ccess"):
        reader.delete(["a/b"])
    assert keys(reader) == ["a/b"]


def test_a_store_that_cannot_be_reached_is_told_with_a_hint(seaweedfs: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._ATTEMPTS", 2)
    sink = seaweedfs.sink("bucket", endpoint_url=f"http://127.0.0.1:{free_port()}")
    for ask in (lambda: sink.create("a/b"), lambda: list(sink.list("")), lambda: sink.open("a/b")):
        with pytest.raises(SinkError, match="reached") as caught:
            ask()
        assert "address" in str(caught.value.hint)


def test_a_full_store_is_told_from_a_broken_one(seaweedfs: Store, proxy: Proxy) -> None:
    full = b"<Error><Code>QuotaExceeded</Code><Message>no room left</Message></Error>"
    sink = through(proxy, seaweedfs)
    sink.create("made/ready").discard()
    proxy.choose = lambda asked: answer(403, full) if asked.method == "PUT" else passed
    for data in (b"small", LARGE):
        with pytest.raises(SinkFull, match="no room left"):
            put(sink, "a/b", data)


def test_no_credentials_at_all_are_told_with_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SinkError, match="credentials") as caught:
        open_sink(S3Options.model_validate({"bucket": "acme"}), Context(secret=str))
    assert "access_key" in str(caught.value.hint)


def test_names_of_others_in_the_bucket_do_not_disturb(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket()
    for name in ("backups/wrike/folder/", "backups/wrike/a/.x.partial", "elsewhere/a/b"):
        seaweedfs.client.put_object(Bucket=bucket, Key=name, Body=b"")
    sink = seaweedfs.sink(bucket)
    put(sink, "a/b", b"data")
    assert keys(sink) == ["a/b"]
    assert "a" in sink.folders("")
    with pytest.raises(KeyNotFound):
        sink.open("elsewhere/a/b")


def test_a_store_that_lists_in_pages_is_listed_whole(moto: Store) -> None:
    bucket = moto.bucket()
    for number in range(1_100):
        moto.client.put_object(Bucket=bucket, Key=f"backups/wrike/a/{number}", Body=b"")
    sink = moto.sink(bucket)
    assert len(keys(sink)) == 1_100
    sink.delete(keys(sink))
    assert keys(sink) == []


def test_a_store_that_deletes_only_one_at_a_time_is_asked_so(seaweedfs: Store, proxy: Proxy) -> None:
    sink = through(proxy, seaweedfs)
    put(sink, "a/b", b"1")
    put(sink, "a/c", b"2")
    refusal = b"<Error><Code>NotImplemented</Code><Message>no</Message></Error>"
    proxy.choose = lambda asked: answer(501, refusal) if "delete" in asked.query else passed
    sink.delete(["a/b", "a/c", "a/never-was"])
    assert keys(sink) == []


def test_a_store_that_knows_no_conditions_is_looked_at_first(seaweedfs: Store, proxy: Proxy) -> None:
    refusal = b"<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>"

    def unknown(handler: Any, asked: Asked) -> None:
        (answer(501, refusal) if handler.headers.get("If-None-Match") else passed)(handler, asked)

    proxy.choose = lambda _: unknown
    sink = through(proxy, seaweedfs)
    for data in (b"small", LARGE):
        put(sink, f"a/{len(data)}", data)
        with pytest.raises(AlreadyExists):
            put(sink, f"a/{len(data)}", b"another")
        assert get(sink, f"a/{len(data)}") == data
    promises = {check.name: check.ok for check in sink.checks()}
    assert promises["written once"] is None
    assert False not in promises.values()


ASK = """
import sys
from wrikebackup_core import Context, SinkError
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.opening import open_sink
secrets = {"test:a": sys.argv[3], "test:s": sys.argv[4]}
options = S3Options(bucket=sys.argv[2], endpoint_url=sys.argv[1], access_key="test:a", secret_key="test:s")
sink = open_sink(options, Context(secret=secrets.__getitem__))
for ask in (lambda: sink.create("a/b"), lambda: list(sink.list("")), lambda: sink.open("a/b")):
    try:
        ask()
    except SinkError as error:
        print(error, error.hint)
"""


def test_a_clock_that_is_wrong_is_told_as_such(seaweedfs: Store) -> None:
    keys_ = [SECRETS["test:access"], SECRETS["test:secret"]]
    command = [program("faketime"), "2 hours ago", sys.executable, "-c", ASK, seaweedfs.url, seaweedfs.bucket(), *keys_]
    with swept():
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [
        ("clock is wrong" in line, "set this machine's clock right" in line) for line in done.stdout.splitlines()
    ] == [(True, True)] * 3


# Kills

WRITE_HALF = """
import os, sys
from wrikebackup_core import Context
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.opening import open_sink
secrets = {"test:a": sys.argv[3], "test:s": sys.argv[4]}
options = S3Options(bucket=sys.argv[2], prefix="backups/wrike", endpoint_url=sys.argv[1], access_key="test:a", secret_key="test:s")
sink = open_sink(options, Context(secret=secrets.__getitem__))
for key in ("a/small", "a/large"):
    writer = sink.create(key)
    writer.write(b"x" * (20_000_000 if key == "a/large" else 10))
    globals()[key] = writer
print("written", flush=True)
sys.stdin.read()
"""


def test_a_process_killed_before_it_commits_leaves_no_object_and_its_upload_is_swept(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket()
    keys_ = [SECRETS["test:access"], SECRETS["test:secret"]]
    command = [sys.executable, "-c", WRITE_HALF, seaweedfs.url, bucket, *keys_]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
    sink = seaweedfs.sink(bucket)
    assert keys(sink) == []
    assert seaweedfs.uploads(bucket) == ["backups/wrike/a/large"]
    sink.sweep("b")
    assert seaweedfs.uploads(bucket)
    sink.sweep("a")
    assert not seaweedfs.uploads(bucket)


def test_probes_of_a_killed_process_are_swept(seaweedfs: Store) -> None:
    bucket = seaweedfs.bucket()
    seaweedfs.client.put_object(Bucket=bucket, Key="backups/wrike/.probe-0123.partial", Body=b"")
    seaweedfs.sink(bucket).sweep("a")
    assert seaweedfs.keys(bucket) == []
