"""What happens on the way to Google Cloud Storage: each over a real socket, with a server behind it."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.fsspec.asking import get, keys, put
from tests.fsspec.gcs.asking import FIRST, LARGE, LAST, MIDDLE, Once
from tests.fsspec.gcs.google_rules import Bucket
from tests.fsspec.gcs.google_server import GoogleServer
from tests.fsspec.gcs.stores import Store
from tests.fsspec.proxy import Asked, Fault, Proxy, answer, cut, hang, lose, passed, shorten
from wrikebackup_core import AlreadyExists, SinkError
from wrikebackup_fsspec.gcs import upload, wire
from wrikebackup_fsspec.objects.sink import ObjectSink


@pytest.fixture(autouse=True)
def pieces_of_16_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_LARGEST", 16 << 20)


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

    proxy.choose = choose = Once(shorten, "GET", query="alt=media", times=3)
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
