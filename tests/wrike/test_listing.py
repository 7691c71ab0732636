"""Lists of the whole account: pages, fields, and the API's known traps."""

from __future__ import annotations

import json
import logging

import pytest

from tests.wrike.crawling import BY_TASK, LISTS, MakeSource, ids, known, read
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
    pages = read(source, Kind.TASKS, LISTS, known(), '{"token":"stale"}')
    assert ids(pages) == ["T1"]
    assert [(gap.kind, gap.id) for page in pages for gap in page.gaps] == [("tasks", "pages")]
    assert server.count("/tasks") == 3 + 3


@pytest.mark.parametrize("total", [10, 20])
def test_a_last_page_whose_token_is_refused_is_the_end_where_nothing_is_missing(
    server: ScriptedServer, make_source: MakeSource, total: int
) -> None:
    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get("nextPageToken", "0"))
        if start >= total:
            return refusal(400, "invalid_request", "bad token")
        records = [{"id": f"T{n}"} for n in range(start, start + 10)]
        return envelope(records, nextPageToken=str(start + 10), responseSize=total)

    server.on("/tasks", answer)
    pages = read(make_source(), Kind.TASKS, LISTS, known())
    assert set(ids(pages)) == {f"T{n}" for n in range(total)}
    assert not any(page.gaps for page in pages)


def test_a_list_that_leads_in_circles_is_a_gap(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/tasks", envelope([{"id": "T1"}], nextPageToken="again"))
    pages = read(make_source(), Kind.TASKS, LISTS, known())
    assert set(ids(pages)) == {"T1"}
    assert [gap.reason for page in pages for gap in page.gaps] == [
        "/tasks: the API gives the same page token twice: the rest of the list is missing"
    ]


def test_what_a_deletion_moves_to_an_earlier_page_is_read_all_the_same(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    tasks = [f"T{n}" for n in range(45)]

    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get("nextPageToken", "0"))
        if start == 20:
            tasks[:] = [id_ for id_ in tasks if id_ not in ("T3", "T4")]
        more = {"nextPageToken": str(start + 10)} if start + 10 < len(tasks) else {}
        return envelope([{"id": id_} for id_ in tasks[start : start + 10]], responseSize=len(tasks), **more)

    server.on("/tasks", answer)
    assert set(ids(read(make_source(), Kind.TASKS, LISTS, known()))) == {f"T{n}" for n in range(45)}
    assert server.count("/tasks") == 5 + 1


def test_totals_of_single_pages_cost_no_request(server: ScriptedServer, make_source: MakeSource) -> None:
    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get("nextPageToken", "0"))
        records = [{"id": f"T{n}"} for n in range(start, min(25, start + 10))]
        return envelope(
            records, responseSize=len(records), **({"nextPageToken": str(start + 10)} if start < 20 else {})
        )

    server.on("/tasks", answer)
    assert len(ids(read(make_source(), Kind.TASKS, LISTS, known()))) == 25
    assert server.count("/tasks") == 3


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


def test_a_field_that_is_refused_without_a_word_about_it_is_left_out(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    strict(server, "/tasks", {"recurrent"}, "Bad Request")
    assert ids(read(make_source(), Kind.TASKS, LISTS, known())) == ["T1"]
    asked = json.loads(server.queries("/tasks")[-1]["fields"])
    assert set(LISTINGS[Kind.TASKS][0].fields) - set(asked) == {"recurrent"}


def without(server: ScriptedServer, path: str, parameter: str, words: str = "Parameter '{}' is not allowed") -> None:
    def answer(asked: Asked) -> Reply:
        if parameter in asked.query:
            return refusal(400, "invalid_request", words.format(parameter))
        return envelope([{"id": "T1"}])

    server.on(path, answer)


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        (Kind.GROUPS, "pageSize"),
        (Kind.APPROVALS, "pageSize"),
        (Kind.TASKS, "subTasks"),
        (Kind.TASKS, "sortOrder"),
        (Kind.FOLDERS, "deleted"),
        (Kind.CONTACTS, "types"),
    ],
)
@pytest.mark.parametrize("words", ["Parameter '{}' is not allowed", "Unknown parameter {}"])
def test_the_list_does_without_a_parameter_that_the_api_does_not_take(
    server: ScriptedServer, make_source: MakeSource, kind: Kind, parameter: str, words: str
) -> None:
    without(server, f"/{kind}", parameter, words)
    pages = read(make_source(), kind, LISTS, known())
    assert set(ids(pages)) == {"T1"}
    assert not any(page.gaps for page in pages)


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [(Kind.CONTACTS, "deleted"), (Kind.SPACES, "withArchived"), (Kind.CUSTOM_ITEM_TYPES, "withDeleted")],
)
def test_what_may_be_missing_for_want_of_a_parameter_is_a_gap(
    server: ScriptedServer, make_source: MakeSource, kind: Kind, parameter: str
) -> None:
    without(server, f"/{kind}", parameter)
    pages = read(make_source(), kind, LISTS, known())
    assert set(ids(pages)) == {"T1"}
    assert [(gap.kind, gap.id) for page in pages for gap in page.gaps] == [(kind, parameter)]


def test_smaller_pages_are_asked_for_where_large_ones_are_refused(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    def answer(asked: Asked) -> Reply:
        if int(asked.query["pageSize"]) > 100:
            return refusal(400, "invalid_parameter", "Parameter 'pageSize' value is invalid")
        return envelope([{"id": "T1"}])

    server.on("/tasks", answer)
    pages = read(make_source(), Kind.TASKS, LISTS, known())
    assert ids(pages) == ["T1"]
    assert not any(page.gaps for page in pages)


@pytest.mark.parametrize("kind", [Kind.AUDIT_LOG, Kind.TASKS])
@pytest.mark.parametrize(
    "reply",
    [
        refusal(400, "invalid_request", "not with this token"),
        refusal(404, "resource_not_found", "no such thing"),
        refusal(405, "invalid_request", "no"),
        refusal(501, "server_error", "not yet"),
    ],
)
def test_a_kind_that_the_api_does_not_give_is_forbidden_and_ends_no_run(
    server: ScriptedServer, make_source: MakeSource, kind: Kind, reply: Reply
) -> None:
    server.on(f"/{kind}", reply)
    with pytest.raises(Forbidden, match=kind):
        read(make_source(), kind, LISTS, known())


@pytest.mark.parametrize("reply", [refusal(500, "server_error"), Reply(b"<html>gone</html>", 404)])
def test_a_server_in_trouble_with_one_kind_ends_the_run_only_where_the_archive_needs_it(
    server: ScriptedServer, make_source: MakeSource, reply: Reply
) -> None:
    server.on("/audit_log", reply)
    server.on("/tasks", reply)
    with pytest.raises(Forbidden, match="audit_log"):
        read(make_source(retry=0.1), Kind.AUDIT_LOG, LISTS, known())
    with pytest.raises(SourceError) as caught:
        read(make_source(retry=0.1), Kind.TASKS, LISTS, known())
    assert not isinstance(caught.value, Forbidden)


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


def test_a_null_beside_it_keeps_no_dependency_from_being_read(server: ScriptedServer, make_source: MakeSource) -> None:
    task = {"id": "T1", "customFields": 7, "parentIds": None, "superTaskIds": None, "dependencyIds": ["D1"]}
    server.on("/tasks", envelope([task]))
    server.on("/dependencies/D1", envelope([{"id": "D1"}]))
    source, crawled = make_source(), known()
    read(source, Kind.TASKS, LISTS, crawled)
    assert ids(read(source, Kind.DEPENDENCIES, BY_TASK, crawled)) == ["D1"]
