"""Answers that are late, wrong, or not the store's at all: what comes of each, over a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fsspec.asking import get, keys, put
from tests.fsspec.proxy import Asked, Fault, Proxy, answer, hang, passed
from tests.fsspec.s3.stores import SECRETS, Store
from wrikebackup_core import AlreadyExists, Context, KeyUnfit, SinkError
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.s3.opening import open_sink

LARGE = bytes(9 << 20)  # two parts
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Welcome to our network</title></head><body></body></html>"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._ATTEMPTS", 2)


def opened(store: Store, proxy: Proxy, **more: Any) -> ObjectSink:
    """A sink that has been written to before."""
    sink = store.sink(endpoint_url=proxy.url, **more)
    put(sink, "b/before", b"before")
    return sink


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored"])
def test_a_put_that_is_not_answered_in_time_is_sent_again(
    moto: Store, stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._WHOLE", 1)
    late: list[Asked] = []

    def once(handler: Any, asked: Asked) -> None:
        if stored:
            handler.forward(handler.body(asked.size))
            asked = Asked(asked.number, asked.method, asked.path, asked.query, 0)
        hang(handler, asked)

    def choose(asked: Asked) -> Fault:
        if not late and asked.method == "PUT" and asked.path.endswith("a/b"):
            late.append(asked)
            return once
        return passed

    with Proxy(moto.url) as proxy:
        sink = opened(moto, proxy, timeout=1)
        proxy.choose = choose
        put(sink, "a/b", b"data")
        assert late
        assert get(sink, "a/b") == b"data"
        with pytest.raises(AlreadyExists):
            put(sink, "a/b", b"another")


@pytest.mark.parametrize(
    "page", [PAGE, b"<html><br></html>", b'{"status": "ok"}', b""], ids=["page", "torn", "json", "nothing"]
)
def test_what_is_no_store_is_not_believed(moto: Store, page: bytes) -> None:
    """As where a network wants a login first, or the address is one of something else."""
    with Proxy(moto.url) as proxy:
        sink = opened(moto, proxy)
        asks: list[Callable[[], object]] = [
            lambda: list(sink.list("")),
            lambda: list(sink.folders("")),
            lambda: moto.sink(endpoint_url=proxy.url).create("a/b"),
            lambda: sink.open("b/before").read(),
            lambda: put(sink, "a/small"),
            lambda: put(sink, "a/large", LARGE),
        ]
        if page:
            asks.append(lambda: sink.delete(["b/before"]))
        proxy.choose = lambda _: answer(200, page)
        for ask in asks:
            with pytest.raises(SinkError) as caught:
                ask()
            assert proxy.url in str(caught.value)
            assert "\n" not in str(caught.value)
            assert "address" in str(caught.value.hint)
        proxy.choose = lambda _: passed
        assert keys(sink) == ["b/before"]


def test_what_lies_behind_an_address_of_the_environment_is_named(moto: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(moto.url, lambda _: answer(200, PAGE)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        sink = moto.sink("acme", endpoint_url=None)
        with pytest.raises(SinkError, match=proxy.url):
            list(sink.list(""))


UPLOADS = b"<ListMultipartUploadsResult><Upload><Key>backups/wrike/a/b</Key></Upload></ListMultipartUploadsResult>"
NAMELESS = b"<ListBucketResult><Name>b</Name><Contents/></ListBucketResult>"


@pytest.mark.parametrize(
    ("query", "reply", "ask", "lacks"),
    [
        ("uploads", answer(200, b"<InitiateMultipartUploadResult/>"), lambda sink: put(sink, "a/b", LARGE), "UploadId"),
        ("partNumber", answer(200), lambda sink: put(sink, "a/b", LARGE), "ETag"),
        ("list-type", answer(200, NAMELESS), lambda sink: list(sink.list("")), "Key"),
        ("uploads", answer(200, UPLOADS), lambda sink: sink.sweep("a"), "UploadId"),
    ],
    ids=["no upload", "no tag", "no name", "no upload to end"],
)
def test_what_an_answer_must_say_and_does_not_is_named(
    moto: Store, query: str, reply: Fault, ask: Callable[[ObjectSink], object], lacks: str
) -> None:
    with Proxy(moto.url) as proxy:
        sink = opened(moto, proxy)
        proxy.choose = lambda asked: reply if query in asked.query else passed
        with pytest.raises(SinkError, match=f"lacks {lacks}"):
            ask(sink)


def test_names_that_obstore_cannot_send_are_refused_in_a_line(moto: Store) -> None:
    sink = moto.sink()
    for ask in (lambda: put(sink, "a/\x01b"), lambda: sink.open("a/\x01b")):
        with pytest.raises(KeyUnfit, match="control character") as caught:
            ask()
        assert "\x01" not in str(caught.value)


@pytest.mark.parametrize("option", ["storage_class", "region", "sse_kms_key_id"])
def test_options_that_cannot_be_sent_are_refused(moto: Store, option: str) -> None:
    with pytest.raises(ValidationError, match=option):
        moto.options("acme", sse="aws:kms", **{option: "A\nB"})


def test_a_name_that_no_bucket_can_have_is_told_as_such(moto: Store) -> None:
    with pytest.raises(SinkError, match='invalid bucket name "acme/wrike"'):
        moto.sink("acme/wrike")


@pytest.mark.parametrize("which", ["access_key", "secret_key", "session_token"])
def test_keys_that_cannot_be_sent_are_refused_and_not_shown(moto: Store, which: str) -> None:
    secrets = {**SECRETS, "test:torn": "torn\nSK-4711"}
    options = moto.options("acme", session_token="test:access").model_copy(update={which: "test:torn"})
    with pytest.raises(SinkError, match=which.replace("_", " ")) as caught:
        open_sink(options, Context(secret=secrets.__getitem__))
    assert "4711" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("reply", "said", "hint"),
    [
        (answer(301), "another region", "region:"),
        (answer(301, b"", ("Location", "/login")), "", "address"),
        (answer(302, b"", ("Location", "/login")), "", "address"),
        (answer(503), "service Unavailable (503)", "overloaded"),
        (answer(503, b"<Error><Code>SlowDown</Code><Message>Reduce.</Message></Error>"), "SlowDown", "overloaded"),
        (answer(429), "too Many Requests (429)", "overloaded"),
        (answer(500), "internal Server Error (500)", ""),
        (answer(400, PAGE), "bad Request (400)", ""),
    ],
    ids=["region", "moved", "login", "busy", "slow down", "too many", "broken", "bad"],
)
def test_both_libraries_refusals_come_in_the_same_words(moto: Store, reply: Fault, said: str, hint: str) -> None:
    with Proxy(moto.url) as proxy:
        sink = opened(moto, proxy)
        proxy.choose = lambda _: reply
        told: list[tuple[str, str | None]] = []
        for ask in (lambda: put(sink, "a/b"), lambda: sink.open("a/b"), lambda: list(sink.list(""))):
            with pytest.raises(SinkError) as caught:
                ask()
            told.append((caught.value.message.partition(": ")[2], caught.value.hint))
        assert all(said in message for message, _ in told), told
        assert all(hint in str(given) for _, given in told), told
        assert len({given for _, given in told}) == 1, told


def test_a_large_object_is_looked_for_once(moto: Store) -> None:
    def unknown(handler: Any, asked: Asked) -> None:
        (answer(501) if handler.headers.get("If-None-Match") else passed)(handler, asked)

    with Proxy(moto.url) as proxy:
        for fault in (passed, unknown):
            proxy.choose = lambda _, fault=fault: fault  # type: ignore[misc]
            sink = opened(moto, proxy)
            proxy.asked.clear()
            put(sink, "a/b", LARGE)
            assert [asked.path for asked in proxy.asked if asked.method == "HEAD"] == [proxy.asked[0].path]


def test_threads_that_wait_for_the_first_attempt_share_what_comes_of_it(moto: Store) -> None:
    """With a store that is down, each of a hundred would else wait for as long again, one after the other."""
    all_here = threading.Barrier(16)

    def slowly(handler: Any, asked: Asked) -> None:
        time.sleep(0.5)
        answer(403)(handler, asked)

    with Proxy(moto.url, lambda _: slowly) as proxy, ThreadPoolExecutor(16) as pool:
        sink = moto.sink(endpoint_url=proxy.url)

        def attempt(number: int) -> str:
            all_here.wait(60)
            with pytest.raises(SinkError) as caught:
                sink.create(f"a/{number}")
            return str(caught.value)

        found = list(pool.map(attempt, range(16)))
        assert len(set(found)) == 1
        assert sum(asked.method == "PUT" for asked in proxy.asked) < 16
        proxy.choose = lambda _: passed
        put(sink, "a/b")
