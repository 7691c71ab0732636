"""What arrives in Google Cloud Storage is what was sent, once, or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.asking import get, keys, put
from tests.fsspec.gcs.asking import LARGE, LAST, MIDDLE, Once
from tests.fsspec.gcs.google_rules import Bucket
from tests.fsspec.gcs.google_server import GoogleServer
from tests.fsspec.gcs.stores import Store
from tests.fsspec.proxy import Asked, Proxy, answer, flip, passed
from wrikebackup_core import AlreadyExists, SinkError
from wrikebackup_fsspec.gcs import upload, wire
from wrikebackup_fsspec.objects.sink import ObjectSink


@pytest.fixture(autouse=True)
def pieces_of_16_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_LARGEST", 16 << 20)


# What arrived


@pytest.mark.parametrize("data", [b"small" * 100, LARGE], ids=["small", "large"])
def test_a_bit_that_flips_on_the_way_is_noticed_by_the_store(
    sink: ObjectSink, proxy: Proxy, bucket: Bucket, data: bytes
) -> None:
    proxy.choose = Once(flip, "POST", query="multipart") if data != LARGE else Once(flip, "PUT", covers=MIDDLE)
    with pytest.raises(SinkError, match="CRC32C"):
        put(sink, "a/b", data)
    assert not bucket.objects


@pytest.mark.parametrize("data", [b"small" * 100, LARGE], ids=["small", "large"])
def test_a_bit_that_flips_unnoticed_by_the_store_is_found_and_the_object_withdrawn(
    fake: Store, before_fake: Proxy, data: bytes
) -> None:
    bucket = fake.bucket()
    sink = fake.sink(bucket, endpoint_url=before_fake.url)
    sink.create("made/ready").discard()
    before_fake.choose = Once(flip, "POST") if data != LARGE else Once(flip, "PUT", covers=MIDDLE)
    with pytest.raises(SinkError, match="does not hold what was sent"):
        put(sink, "a/b", data)
    assert fake.keys(bucket) == []
    put(sink, "a/b", data)
    assert get(sink, "a/b") == data
    sink.close()


@pytest.mark.parametrize("data", [b"small" * 100, LARGE], ids=["small", "large"])
def test_what_the_store_says_that_it_holds_is_compared(
    sink: ObjectSink, proxy: Proxy, bucket: Bucket, data: bytes
) -> None:
    def lie(handler: Any, asked: Asked) -> None:
        status, headers, body = handler.forward(handler.body(asked.size))
        handler.reply(status, headers, json.dumps({**json.loads(body), "crc32c": "AAAAAA=="}).encode())

    proxy.choose = Once(lie, "POST", query="multipart") if data != LARGE else Once(lie, "PUT", covers=LAST)
    with pytest.raises(SinkError, match="does not hold what was sent"):
        put(sink, "a/b", data)
    assert not bucket.objects


def test_what_was_never_asked_for_is_no_answer(sink: ObjectSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_ATTEMPTS", 3)
    proxy.choose = lambda _: answer(200, b"<html>Sign in to the network</html>")
    for ask in (lambda: put(sink, "a/b", b"data"), lambda: put(sink, "a/b", LARGE), lambda: list(sink.list(""))):
        with pytest.raises(SinkError):
            ask()


@pytest.mark.parametrize("before", [b"abc", b"x" * 9_000_000], ids=["small", "large"])
def test_data_that_looks_like_the_border_of_a_part_is_stored_whole(fake: Store, before: bytes) -> None:
    sink = fake.sink()
    data = before + b"\n--==0==--\r\n--===============7330845974216740156==--\r\n" + b"def"
    put(sink, "a/b", data)
    assert get(sink, "a/b") == data
    sink.close()


# Two at a time, and kills


@pytest.mark.parametrize("server", ["fake", "google"])
@pytest.mark.parametrize("size", [10, 9_000_000], ids=["small", "large"])
def test_two_sinks_that_race_for_a_key_have_one_winner(
    fake: Store, google: GoogleServer, server: str, size: int
) -> None:
    store = fake if server == "fake" else Store(google.url)
    name = store.bucket() if server == "fake" else "bucket"
    sinks = [store.sink(name) for _ in range(2)]

    def compete(number: int) -> int | None:
        try:
            put(sinks[number], "race/goal", b"%d" % number * size)
        except AlreadyExists:
            return None
        return number

    for _ in range(4):
        with ThreadPoolExecutor(2) as pool:
            winners = [number for number in pool.map(compete, range(2)) if number is not None]
        assert len(winners) == 1
        assert get(sinks[0], "race/goal") == b"%d" % winners[0] * size
        sinks[0].delete(["race/goal"])
    for sink in sinks:
        sink.close()


def test_a_store_that_would_replace_what_is_sent_in_pieces_is_found_out(fake: Store, google: GoogleServer) -> None:
    """fake-gcs-server is one: this program looks first, and doctor says so."""
    sink = fake.sink()
    put(sink, "a/b", b"first")
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", LARGE)
    assert get(sink, "a/b") == b"first"
    other = Store(google.url).sink("bucket")
    for one, large in ((sink, None), (other, True)):
        told = {check.name: check.ok for check in one.checks()}
        assert (told["written once"], told["large ones once"]) == (True, large)
    sink.close()
    other.close()


def test_a_discarded_upload_is_cancelled_in_the_store(sink: ObjectSink, bucket: Bucket) -> None:
    writer = sink.create("a/b")
    writer.write(LARGE)
    assert len(bucket.sessions) == 1
    writer.discard()
    assert not bucket.sessions


def test_an_upload_that_failed_is_cancelled_in_the_store(
    sink: ObjectSink, proxy: Proxy, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_ATTEMPTS", 2)
    writer = sink.create("a/b")
    writer.write(LARGE)
    proxy.choose = lambda asked: answer(503) if asked.method == "PUT" else passed
    with pytest.raises(SinkError):
        writer.commit()
    assert not bucket.sessions


WRITE_HALF = """
import sys
from wrikebackup_core import Context
from wrikebackup_fsspec.options import GcsOptions
from wrikebackup_fsspec.gcs.opening import open_sink
options = GcsOptions(bucket=sys.argv[2], prefix="backups/wrike", endpoint_url=sys.argv[1], anonymous=True)
sink = open_sink(options, Context(secret=str))
writers = [sink.create("a/small"), sink.create("a/large")]
writers[0].write(b"x" * 10)
writers[1].write(b"x" * 30_000_000)
print("written", flush=True)
sys.stdin.read()
"""


def test_a_process_killed_before_it_commits_leaves_no_object(fake: Store) -> None:
    bucket = fake.bucket()
    command = [sys.executable, "-c", WRITE_HALF, fake.url, bucket]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
    assert fake.keys(bucket) == []
    sink = fake.sink(bucket)
    sink.sweep("")
    put(sink, "a/large", b"later")
    assert keys(sink) == ["a/large"]
    sink.close()


MEMORY = """
import sys
from concurrent.futures import ThreadPoolExecutor
from wrikebackup_core import Context
from wrikebackup_fsspec.options import GcsOptions
from wrikebackup_fsspec.gcs.opening import open_sink
sink = open_sink(GcsOptions(bucket=sys.argv[2], endpoint_url=sys.argv[1], anonymous=True), Context(secret=str))
chunk = bytes(range(250)) * 4_000
def work(key, megabytes):
    writer = sink.create(key)
    for _ in range(megabytes):
        writer.write(chunk)
    writer.commit()
    with sink.open(key) as reader:
        assert reader.size == megabytes * 1_000_000
        while reader.read(1 << 20):
            pass
if sys.argv[3] == "one":
    work("a/b", 500)
else:
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, f"a/{number}", 60) for number in range(6)]:
            done.result()
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("what", ["one", "six at a time"])
def test_memory_stays_bounded_for_large_objects(fake: Store, what: str) -> None:
    command = [sys.executable, "-c", MEMORY, fake.url, fake.bucket(), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert int(done.stdout) < 300
