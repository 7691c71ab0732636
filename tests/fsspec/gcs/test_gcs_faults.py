"""What happens on the way to Google Cloud Storage, and in it: each over a real socket, with a server behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.gcs.google_rules import Bucket
from tests.fsspec.gcs.google_server import GoogleServer
from tests.fsspec.gcs.stores import Store
from tests.fsspec.proxy import Asked, Fault, Proxy, answer, cut, flip, hang, lose, passed
from wrikebackup_core import AlreadyExists, SinkError
from wrikebackup_fsspec.gcs import upload, wire
from wrikebackup_fsspec.objects.sink import ObjectSink

LARGE = bytes(range(256)) * 120_000  # 30 MB: pieces of 8 MiB, 16 MiB and the rest
FIRST, MIDDLE, LAST = "bytes 0-", "bytes 8388608-", "bytes 25165824-"


def put(sink: ObjectSink, key: str, data: bytes) -> None:
    writer = sink.create(key)
    writer.write(data)
    writer.commit()


def get(sink: ObjectSink, key: str) -> bytes:
    with sink.open(key) as reader:
        return reader.read()


def keys(sink: ObjectSink) -> list[str]:
    return sorted(entry.key for entry in sink.list(""))


@pytest.fixture(autouse=True)
def pieces_of_16_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_LARGEST", 16 << 20)


class Once:
    """The first request that fits meets the fault, or as many as `times` says; the others pass."""

    def __init__(self, fault: Fault, method: str, *, query: str = "", covers: str = "", times: int = 1) -> None:
        self.fault, self.method, self.query, self.covers, self.left = fault, method, query, covers, times

    def __call__(self, asked: Asked) -> Fault:
        return self._look if asked.method == self.method and self.query in asked.query else passed

    def _look(self, handler: Any, asked: Asked) -> None:
        fits = self.left > 0 and handler.headers.get("Content-Range", "").startswith(self.covers)
        self.left -= fits
        (self.fault if fits else passed)(handler, asked)


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with GoogleServer() as server:
        server.bucket("bucket")
        yield server


@pytest.fixture
def bucket(google: GoogleServer) -> Bucket:
    return google.buckets["bucket"]


@pytest.fixture
def proxy(google: GoogleServer) -> Iterator[Proxy]:
    with Proxy(google.url) as proxy:
        yield proxy


@pytest.fixture
def sink(proxy: Proxy) -> Iterator[ObjectSink]:
    """Through the proxy to Google's rules, and ready to write."""
    sink = Store(proxy.url).sink("bucket")
    sink.create("made/ready").discard()
    proxy.asked.clear()
    yield sink
    sink.close()


@pytest.fixture
def before_fake(fake: Store) -> Iterator[Proxy]:
    with Proxy(fake.url) as proxy:
        yield proxy


# The way


@pytest.mark.parametrize("fault", [answer(503), answer(429), cut, lose], ids=["503", "429", "cut", "answer lost"])
@pytest.mark.parametrize("part", ["small", "begin", FIRST, MIDDLE, LAST])
def test_a_request_that_fails_is_sent_again_or_asked_for(
    sink: ObjectSink, proxy: Proxy, bucket: Bucket, fault: Fault, part: str
) -> None:
    data, choose = LARGE, Once(fault, "PUT", covers=part)
    if part == "small":
        data, choose = b"small", Once(fault, "POST", query="multipart")
    elif part == "begin":
        choose = Once(fault, "POST", query="resumable")
    proxy.choose = choose
    put(sink, "a/b", data)
    assert choose.left == 0
    assert get(sink, "a/b") == data
    assert keys(sink) == ["a/b"]


@pytest.mark.parametrize("fault", [answer(503), cut], ids=["503", "cut"])
@pytest.mark.parametrize("part", ["small", FIRST, MIDDLE, LAST])
def test_a_server_that_cannot_be_asked_how_far_it_is_gets_the_piece_again(
    fake: Store, before_fake: Proxy, fault: Fault, part: str
) -> None:
    """fake-gcs-server takes the question for the end of the upload."""
    sink = fake.sink(endpoint_url=before_fake.url)
    sink.create("made/ready").discard()
    data = b"small" if part == "small" else LARGE
    method, covers = ("POST", "") if part == "small" else ("PUT", part)
    before_fake.choose = choose = Once(fault, method, covers=covers)
    put(sink, "a/b", data)
    assert choose.left == 0
    assert get(sink, "a/b") == data
    sink.close()


def test_ones_own_object_is_no_other_although_its_answer_was_lost(fake: Store, before_fake: Proxy) -> None:
    sink = fake.sink(endpoint_url=before_fake.url)
    sink.create("made/ready").discard()
    before_fake.choose = choose = Once(lose, "POST")
    put(sink, "a/b", b"small")
    assert choose.left == 0
    assert get(sink, "a/b") == b"small"
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", b"small")
    sink.close()


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_the_object_of_another_is_told_from_ones_own_when_an_answer_was_lost(
    sink: ObjectSink, proxy: Proxy, google: GoogleServer, data: bytes
) -> None:
    other = Store(google.url).sink("bucket")

    def late(handler: Any, asked: Asked) -> None:
        put(other, "a/b", b"other")
        cut(handler, asked)

    proxy.choose = Once(late, "POST") if data == b"small" else Once(late, "PUT", covers=LAST)
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", data)
    assert get(sink, "a/b") == b"other"
    other.close()


def test_a_session_that_is_gone_after_its_end_is_no_failure(sink: ObjectSink, proxy: Proxy, bucket: Bucket) -> None:
    def forget(handler: Any, asked: Asked) -> None:
        lose(handler, asked)
        bucket.sessions.clear()

    proxy.choose = Once(forget, "PUT", covers=LAST)
    put(sink, "a/b", LARGE)
    assert get(sink, "a/b") == LARGE


def test_a_session_that_is_gone_before_its_end_is_an_error(sink: ObjectSink, proxy: Proxy, bucket: Bucket) -> None:
    def forget(handler: Any, asked: Asked) -> None:
        bucket.sessions.clear()
        passed(handler, asked)

    proxy.choose = Once(forget, "PUT", covers=MIDDLE)
    with pytest.raises(SinkError, match="a/b"):
        put(sink, "a/b", LARGE)
    assert keys(sink) == []


@pytest.mark.parametrize("part", [FIRST, MIDDLE, LAST])
def test_of_a_piece_that_was_kept_in_part_the_rest_is_sent(sink: ObjectSink, proxy: Proxy, part: str) -> None:
    def half(handler: Any, asked: Asked) -> None:
        """The line breaks, and the store has kept what came before."""
        kept = asked.size // 2 // (256 << 10) * (256 << 10)
        body = handler.body(asked.size)[:kept]
        start = int(handler.headers["Content-Range"].split()[1].partition("-")[0])
        for name, value in (("Content-Range", f"bytes {start}-{start + kept - 1}/*"), ("Content-Length", str(kept))):
            handler.headers.replace_header(name, value)
        handler.forward(body)
        handler.reset()

    proxy.choose = choose = Once(half, "PUT", covers=part)
    put(sink, "a/b", LARGE)
    assert choose.left == 0
    assert get(sink, "a/b") == LARGE
    sent = sum(asked.size for asked in proxy.asked if asked.method == "PUT")
    assert sent < len(LARGE) * 3 // 2


def test_a_storm_of_refusals_is_sat_out(proxy: Proxy) -> None:
    sink = Store(proxy.url).sink("bucket")
    proxy.choose = lambda asked: answer(503) if asked.number % 2 else passed
    put(sink, "a/small", b"small")
    put(sink, "a/large", LARGE)
    assert keys(sink) == ["a/large", "a/small"]
    assert get(sink, "a/large") == LARGE
    with pytest.raises(AlreadyExists):
        put(sink, "a/small", b"another")
    sink.delete(["a/small", "a/large"])
    assert keys(sink) == []
    sink.close()


def test_a_storm_without_an_end_is_an_error(sink: ObjectSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_ATTEMPTS", 3)
    put(sink, "a/b", b"data")
    proxy.choose = lambda _: answer(503)
    asks = (
        lambda: put(sink, "a/c", b"small"),
        lambda: put(sink, "a/c", LARGE),
        lambda: sink.open("a/b"),
        lambda: list(sink.list("")),
        lambda: sink.delete(["a/b"]),
    )
    for ask in asks:
        before = len(proxy.asked)
        with pytest.raises(SinkError, match="503") as caught:
            ask()
        assert caught.value.hint
        assert len(proxy.asked) - before <= 4
    proxy.choose = lambda _: passed
    assert keys(sink) == ["a/b"]


def test_a_silent_store_is_given_up(proxy: Proxy) -> None:
    sink = Store(proxy.url).sink("bucket", timeout=0.6)
    put(sink, "a/b", b"data")
    proxy.choose = lambda _: hang
    asks = (
        lambda: put(sink, "a/c", b"small"),
        lambda: put(sink, "a/c", LARGE),
        lambda: sink.open("a/b"),
        lambda: list(sink.list("")),
        lambda: sink.delete(["a/b"]),
    )
    for ask in asks:
        with pytest.raises(SinkError, match="no answer in time"):
            ask()
    sink.close()


def test_a_store_that_falls_silent_within_a_piece_is_given_up(sink: ObjectSink, proxy: Proxy, bucket: Bucket) -> None:
    quick = Store(proxy.url).sink("bucket", timeout=0.6)
    quick.create("made/ready").discard()
    proxy.choose = Once(hang, "PUT", times=10)
    with pytest.raises(SinkError, match="no answer in time"):
        put(quick, "a/b", LARGE)
    assert keys(sink) == []
    quick.close()


def test_a_body_that_ends_early_is_read_again(sink: ObjectSink, proxy: Proxy, bucket: Bucket) -> None:
    put(sink, "a/b", LARGE)

    def short(handler: Any, asked: Asked) -> None:
        status, headers, body = handler.forward(b"")
        handler.send_response_only(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.reset()

    proxy.choose = choose = Once(short, "GET", query="alt=media", times=3)
    assert get(sink, "a/b") == LARGE
    assert choose.left == 0


def test_a_body_that_always_ends_early_is_an_error(
    sink: ObjectSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store says how much it sends, and sends less, in an answer that looks whole."""
    monkeypatch.setattr(wire, "_ATTEMPTS", 3)
    put(sink, "a/b", b"0123456789")

    def short(handler: Any, asked: Asked) -> None:
        status, headers, body = handler.forward(b"")
        handler.reply(status, headers, body[:-1])

    proxy.choose = Once(short, "GET", query="alt=media", times=100)
    with pytest.raises(SinkError, match="ended early"):
        sink.open("a/b")


def test_bytes_that_change_on_their_way_out_are_read_again(sink: ObjectSink, proxy: Proxy) -> None:
    put(sink, "a/b", b"0123456789")

    def bent(handler: Any, asked: Asked) -> None:
        status, headers, body = handler.forward(b"")
        handler.reply(status, headers, body.replace(b"5", b"x"))

    proxy.choose = choose = Once(bent, "GET", query="alt=media")
    assert get(sink, "a/b") == b"0123456789"
    assert choose.left == 0


def test_a_server_that_always_sends_the_whole_object_is_read_all_the_same(sink: ObjectSink, proxy: Proxy) -> None:
    def whole(handler: Any, asked: Asked) -> None:
        del handler.headers["Range"]
        passed(handler, asked)

    proxy.choose = lambda asked: whole if asked.method == "GET" else passed
    put(sink, "a/b", LARGE)
    assert get(sink, "a/b") == LARGE
    with sink.open("a/b", 29_000_000) as reader:
        assert reader.size == len(LARGE)
        assert reader.read() == LARGE[29_000_000:]


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
    assert {check.name: check.ok for check in sink.checks()}["large ones once"] is None
    other = Store(google.url).sink("bucket")
    assert {check.name: check.ok for check in other.checks()}["large ones once"] is True
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
