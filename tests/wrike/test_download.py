"""A file's bytes: whole or not at all, never an error page, never the token to a stranger."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.wrike.crawling import TOKEN, MakeSource
from tests.wrike.scripted import Asked, Reply, ScriptedServer, refusal
from wrikebackup_core import Attachment, Forbidden, Interrupted, NotFound, SourceError, Unauthorized
from wrikebackup_wrike.download import _next
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.routes import Origin
from wrikebackup_wrike.source import WrikeSource

DATA = bytes(range(256)) * 40
PATH = "/attachments/A1/download"
FILE = Attachment("A1", "a.bin", len(DATA))
BYTES = {"content-type": "application/octet-stream"}
PAGE = {"content-type": "text/html; charset=utf-8"}


def whole(source: WrikeSource) -> bytes:
    with source.open_attachment(FILE) as reader:
        return b"".join(iter(lambda: reader.read(4096), b""))


def ranged(data: bytes = DATA) -> object:
    def answer(asked: Asked) -> Reply:
        match = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        if match is None:
            return Reply(data, headers=BYTES)
        start = int(match[1])
        if start >= len(data):
            return Reply(b"", 416, {"content-range": f"bytes */{len(data)}"})
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return Reply(data[start:], 206, {**BYTES, "content-range": span})

    return answer


def test_a_file_is_read_whole_in_pieces_of_any_size(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, ranged())
    source = make_source()
    for size in (-1, 1, 1000, len(DATA), 10**7):
        with source.open_attachment(FILE) as reader:
            assert (reader.start, reader.size) == (0, len(DATA))
            assert b"".join(iter(lambda size=size: reader.read(size), b"")) == DATA
            assert reader.read(1) == b""


def test_reading_goes_on_where_it_broke(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, ranged())
    with make_source().open_attachment(FILE, 1000) as reader:
        assert (reader.start, reader.size) == (1000, len(DATA))
        assert reader.read() == DATA[1000:]
    assert server.asked[0].headers["range"] == "bytes=1000-"


def test_a_server_that_cannot_skip_says_so_by_starting_over(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, Reply(DATA, headers=BYTES))
    with make_source().open_attachment(FILE, 1000) as reader:
        assert reader.start == 0
        assert reader.read() == DATA


def test_an_empty_file_is_a_file(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, Reply(b"", headers=BYTES))
    with make_source().open_attachment(Attachment("A1", "a", 0)) as reader:
        assert (reader.size, reader.read()) == (0, b"")


def test_a_body_that_breaks_off_is_interrupted_and_what_came_is_good(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on(PATH, Reply(DATA, headers=BYTES, cut=5000))
    with make_source().open_attachment(FILE) as reader:
        got: list[bytes] = []
        with pytest.raises(Interrupted):
            got.extend(iter(lambda: reader.read(1000), b""))
    assert DATA.startswith(b"".join(got))
    assert len(b"".join(got)) < len(DATA)


@pytest.mark.parametrize("length", [len(DATA) - 1, len(DATA) + 1, 0])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_another_length_than_the_record_s_never_passes(
    server: ScriptedServer, make_source: MakeSource, length: int, chunked: bool
) -> None:
    server.on(PATH, Reply((DATA + b"more")[:length], headers=BYTES, chunked=chunked))
    with pytest.raises(Interrupted):
        whole(make_source())


def test_an_external_size_of_minus_one_is_no_matter_of_ours_but_unknown_sizes_are_read(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    for chunked in (False, True):
        server.on(PATH, Reply(DATA, headers=BYTES, chunked=chunked))
        with make_source().open_attachment(Attachment("A1", "a.bin", None)) as reader:
            assert reader.size == (None if chunked else len(DATA))
            assert reader.read() == DATA


@pytest.mark.parametrize(
    ("reply", "size"),
    [
        (Reply(b"<html>log in</html>", headers=PAGE), len(DATA)),
        (Reply(b"<html>log in</html>", headers=PAGE, chunked=True), len(DATA)),
        (Reply(b"<html>log in</html>", headers=PAGE), None),
        (Reply(b'{"error":"x","errorDescription":"y"}', headers={"content-type": "application/json"}), None),
    ],
)
def test_an_error_page_is_never_a_file(
    server: ScriptedServer, make_source: MakeSource, reply: Reply, size: int | None
) -> None:
    server.on(PATH, reply)
    with pytest.raises(Interrupted):
        make_source().open_attachment(Attachment("A1", "a.bin", size))


def test_a_page_that_is_the_file_is_one(server: ScriptedServer, make_source: MakeSource) -> None:
    page = b"<html>hello</html>"
    server.on(PATH, Reply(page, headers=PAGE))
    source = make_source()
    for name, size in (("page.html", None), ("page.html", len(page)), ("odd.bin", len(page))):
        with source.open_attachment(Attachment("A1", name, size)) as reader:
            assert reader.read() == page


def test_after_a_body_of_unannounced_length_the_file_is_read_from_its_start(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    """What came may have been an error page: the two must be comparable from the first byte on."""
    server.on(PATH, Reply(b"oops", headers=BYTES, chunked=True))
    source = make_source()
    with pytest.raises(Interrupted):
        whole(source)
    server.on(PATH, ranged())
    with source.open_attachment(FILE, 4) as reader:
        assert reader.start == 0
        assert reader.read() == DATA


@pytest.mark.parametrize(
    "span",
    [
        "",
        "bytes 0-99/10240",
        f"bytes 999-{len(DATA) - 1}/{len(DATA)}",
        f"bytes 1000-2000/{len(DATA)}",
        "bytes 1000-",
        "items 1000-10239/10240",
    ],
)
def test_a_range_that_is_not_the_one_asked_for_is_refused(
    server: ScriptedServer, make_source: MakeSource, span: str
) -> None:
    server.on(PATH, Reply(DATA[1000:], 206, {**BYTES, "content-range": span}))
    with pytest.raises(Interrupted):
        make_source().open_attachment(FILE, 1000)


def test_a_packed_body_is_refused(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, Reply(DATA, headers={**BYTES, "content-encoding": "gzip"}))
    with pytest.raises(Interrupted, match="packed"):
        make_source().open_attachment(FILE)
    assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(400, "invalid_request", "invalid attachment id"), NotFound),
        (refusal(404, "resource_not_found"), NotFound),
        (refusal(403, "access_forbidden"), Forbidden),
        (refusal(401, "not_authorized"), Unauthorized),
        (refusal(500, "server_error"), Interrupted),
        (Reply(b"<html>bad gateway</html>", 502, PAGE), Interrupted),
        (Reply(b"<html>blocked</html>", 403, PAGE), Interrupted),
        (Reply(b"", 416), Interrupted),
        (Reply(b"", 300), SourceError),
    ],
)
def test_refusals_are_told_apart(
    server: ScriptedServer, make_source: MakeSource, reply: Reply, error: type[SourceError]
) -> None:
    server.on(PATH, reply)
    with pytest.raises(error) as caught:
        make_source().open_attachment(FILE)
    assert isinstance(caught.value, Interrupted) == (error is Interrupted)
    assert TOKEN not in str(caught.value)


def test_a_429_says_how_long_to_wait_and_slows_all_down(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, refusal(429, "rate_limit_exceeded", retry_after="17"))
    source = make_source(rate="400/min")
    with pytest.raises(Interrupted) as caught:
        source.open_attachment(FILE)
    assert caught.value.retry_after == 17
    assert isinstance(source._api.pace, Pace)
    assert source._api.pace.share < 1


def test_the_token_goes_to_the_api_and_never_along_a_redirect(server: ScriptedServer, make_source: MakeSource) -> None:
    with ScriptedServer() as storage:
        storage.on("/signed", ranged())
        server.on(PATH, Reply(b"moved", 302, {"location": f"{storage.origin}/signed?sig=1"}))
        with make_source().open_attachment(FILE, 100) as reader:
            assert reader.read() == DATA[100:]
        (asked,) = storage.asked
        assert "authorization" not in asked.headers
        assert asked.headers["range"] == "bytes=100-"
        assert asked.query == {"sig": "1"}
    assert server.asked[0].headers["authorization"] == f"bearer {TOKEN}"


def test_a_redirect_within_the_api_keeps_the_token(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, Reply(b"", 307, {"location": "download/a.bin"}))
    server.on("/attachments/A1/download/a.bin", ranged())
    with make_source().open_attachment(FILE) as reader:
        assert reader.read() == DATA
    assert server.asked[1].headers["authorization"] == f"bearer {TOKEN}"


@pytest.mark.parametrize("location", ["ftp://example.com/x", "file:///etc/passwd", "http://[broken", "http://"])
def test_a_redirect_to_what_is_no_web_address_is_refused(
    server: ScriptedServer, make_source: MakeSource, location: str
) -> None:
    server.on(PATH, Reply(b"", 302, {"location": location}))
    with pytest.raises(SourceError, match="redirect"):
        make_source().open_attachment(FILE)


def test_a_redirect_from_https_to_http_is_refused() -> None:
    home = Origin("https", "www.wrike.com", 443)
    with pytest.raises(SourceError, match="from https to http"):
        _next(home, "/x", "http://www.wrike.com/x", "A1")
    assert _next(home, "/x", "//other.example/y?z=1", "A1") == (("https", "other.example", 443), "/y?z=1")


def test_a_redirect_to_an_address_with_spaces_and_letters_of_any_language_is_followed(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    """Names of files stand in such addresses, and not every server encodes them."""
    server.on(PATH, Reply(b"", 302, {"location": "/files/Ü b%20c.bin?x=ü&y=%2F"}))
    server.on("/files/%C3%9C%20b%20c.bin", ranged())
    with make_source().open_attachment(FILE) as reader:
        assert reader.read() == DATA
    assert server.asked[1].query == {"x": "ü", "y": "/"}


def test_redirects_come_to_an_end(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, Reply(b"", 302, {"location": server.base_url + PATH}))
    with pytest.raises(SourceError, match="more than 5"):
        make_source().open_attachment(FILE)
    assert server.count(PATH) == 6


def test_a_port_where_nobody_listens_may_be_tried_again(make_source: MakeSource) -> None:
    with pytest.raises(Interrupted, match=r"127\.0\.0\.1"):
        make_source("http://127.0.0.1:9/api/v4").open_attachment(FILE)


def test_many_threads_share_connections_and_get_their_own_files(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/attachments/", lambda asked: Reply(asked.path.encode() * 100, headers=BYTES))
    source = make_source()
    started = threading.Barrier(16)

    def fetch(number: int) -> bool:
        started.wait(30)
        for turn in range(10):
            path = f"/attachments/N{number}x{turn}/download"
            with source.open_attachment(Attachment(f"N{number}x{turn}", "x", len(path) * 100)) as reader:
                if reader.read() != path.encode() * 100:
                    return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(fetch, range(16)))


def test_a_reader_left_early_does_not_spoil_the_next_one(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on(PATH, Reply(DATA * 300, headers=BYTES))
    source = make_source()
    big = Attachment("A1", "a", len(DATA) * 300)
    for _ in range(5):
        with source.open_attachment(big) as reader:
            assert reader.read(10) == DATA[:10]
        reader.close()
    with source.open_attachment(big) as reader:
        assert reader.read() == DATA * 300
