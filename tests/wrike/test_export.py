"""The BI export over HTTP: which one is taken, who sees the token, and what is said when there is none."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.wrike.crawling import TOKEN, MakeSource
from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from tests.wrike.test_mock_account import open_source
from wrikebackup_core import Export, Forbidden, Interrupted, SourceError, Unauthorized, resuming
from wrikebackup_core.testing import SourceContract
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan
from wrikebackup_wrike import export
from wrikebackup_wrike.download import in_domain
from wrikebackup_wrike.source import WrikeSource

CSV = b"user_id,name\n" + b"".join(b"%d,person\n" % number for number in range(2000))
SCHEMA = [{"id": "user", "columns": [{"id": "user_id", "dataType": "Number"}, {"id": "name", "dataType": "String"}]}]
BYTES = {"content-type": "text/csv"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(export, "_FIRST_WAIT", 0.001)


def head(url: str, **more: Any) -> dict[str, Any]:
    resources = [{"name": "user", "url": url}]
    return {"id": "E1", "completedDate": "2026-10-01T03:00:00Z", "status": "Completed", "resources": resources} | more


def offer(server: ScriptedServer, url: str) -> None:
    server.on("/account", envelope([{"id": "IEAAAEDY", "name": "Acme"}]))
    server.on("/data_export", envelope([head(url)]))
    server.on("/data_export_schema", envelope(SCHEMA))


def fetched(found: Export) -> bytes:
    (table,) = found.tables
    with table.open(0) as reader:
        return reader.read()


class TestTheContract(SourceContract):
    @pytest.fixture
    def source(self) -> Any:
        with MockServer(MockAccount(tasks=20)) as server:
            server.exports.renew()
            source = open_source(server)
            yield source
            source.close()


@pytest.mark.parametrize(
    "said", ["2026-10-01T03:00:00Z", "2026-10-01T03:00:00.000Z", "2026-10-01T05:00:00+02:00", "2026-10-01T03:00:00"]
)
def test_when_an_export_was_completed_is_read_however_it_is_written(
    said: str, server: ScriptedServer, make_source: MakeSource
) -> None:
    offer(server, server.base_url + "/user.csv")
    server.on("/data_export", envelope([head(server.base_url + "/user.csv", completedDate=said)]))
    assert make_source().export().completed == datetime(2026, 10, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "home", "seen"),
    [
        ("www.wrike.com", "www.wrike.com", True),
        ("storage.www.wrike.com", "www.wrike.com", True),
        ("storage-gcp.www.wrike.com", "app-eu.wrike.com", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", False),
        ("storage.example.com", "www.wrike.com", False),
        ("wrike.com.example.org", "www.wrike.com", False),
        ("evilwrike.com", "www.wrike.com", False),
        ("storage.proxy.example.com", "proxy.example.com", True),
        ("other.example.com", "proxy.example.com", False),
        ("storage.www.wrike.com", "proxy.example.com", False),
    ],
)
def test_only_the_apis_own_host_and_domain_may_see_the_token(host: str, home: str, seen: bool) -> None:
    assert in_domain(host, home) is seen


def test_a_table_at_another_host_is_not_fetched_and_its_host_sees_no_token(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    with ScriptedServer() as stranger:
        stranger.on("/table", Reply(CSV, headers=BYTES))
        offer(server, stranger.base_url.replace("127.0.0.1", "localhost") + "/table")
        with pytest.raises(SourceError, match=re.escape("table user lies at localhost")):
            fetched(make_source().export())
        assert stranger.asked == []


def test_the_token_goes_to_the_storage_host_and_not_along_a_redirect(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    with ScriptedServer() as storage, ScriptedServer() as stranger:
        stranger.on("/table", Reply(CSV, headers=BYTES))
        storage.on("/table", Reply(b"", 302, {"location": stranger.base_url + "/table"}))
        offer(server, storage.base_url + "/table")
        assert fetched(make_source().export()) == CSV
        assert storage.asked[0].headers["authorization"] == f"bearer {TOKEN}"
        assert "authorization" not in stranger.asked[0].headers


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "nonsense", "http://[::1/x", "//127.0.0.1/x"])
def test_an_address_that_is_none_is_told(server: ScriptedServer, make_source: MakeSource, url: str) -> None:
    offer(server, url)
    with pytest.raises(SourceError, match="table user: its address is none"):
        fetched(make_source().export())


def test_over_https_no_table_is_fetched_over_http(make_source: MakeSource) -> None:
    source = make_source("https://127.0.0.1:1/api/v4")
    from wrikebackup_wrike.download import TableFile

    with pytest.raises(SourceError, match="over http only"):
        source._downloads.open_table(TableFile("user", "http://127.0.0.1:1/x"))


def test_the_server_notes_no_token_at_a_host_of_another_name() -> None:
    with MockServer(MockAccount(tasks=20), plan=Plan(export_host="localhost")) as server:
        server.exports.renew()
        source = open_source(server)
        for table in source.export().tables:
            with pytest.raises(SourceError, match="the token is not sent there"):
                table.open(0)
        assert server.leaks == []
        source.close()


def test_an_expired_token_is_renewed_at_the_storage_host_too(server: ScriptedServer, make_source: MakeSource) -> None:
    class Renewing:
        def __init__(self) -> None:
            self.now = "old"

        def current(self) -> str:
            return self.now

        def renew(self, stale: str) -> str:
            self.now = "new"
            return self.now

    def answer(asked: Asked) -> Reply:
        fresh = asked.headers["authorization"] == "bearer new"
        return Reply(CSV, headers=BYTES) if fresh else refusal(401, "not_authorized")

    offer(server, server.base_url + "/table")
    server.on("/table", answer)
    source: WrikeSource = make_source()
    source._downloads._tokens = Renewing()
    assert fetched(source.export()) == CSV


def test_a_token_that_nobody_accepts_is_told(server: ScriptedServer, make_source: MakeSource) -> None:
    offer(server, server.base_url + "/table")
    server.on("/table", refusal(401, "not_authorized"))
    with pytest.raises(Unauthorized):
        fetched(make_source().export())


def test_the_newest_schema_that_the_server_knows_is_read(server: ScriptedServer, make_source: MakeSource) -> None:
    asked: list[str] = []

    def answer(request: Asked) -> Reply:
        asked.append(request.query["version"])
        return envelope(SCHEMA) if request.query["version"] == "V2" else refusal(400, "invalid_parameter")

    offer(server, server.base_url + "/table")
    server.on("/data_export_schema", answer)
    found = make_source().export()
    assert asked == ["V4", "V3", "V2"]
    assert found.schema_version == "V2"
    assert json.loads(found.schema) == SCHEMA
    assert [(column.name, column.data_type) for column in found.tables[0].columns or ()] == [
        ("user_id", "Number"),
        ("name", "String"),
    ]


def test_no_schema_at_all_is_told(server: ScriptedServer, make_source: MakeSource) -> None:
    offer(server, server.base_url + "/table")
    server.on("/data_export_schema", refusal(400, "invalid_parameter"))
    with pytest.raises(SourceError, match="the schema of the BI export cannot be read"):
        make_source().export()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"kind":"dataExport","data":[]}'])
def test_the_first_202_need_say_nothing(server: ScriptedServer, make_source: MakeSource, body: bytes) -> None:
    offer(server, server.base_url + "/table")
    answers = [Reply(body, 202), Reply(body, 202), envelope([head(server.base_url + "/table")])]
    server.on("/data_export", lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
    assert make_source().export().edition == "E1@2026-10-01T03:00:00Z"


def test_an_export_that_does_not_come_is_not_waited_for_longer_than_said(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    offer(server, server.base_url + "/table")
    server.on("/data_export", Reply(b"", 202))
    with pytest.raises(Interrupted, match="not ready in time"):
        make_source().export(wait=timedelta(milliseconds=20))


@pytest.mark.parametrize("account", ["4217", "IEAAAEDZ", "x"])
def test_addresses_of_another_account_are_told(server: ScriptedServer, make_source: MakeSource, account: str) -> None:
    offer(server, f"{server.base_url}/table?accountId={account}")
    with pytest.raises(SourceError, match="another account"):
        make_source().export()


@pytest.mark.parametrize("account", ["4216", "IEAAAEDY"])
def test_addresses_of_this_account_are_taken(server: ScriptedServer, make_source: MakeSource, account: str) -> None:
    offer(server, f"{server.base_url}/table?accountId={account}")
    server.on("/table", Reply(CSV, headers=BYTES))
    assert fetched(make_source().export()) == CSV


def test_a_missing_right_is_named(server: ScriptedServer, make_source: MakeSource) -> None:
    offer(server, server.base_url + "/table")
    server.on("/data_export", refusal(403, "access_forbidden"))
    for ask in (WrikeSource.export, WrikeSource.export_edition):
        with pytest.raises(Forbidden) as caught:
            ask(make_source())
        assert "Export account data" in str(caught.value.hint)
        assert "dataExportFull" in str(caught.value.hint)


def test_what_was_begun_is_gone_on_with_only_if_it_is_still_the_same(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    """The second answer is of another length: no byte of it is put behind the first one's."""
    other = CSV + b"2000,more\n"
    bodies = [CSV, other]

    def answer(asked: Asked) -> Reply:
        match = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        if match is None:
            return Reply(bodies.pop(0), headers={**BYTES, "etag": '"one"'}, cut=10_000)
        assert asked.headers["if-range"] == '"one"'
        start = int(match[1])
        span = f"bytes {start}-{len(other) - 1}/{len(other)}"
        return Reply(other[start:], 206, {**BYTES, "content-range": span})

    offer(server, server.base_url + "/table")
    server.on("/table", answer)
    (table,) = make_source().export().tables
    with pytest.raises(Interrupted, match="by the first answer"):
        b"".join(resuming.read_whole(table.open, "table user"))


def test_an_error_page_is_no_table(server: ScriptedServer, make_source: MakeSource) -> None:
    offer(server, server.base_url + "/table")
    server.on("/table", Reply(b"<html>", headers={"content-type": "text/html"}))
    with pytest.raises(Interrupted, match="sends a page of text/html"):
        fetched(make_source().export())
