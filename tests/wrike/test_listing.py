"""Lists of the whole account: pages, fields, and the API's known traps."""

from __future__ import annotations

import json
import logging

import pytest

from tests.wrike.crawling import LISTS, MakeSource, ids, known, read
from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Forbidden, Kind, SourceError
from wrikebackup_wrike.crawl.queries import LISTINGS


def listing(server: ScriptedServer, path: str, total: int, size: int, *, token: str = "nextPageToken") -> None:
    """Pages of `size` with offset tokens, the fields asked for on every page."""

    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get(token, "0"))
        fields = json.loads(asked.query.get("fields", "[]"))
        records = [{"id": f"T{n}", **dict.fromkeys(fields, n)} for n in range(start, min(total, start + size))]
        more = {"nextPageToken": str(start + size)} if start + size < total else {}
        return envelope(records, responseSize=total, **more)

    server.on(path, answer)


def test_all_pages_are_read_with_all_fields_on_each(server: ScriptedServer, make_source: MakeSource) -> None:
    listing(server, "/timelogs", 25, 10)
    pages = read(make_source(), Kind.TIMELOGS, LISTS, known())
    assert ids(pages) == [f"T{n}" for n in range(25)]
    assert all("lockStatus" in json.loads(record) for page in pages for record in page.records)
    assert [page.total for page in pages] == [25, 25, 25]
    assert {query["pageSize"] for query in server.queries("/timelogs")} == {"1000"}
    assert server.count("/timelogs") == 3


def test_groups_take_their_token_under_another_name(server: ScriptedServer, make_source: MakeSource) -> None:
    listing(server, "/groups", 25, 10, token="pageToken")
    assert len(ids(read(make_source(), Kind.GROUPS, LISTS, known()))) == 25
    assert "nextPageToken" not in server.queries("/groups")[-1]


def test_the_token_of_an_empty_page_is_not_sent_back(server: ScriptedServer, make_source: MakeSource) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.query.get("nextPageToken") == "empty":
            return refusal(400, "invalid_parameter", "Parameter 'nextPageToken' value is invalid")
        if "nextPageToken" in asked.query:
            return envelope([], nextPageToken="empty")
        return envelope([{"id": "T1"}], nextPageToken="last")

    server.on("/tasks", answer)
    assert ids(read(make_source(), Kind.TASKS, LISTS, known())) == ["T1"]
    assert server.count("/tasks") == 2


def test_a_token_that_went_stale_starts_the_list_over_once(server: ScriptedServer, make_source: MakeSource) -> None:
    good = {"fresh"}

    def answer(asked: Asked) -> Reply:
        token = asked.query.get("nextPageToken")
        if token is None:
            return envelope([{"id": "T1"}], nextPageToken="fresh")
        return envelope([{"id": "T2"}]) if token in good else refusal(400, "invalid_request", "bad token")

    server.on("/tasks", answer)
    source = make_source()
    assert ids(read(source, Kind.TASKS, LISTS, known(), '{"token":"stale"}')) == ["T1", "T2"]
    good.clear()
    with pytest.raises(SourceError, match="bad token"):
        read(source, Kind.TASKS, LISTS, known(), '{"token":"stale"}')
    assert server.count("/tasks") == 3 + 3


def test_a_list_that_leads_in_circles_is_an_error(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/tasks", envelope([{"id": "T1"}], nextPageToken="again"))
    with pytest.raises(SourceError, match="same page token twice"):
        read(make_source(), Kind.TASKS, LISTS, known())


def test_folders_are_asked_for_whole_and_without_the_recycle_bin(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    listing(server, "/folders", 3, 10)
    read(make_source(), Kind.FOLDERS, LISTS, known())
    (query,) = server.queries("/folders")
    assert query["deleted"] == "false"
    assert query["updatedDate"] == '{"start":"1970-01-01T00:00:00Z"}'
    assert "description" in json.loads(query["fields"])
    assert " " not in query["fields"]


def test_tasks_come_with_subtasks_and_oldest_first(server: ScriptedServer, make_source: MakeSource) -> None:
    listing(server, "/tasks", 3, 10)
    read(make_source(), Kind.TASKS, LISTS, known())
    (query,) = server.queries("/tasks")
    assert (query["subTasks"], query["sortField"], query["sortOrder"]) == ("true", "CreatedDate", "Asc")
    assert "deleted" not in query


def test_deleted_people_are_asked_for_too(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/contacts", lambda asked: envelope([{"id": "GONE" if asked.query.get("deleted") else "HERE"}]))
    assert ids(read(make_source(), Kind.CONTACTS, LISTS, known())) == ["HERE", "GONE"]


def test_the_account_is_asked_for_once(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/account", envelope([{"id": "IEAAAAAA", "name": "Acme"}]))
    source = make_source()
    assert source.account().name == "Acme"
    assert ids(read(source, Kind.ACCOUNT, LISTS, known())) == ["IEAAAAAA"]
    assert server.count("/account") == 1


def strict(server: ScriptedServer, path: str, refused: set[str], words: str) -> None:
    def answer(asked: Asked) -> Reply:
        bad = [name for name in json.loads(asked.query.get("fields", "[]")) if name in refused]
        if bad:
            return refusal(400, "invalid_parameter", words.format(bad[0]))
        return envelope([{"id": "T1"}])

    server.on(path, answer)


@pytest.mark.parametrize(
    "words", ["Parameter 'fields' has an unknown value '{}'", "unknown field {}", "Parameter 'fields' value is invalid"]
)
def test_a_field_that_the_api_no_longer_knows_is_left_out_with_a_warning(
    server: ScriptedServer, make_source: MakeSource, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    strict(server, "/tasks", {"recurrent", "workScheduleId"}, words)
    with caplog.at_level(logging.WARNING):
        assert ids(read(make_source(), Kind.TASKS, LISTS, known())) == ["T1"]
    asked = json.loads(server.queries("/tasks")[-1]["fields"])
    assert set(LISTINGS[Kind.TASKS][0].fields) - set(asked) == {"recurrent", "workScheduleId"}
    assert "recurrent" in caplog.text
    assert "/tasks" in caplog.text


def test_words_that_list_what_is_allowed_do_not_drop_it(server: ScriptedServer, make_source: MakeSource) -> None:
    allowed = ", ".join(name for name in LISTINGS[Kind.TASKS][0].fields if name != "recurrent")
    strict(server, "/tasks", {"recurrent"}, f"unknown value in fields, must be one of: {allowed}")
    read(make_source(), Kind.TASKS, LISTS, known())
    asked = json.loads(server.queries("/tasks")[-1]["fields"])
    assert set(LISTINGS[Kind.TASKS][0].fields) - set(asked) == {"recurrent"}


def test_a_refusal_of_anything_else_ends_the_list(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/tasks", refusal(400, "invalid_request", "Parameter 'subTasks' is not allowed"))
    with pytest.raises(SourceError, match="subTasks"):
        read(make_source(), Kind.TASKS, LISTS, known())
    assert server.count("/tasks") == 1


def test_fields_that_need_rights_are_left_out_where_they_are_the_reason(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    def answer(asked: Asked) -> Reply:
        if "currentBillRate" in asked.query["fields"]:
            return refusal(403, "not_allowed", "no financial data for this user")
        return envelope([{"id": "K1"}])

    server.on("/contacts", answer)
    assert set(ids(read(make_source(), Kind.CONTACTS, LISTS, known()))) == {"K1"}
    assert server.count("/contacts") == 3


@pytest.mark.parametrize(
    "reply", [refusal(403, "not_allowed", "your plan"), refusal(404, "method_not_found", "no such")]
)
def test_a_kind_that_is_refused_is_forbidden_with_its_right_named(
    server: ScriptedServer, make_source: MakeSource, reply: Reply
) -> None:
    server.on("/audit_log", reply)
    with pytest.raises(Forbidden, match="audit_log") as caught:
        read(make_source(), Kind.AUDIT_LOG, LISTS, known())
    assert "skip:" in (caught.value.hint or "")
    if reply.status == 403:
        assert "amReadOnlyAuditLog" in (caught.value.hint or "")


def test_a_record_with_an_unfamiliar_field_is_still_taken(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/tasks", envelope([{"id": "T1", "customFields": {"new": "shape"}, "parentIds": None}]))
    assert ids(read(make_source(), Kind.TASKS, LISTS, known())) == ["T1"]
