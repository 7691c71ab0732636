"""One request to the JSON API: what is tried again, what is not, and what is said."""

from __future__ import annotations

import email.utils
import json
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest

from tests.wrike.crawling import TOKEN
from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Attachment, Forbidden, Interrupted, NotFound, SourceError, Unauthorized
from wrikebackup_wrike import client
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.download import Downloads
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.refusals import BadRequest, NoSuchMethod, retry_after
from wrikebackup_wrike.tokens import PermanentToken

GOOD = envelope([{"id": "A"}])


def get(api: Api, path: str = "/things") -> Answer[Named]:
    return api.get(path, {}, Named)


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    left = iter(replies)
    return lambda _: next(left, replies[-1])


@pytest.fixture
def api_at() -> Iterator[Callable[[str], Api]]:
    made: list[Api] = []

    def make(base_url: str, seconds: float = 0.5) -> Api:
        stop = threading.Event()
        made.append(
            Api(
                base_url,
                PermanentToken(TOKEN),
                Pace(None, wait=stop.wait),
                stop=stop,
                retry_seconds=seconds,
                connect_timeout=2,
            )
        )
        return made[-1]

    yield make
    for api in made:
        api.close()


def test_records_are_the_very_bytes_of_the_answer(server: ScriptedServer, api: Api) -> None:
    body = '{"kind":"x", "data":[ {"id":"A" , "n":1.50,"t":"\\u00e9 é 🚀","n":2},{"id":"B"}],"responseSize":2}'
    server.on("/things", Reply(body.encode()))
    answer = get(api)
    assert list(answer.records) == ['{"id":"A" , "n":1.50,"t":"\\u00e9 é 🚀","n":2}'.encode(), b'{"id":"B"}']
    assert answer.total == 2


def test_a_record_on_several_lines_becomes_one_line_and_keeps_its_values(server: ScriptedServer, api: Api) -> None:
    server.on("/things", Reply(json.dumps({"data": [{"id": "A", "n": [1, {"x": "a\nb"}]}]}, indent=2).encode()))
    (record,) = get(api).records
    assert b"\n" not in record
    assert json.loads(record) == {"id": "A", "n": [1, {"x": "a\nb"}]}


def test_the_token_is_sent_as_a_bearer(server: ScriptedServer, api: Api) -> None:
    server.on("/things", GOOD)
    get(api)
    assert server.asked[0].headers["authorization"] == f"bearer {TOKEN}"
    assert server.asked[0].headers["user-agent"].startswith("wrikebackup/")


@pytest.mark.parametrize(
    "fault",
    [
        refusal(429, "rate_limit_exceeded"),
        refusal(429, "too_many_requests", retry_after="0"),
        refusal(500, "server_error"),
        Reply(b"<html>Bad gateway</html>", 502, {"content-type": "text/html"}),
        Reply(b"", 503),
        Reply(b"<html>cloudflare 520</html>", 520),
        Reply(GOOD.body, cut=12),
        Reply(b"<html>maintenance</html>"),
        Reply(GOOD.body[:20]),
        Reply(b'{"kind":"x","data":{}}'),
        Reply(b'{"kind":"x","data":[1]}'),
        Reply(b'{"kind":"x","data":[{"name":"no id"}]}'),
        Reply(b'{"kind":"x","data":[{"id":7}]}'),
        Reply(b'{"kind":"x","data":[{"id":""}]}'),
        Reply(b'{"kind":"x","data":[{"id":"A","t":"\xff"}]}'),
        Reply(b'{"kind":"x"}'),
        Reply(b""),
        Reply(b"[" * 5000),
        Reply(b'{"data":[],"responseSize":1e999}'),
        Reply(b"\x1f\x8bnot gzip", headers={"content-encoding": "gzip"}),
    ],
)
def test_what_may_pass_is_tried_again(server: ScriptedServer, api: Api, fault: Reply) -> None:
    server.on("/things", in_turn(fault, fault, GOOD))
    assert [head.id for head in get(api).heads] == ["A"]
    assert server.count("/things") == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(400, "invalid_parameter", "Parameter 'x' value is invalid"), BadRequest),
        (refusal(400, "invalid_request"), BadRequest),
        (refusal(403, "access_forbidden"), Forbidden),
        (refusal(403, "not_allowed"), Forbidden),
        (refusal(404, "resource_not_found"), NotFound),
        (refusal(404, "method_not_found"), NoSuchMethod),
        (Reply(b"", 300), SourceError),
        (Reply(b"", 302, {"location": "https://elsewhere.example.com/x"}), SourceError),
    ],
)
def test_what_will_not_pass_is_asked_once(
    server: ScriptedServer, api: Api, reply: Reply, error: type[SourceError]
) -> None:
    server.on("/things", reply)
    with pytest.raises(error) as caught:
        get(api)
    assert type(caught.value) is error
    assert server.count("/things") == 1
    assert "/things" in str(caught.value)


def test_the_wrong_data_centre_is_named_with_the_way_to_the_right_one(server: ScriptedServer, api: Api) -> None:
    server.on("/things", Reply(b"", 300))
    with pytest.raises(SourceError, match="another data centre") as caught:
        get(api)
    assert "address bar" in (caught.value.hint or "")


def test_a_redirect_is_not_followed_with_the_token(server: ScriptedServer, api: Api) -> None:
    server.on("/things", Reply(b"", 307, {"location": server.origin + "/stolen"}))
    with pytest.raises(SourceError, match=r"redirects to 127\.0\.0\.1"):
        get(api)
    assert server.paths() == ["/things"]


def test_a_403_page_of_something_in_between_is_no_verdict_of_the_api(server: ScriptedServer, api: Api) -> None:
    server.on("/things", Reply(b"<html>error code: 1020</html>", 403))
    with pytest.raises(SourceError, match="not the API") as caught:
        get(api)
    assert not isinstance(caught.value, Forbidden)


def test_an_answer_that_stays_wrong_ends_with_the_path_and_soon(server: ScriptedServer, api: Api) -> None:
    server.on("/things", Reply(b"<html>log in to the hotel's network</html>"))
    with pytest.raises(SourceError, match="/things: the answer is not what the API promises") as caught:
        get(api)
    assert not caught.value.retryable
    assert TOKEN not in str(caught.value)
    assert server.count("/things") == 4


@pytest.mark.parametrize("status", [200, 403, 503])
def test_an_answer_that_is_nested_without_end_is_told_with_its_path(
    status: int, server: ScriptedServer, api_at: Callable[..., Api]
) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for body in (b'{"data":[{"id":"A","x":' + deep + b"}]}", b'{"error":"x","more":' + deep + b"}", deep):
        server.on("/things", Reply(body, status))
        with pytest.raises(SourceError, match=r"^/things: "):
            get(api_at(server.base_url, 0.1))


def test_a_refused_token_is_said_once_and_plainly(server: ScriptedServer, api: Api) -> None:
    server.on("/things", refusal(401, "not_authorized", "Access token is unknown or invalid"))
    with pytest.raises(Unauthorized, match="does not accept the permanent token") as caught:
        get(api)
    assert "Apps & Integrations" in (caught.value.hint or "")
    assert server.count("/things") == 1


def test_it_gives_up_after_the_time_allowed(server: ScriptedServer, api_at: Callable[..., Api]) -> None:
    server.on("/things", refusal(500, "server_error"))
    with pytest.raises(Interrupted, match="answered 500"):
        get(api_at(server.base_url, 0.1))
    assert server.count("/things") > 2


def test_it_does_not_wait_for_longer_than_the_time_allowed(server: ScriptedServer, api_at: Callable[..., Api]) -> None:
    server.on("/things", refusal(429, "rate_limit_exceeded", retry_after="3600"))
    with pytest.raises(Interrupted) as caught:
        get(api_at(server.base_url))
    assert caught.value.retry_after == 3600
    assert server.count("/things") == 1


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    soon = email.utils.format_datetime(email.utils.localtime())
    assert retry_after("7") == 7.0
    assert retry_after(soon) is not None
    assert 0 <= (retry_after(soon) or 0) < 5
    later = retry_after(email.utils.formatdate(time.time() + 100, usegmt=True))
    assert later is not None
    assert 90 < later <= 101
    assert [retry_after(text) for text in (None, "", "soon", "-3", "nan", "inf")] == [None, None, None, 0.0, None, None]


def test_waits_are_called_off_at_once(server: ScriptedServer) -> None:
    stop = threading.Event()
    api = Api(server.base_url, PermanentToken(TOKEN), Pace(None, wait=stop.wait), stop=stop)
    asked = threading.Event()

    def answer(_: Asked) -> Reply:
        asked.set()
        return refusal(503, "server_error", retry_after="600")

    server.on("/things", answer)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            get(api)
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert asked.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert ended
    api.close()


def test_a_port_where_nobody_listens_is_one_clear_line(api_at: Callable[..., Api]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Interrupted, match=f"the connection to 127.0.0.1:{port} fails") as caught:
        get(api_at(f"http://127.0.0.1:{port}/api/v4", 30))
    assert "\n" not in str(caught.value)


def test_a_host_that_does_not_exist_is_one_clear_line(api_at: Callable[..., Api]) -> None:
    with pytest.raises(Interrupted, match=r"the host nowhere\.invalid cannot be found"):
        get(api_at("https://nowhere.invalid/api/v4", 30))


def test_a_server_without_tls_is_one_clear_line(server: ScriptedServer, api_at: Callable[..., Api]) -> None:
    with pytest.raises(SourceError) as caught:
        get(api_at(server.base_url.replace("http:", "https:"), 30))
    assert "\n" not in str(caught.value)


def test_the_servers_clock_is_read_from_its_answers(server: ScriptedServer, api: Api) -> None:
    ahead = email.utils.formatdate(time.time() + 3600, usegmt=True)
    server.on("/things", Reply(GOOD.body, headers={"date": ahead}))
    get(api)
    assert api.server_ahead is not None
    assert 3590 < api.server_ahead < 3610
    assert abs(api.now() - time.time() - 3600) < 10


class ShortLived:
    """Tokens t1, t2, ...: each renewal gives the next."""

    def __init__(self) -> None:
        self.renewed = 0

    def current(self) -> str:
        return "t0"

    def renew(self, stale: str) -> str:
        assert stale == f"t{self.renewed}"
        self.renewed += 1
        return f"t{self.renewed}"


def test_a_token_that_expires_while_a_request_waits_is_renewed_once_more(server: ScriptedServer) -> None:
    def answer(asked: Asked) -> Reply:
        return GOOD if asked.headers["authorization"] == "bearer t2" else refusal(401, "not_authorized")

    server.on("/things", answer)
    server.on("/attachments/", answer)
    stop, tokens = threading.Event(), ShortLived()
    api = Api(server.base_url, tokens, Pace(None, wait=stop.wait), stop=stop)
    try:
        assert get(api).heads[0].id == "A"
    finally:
        api.close()
    downloads = Downloads(server.base_url, ShortLived(), Pace(None, wait=stop.wait))
    try:
        with downloads.open(Attachment("A1", "a.json", len(GOOD.body))) as body:
            assert body.read() == GOOD.body
    finally:
        downloads.close()


def test_requests_that_fail_together_are_told_of_once(
    server: ScriptedServer, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "_TELL_AFTER", 0.0)
    server.on("/things", in_turn(*[refusal(500, "server_error", "oops")] * 20, GOOD))
    with ThreadPoolExecutor(5) as threads, caplog.at_level("INFO"):
        assert all(answer.records for answer in threads.map(lambda _: get(api), range(5)))
    told = [record for record in caplog.records if "trying again" in record.getMessage()]
    assert len(told) == 20
    assert [record.levelname for record in told].count("WARNING") == 1


class Lines(logging.Handler):
    """What is told of requests that wait; `enough` is set when there are as many lines as expected."""

    def __init__(self, expected: int = 1) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.enough = threading.Event()
        self._expected = expected

    def emit(self, record: logging.LogRecord) -> None:
        if "still waiting" in record.getMessage():
            self.lines.append(record.getMessage())
            if len(self.lines) >= self._expected:
                self.enough.set()

    def __enter__(self) -> Self:
        logging.getLogger(client.__name__).addHandler(self)
        return self

    def __exit__(self, *exc: object) -> None:
        logging.getLogger(client.__name__).removeHandler(self)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Any wait is long, and told of as soon as it is looked at."""
    monkeypatch.setattr(client, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(client, "LONG", 0.0)
    return monkeypatch


def test_a_server_that_says_nothing_is_told_of_while_it_does(
    server: ScriptedServer, api: Api, impatient: pytest.MonkeyPatch
) -> None:
    """With the path and the seconds, now and then, and never with the token."""
    impatient.setattr(client, "TELL_AGAIN", 0.0)
    path = "/things/" + ",".join(f"ID{number}" for number in range(100))
    with Lines(3) as told:
        server.on("/things/", lambda _: GOOD if told.enough.wait(60) else refusal(403, "nobody_was_told"))
        assert [head.id for head in get(api, path).heads] == ["A"]
    for line in told.lines:
        assert line.startswith("/things/ID0,ID1,")
        assert len(line) < 200
        assert f"no answer from {server.origin.removeprefix('http://')} for 0 s" in line
        assert TOKEN not in line


def test_requests_that_wait_together_are_told_of_by_the_first(
    server: ScriptedServer, api: Api, impatient: pytest.MonkeyPatch
) -> None:
    impatient.setattr(client, "LONG", math.inf)
    impatient.setattr(client, "TELL_AGAIN", math.inf)
    all_there = threading.Barrier(5)
    with Lines() as told:

        def answering(_: Asked) -> Reply:
            if all_there.wait(60) == 0:
                impatient.setattr(client, "LONG", 0.0)
            return GOOD if told.enough.wait(60) else refusal(403, "nobody_was_told")

        server.on("/things/", answering)
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda number: get(api, f"/things/{number}"), range(5)))
    assert len(told.lines) == 1


def test_requests_that_are_answered_soon_are_not_told_of(
    server: ScriptedServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(client, "LONG", 600.0)
    server.on("/things", GOOD)
    with Lines() as told:
        for _ in range(50):
            get(api)
    assert told.lines == []


def test_a_server_that_wants_to_be_left_alone_for_hours_holds_up_nobody(
    server: ScriptedServer, api_at: Callable[[str], Api]
) -> None:
    server.on("/limited", refusal(429, "rate_limit_exceeded", "no", retry_after="36000"))
    server.on("/things", GOOD)
    api = api_at(server.base_url)
    with pytest.raises(Interrupted, match="asks to wait 36000 s"):
        get(api, "/limited")
    assert get(api).records
