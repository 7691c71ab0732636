"""Each request leaves a line for -vv, and whatever an answer causes says which request it was: Wrike's support asks for that."""

from __future__ import annotations

import logging
import threading

import pytest

from tests.wrike.crawling import TOKEN
from tests.wrike.scripted import Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Attachment, Gap, SourceError
from wrikebackup_core.cli.summary import gap_lines
from wrikebackup_wrike.answer import Named
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.download import Downloads
from wrikebackup_wrike.oauth import redeem
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.refusals import request_id
from wrikebackup_wrike.tokens import PermanentToken

ID = {"wrike-response-id": "5e884898da28", "traceid": "another"}
SAID = "(request id 5e884898da28)"


def with_id(reply: Reply) -> Reply:
    return Reply(reply.body, reply.status, {**reply.headers, **ID}, reply.cut, reply.chunked)


def requests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if getattr(record, "event", None) == "request"]


@pytest.fixture(autouse=True)
def _debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "wrikebackup_wrike")


def test_each_request_is_logged_with_what_came_of_it(
    server: ScriptedServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([refusal(503, "server_error"), with_id(envelope([{"id": "A"}]))])
    server.on("/things", lambda _: next(answers))
    api.get("/things", {"nextPageToken": "key-to-a-page"}, Named)
    first, second = (vars(record) for record in requests(caplog))
    assert (first["method"], first["path"], first["status"], first["attempt"]) == ("GET", "/things", 503, 1)
    assert (second["status"], second["attempt"], second["request_id"]) == (200, 2, "5e884898da28")
    assert 0 <= second["seconds"] < 60
    assert SAID in caplog.text
    assert "key-to-a-page" not in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        refusal(400, "invalid_parameter"),
        refusal(401, "not_authorized"),
        refusal(403, "access_forbidden"),
        refusal(404, "resource_not_found"),
        refusal(503, "server_error"),
        Reply(b"<html>", 502),
        Reply(b"<html>", 200),
        Reply(b"", 302, {"location": "https://elsewhere.example"}),
    ],
    ids=lambda reply: str(reply.status),
)
def test_an_error_names_the_request(server: ScriptedServer, reply: Reply) -> None:
    stop = threading.Event()
    api = Api(server.base_url, PermanentToken(TOKEN), Pace(None, wait=stop.wait), stop=stop, retry_seconds=0)
    server.on("/things", with_id(reply))
    with pytest.raises(SourceError) as caught:
        api.get("/things", {}, Named)
    api.close()
    assert str(caught.value).count(SAID) == 1
    assert caught.value.message == str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [refusal(403, "access_forbidden"), refusal(401, "not_authorized"), Reply(b"too long for it", 200)],
    ids=["forbidden", "unauthorized", "of another size"],
)
def test_so_does_that_of_a_download(server: ScriptedServer, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    downloads = Downloads(server.base_url, PermanentToken(TOKEN), Pace(None, wait=threading.Event().wait))
    server.on("/attachments/X/download", with_id(reply))
    with pytest.raises(SourceError) as caught:
        downloads.open(Attachment("X", "x.bin", 3))
    downloads.close()
    assert SAID in str(caught.value)
    (record,) = requests(caplog)
    assert vars(record)["path"] == "/attachments/X/download"


def test_so_does_that_of_a_login(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    server.on("/token", with_id(refusal(400, "invalid_grant")))
    with pytest.raises(SourceError, match="request id 5e884898da28"):
        redeem(server.origin, "id", "client-secret-7", "code-7777", "http://localhost/callback")
    assert "client-secret-7" not in caplog.text
    assert "code-7777" not in caplog.text


def test_a_redirect_to_a_store_is_logged_without_its_address(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer() as store:
        store.on("/file", Reply(b"abc"))
        place = f"{store.origin.replace('127.0.0.1', 'localhost')}/file?signature=key-by-itself"
        server.on("/attachments/X/download", Reply(b"", 302, {"location": place}))
        downloads = Downloads(server.base_url, PermanentToken(TOKEN), Pace(None, wait=threading.Event().wait))
        downloads.open(Attachment("X", "x.bin", 3)).close()
        downloads.close()
    assert [vars(record)["path"] for record in requests(caplog)][1:] == ["/attachments/X/download at localhost"]
    assert "key-by-itself" not in caplog.text


@pytest.mark.parametrize("text", ["", "with a space", "x" * 101, "\x1b[31m", "ü"])
def test_what_is_no_id_is_not_taken_for_one(text: str) -> None:
    assert request_id({"wrike-response-id": text, "cf-ray": "8a-FRA"}) == "8a-FRA"
    assert request_id({"traceid": text}) is None


def test_gaps_that_differ_by_their_requests_alone_are_told_together() -> None:
    gaps = [Gap("tasks", name, f"/tasks/{name[:0]}: no (request id {name * 3})") for name in ("A", "B")]
    assert len(gap_lines(gaps)) == 1
    assert len(gap_lines([*gaps, Gap("tasks", "C", "no")])) == 2
