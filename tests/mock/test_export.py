"""The BI export that the mock server makes: asked for, waited for, refreshed at most hourly, its tables for the token only."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import httpx
import pytest

from wrikebackup_core import Kind
from wrikebackup_mock import hidden
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.bi_export import Repeated
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan

TOKEN = {"Authorization": "bearer mock-token"}


def _ask(server: MockServer, path: str = "/data_export", method: str = "GET") -> httpx.Response:
    return httpx.request(method, server.base_url + path, headers=TOKEN)


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def _table(server: MockServer, name: str, **headers: str) -> httpx.Response:
    (export,) = _ask(server).json()["data"]
    (url,) = [each["url"] for each in export["resources"] if each["name"] == name]
    return httpx.get(url, headers=TOKEN | headers)


def test_the_first_answer_is_202_and_the_export_is_there_after_so_many_more() -> None:
    with MockServer(MockAccount()) as server:
        server.exports.polls = 2
        answers = [_ask(server) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 200]
        told = [answer.json()["data"][0]["status"] for answer in answers]
        assert told == ["Scheduled", "InProgress", "InProgress", "Completed"]


def test_another_export_is_made_at_most_once_an_hour() -> None:
    with MockServer(MockAccount()) as server:
        first = server.exports.renew()
        early = _ask(server, method="POST")
        assert (early.status_code, early.json()["data"][0]["id"]) == (200, first.id)
        server.exports.age(3601)
        late = _ask(server, method="POST")
        assert (late.status_code, late.json()["data"][0]["status"]) == (202, "Scheduled")
        assert _ask(server).json()["data"][0]["id"] == first.id, "the latest finished one stays until the next is there"
        _ask(server, f"/data_export/{late.json()['data'][0]['id']}")
        assert _ask(server).json()["data"][0]["id"] == late.json()["data"][0]["id"]


def test_tables_are_csv_with_the_schemas_columns_and_take_the_token_and_ranges() -> None:
    with MockServer(MockAccount()) as server:
        server.exports.renew()
        tables = {
            each["id"]: [c["id"] for c in each["columns"]]
            for each in _ask(server, "/data_export_schema").json()["data"]
        }
        for name, columns in tables.items():
            answer = _table(server, name)
            assert next(csv.reader(io.StringIO(answer.text))) == columns
            assert _table(server, name, Range="bytes=10-").content == answer.content[10:]
            assert httpx.get(answer.url).status_code == 401
        account = server.account
        assert {row["attachment_file_api_id"] for row in _rows(_table(server, "attachment_file").content)} >= {
            found for found, _, _ in account.files(versions=True)
        }
        assert len(_rows(_table(server, "work_item").content)) == account.count(
            Kind.TASKS, trashed=False
        ) + account.count(Kind.FOLDERS, trashed=False)


def test_hidden_spaces_are_in_the_export_with_their_owners_and_in_no_list() -> None:
    plain, account = MockAccount(), MockAccount(hidden_spaces=2)
    for kind in Kind:
        assert list(plain.records(kind)) == list(account.records(kind))
    found = hidden.hidden(account)
    with MockServer(account) as server:
        server.exports.renew()
        items = {row["work_id"]: row for row in _rows(_table(server, "work_item").content)}
        assert [items[str(space)]["work_title"] for space in found.spaces] == ["Secret space 1", "Secret space 2"]
        owners = [account.ids.person(int(items[str(space)]["author_user_id"])) for space in found.spaces]
        assert owners == found.owners
        assert len(set(owners)) == 2


def test_a_table_of_any_size_can_be_put_in_the_place_of_one() -> None:
    table = Repeated(b"a,b\n", b"1,2\n3,4\n", 5)
    whole = b"a,b\n" + b"1,2\n3,4\n" * 5
    for start in range(len(whole)):
        for stop in range(start, len(whole) + 1):
            assert b"".join(table.pieces(start, stop)) == whole[start:stop]
    with MockServer(MockAccount()) as server:
        server.exports.extra["big"] = table
        server.exports.renew()
        assert _table(server, "big").content == whole


@pytest.mark.parametrize(
    ("fault", "holds"),
    [
        ("export-unsafe", lambda server: _ask(server).json()["data"][0]["resources"][0]["name"] == "../x"),
        ("export-header:path=/user", lambda server: _table(server, "user").content.startswith(b"user_no,")),
        ("export-torn:path=/user", lambda server: not _table(server, "user").content.endswith(b"\n")),
        ("export-anew:times=1", lambda server: _table(server, "user") and server.exports.newest().number == 2),
    ],
)
def test_faults_of_exports_strike(fault: str, holds: Callable[[MockServer], bool]) -> None:
    with MockServer(MockAccount(), faults=[fault]) as server:
        server.exports.renew()
        assert holds(server)


def test_a_plan_may_have_no_export_and_control_steers_one() -> None:
    with MockServer(MockAccount(), plan=Plan(forbidden=frozenset({"data_export"})), control=True) as server:
        assert _ask(server).status_code == 403
        steered = httpx.post(f"{server.origin}/__mock__/data_export", json={"renew": True, "age": 90_000, "polls": 7})
        assert steered.status_code == 200
        assert (server.exports.polls, server.exports.too_early()) == (7, False)
