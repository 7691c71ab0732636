"""Comments and attachments: windows of time, caps that nobody announces, and item by item where the whole is refused."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from tests.wrike.crawling import BY_TASK, LISTS, MakeSource, ids, known, read
from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Forbidden, Kind
from wrikebackup_core.testing import MemoryCrawled
from wrikebackup_wrike.crawl.windows import instant, seconds
from wrikebackup_wrike.source import WrikeSource

DAY = 86_400
NOW = int(time.time())
START = NOW - 100 * DAY
ACCOUNT = {"id": "IEAAAAAA", "createdDate": instant(START), "joinedDate": instant(START + DAY)}


def asked_range(asked: Asked) -> tuple[int, int]:
    dates = json.loads(asked.query["createdDate"])
    start, end = seconds(dates["start"]), seconds(dates["end"])
    assert start is not None
    assert end is not None
    assert dates["start"].endswith("Z")
    return start, end


class Comments:
    """`/comments` by the reference: at most `longest` seconds, at most `cap` records however large the limit."""

    def __init__(self, times: list[int], *, cap: int = 10**9, longest: int = 7 * DAY, most_limit: int = 10**9) -> None:
        self.records = [
            {"id": f"C{number}", "text": "x", "createdDate": instant(at)} for number, at in enumerate(times)
        ]
        self.times, self.cap, self.longest, self.most_limit = times, cap, longest, most_limit

    def __call__(self, asked: Asked) -> Reply:
        if set(asked.query) - {"createdDate", "types", "limit", "fields", "plainText", "updatedDate"}:
            return refusal(400, "invalid_request", "Parameter is not allowed")
        start, end = asked_range(asked)
        if not start < end <= start + self.longest:
            return refusal(400, "invalid_parameter", "Parameter 'createdDate' value is invalid")
        limit = int(asked.query.get("limit", "1000"))
        if limit > self.most_limit:
            return refusal(400, "invalid_parameter", "no such value")
        found = [record for record, at in zip(self.records, self.times, strict=True) if start <= at < end]
        return envelope(found[: min(limit, self.cap)])


def crawled(account: dict[str, Any] = ACCOUNT) -> MemoryCrawled:
    return known(account=[account], spaces=[{"id": "SP"}])


def windows(server: ScriptedServer, path: str = "/comments") -> list[tuple[int, int]]:
    return sorted(asked_range(asked) for asked in server.asked if asked.path == path)


def test_every_week_since_the_account_began_is_asked_for_once(server: ScriptedServer, make_source: MakeSource) -> None:
    times = [START, START + DAY, NOW - 1, NOW]
    server.on("/comments", Comments(times))
    assert sorted(ids(read(make_source(), Kind.COMMENTS, BY_TASK, crawled()))) == ["C0", "C1", "C2", "C3"]
    asked = windows(server)
    assert asked[0][0] == START
    assert asked[-1][1] > NOW
    assert len(asked) == 15
    assert all(one[1] == other[0] for one, other in pairwise(asked))


def test_what_is_older_than_the_account_is_asked_for_too(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/comments", Comments([START - 30 * DAY]))
    before = crawled()
    for kind, id_ in ((Kind.TASKS, "T1"), (Kind.FOLDERS, "F1")):
        before.add(kind, [json.dumps({"id": id_, "createdDate": instant(START - 31 * DAY)}).encode()])  # type: ignore[list-item]
    assert ids(read(make_source(), Kind.COMMENTS, BY_TASK, before)) == ["C0"]


def test_mails_are_comments_and_types_are_asked_for(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/comments", Comments([]))
    read(make_source(), Kind.COMMENTS, BY_TASK, crawled())
    query = server.queries("/comments")[0]
    assert query["types"] == '["Regular","Email"]'
    assert query["fields"] == '["type"]'
    assert "plainText" not in query


def test_an_account_with_a_nonsense_date_does_not_cost_a_century_of_requests(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/attachments", envelope([]))
    read(make_source(), Kind.ATTACHMENTS, BY_TASK, crawled({**ACCOUNT, "createdDate": "1601-01-01T00:00:00Z"}))
    assert server.count("/attachments") < 500


@pytest.mark.parametrize("cap", [1000, 500, 100])
def test_nothing_is_lost_to_a_server_that_caps_without_a_word(
    server: ScriptedServer, make_source: MakeSource, cap: int
) -> None:
    times = [START + 20 * DAY + number * 37 for number in range(3300)]
    server.on("/comments", Comments(times, cap=cap))
    assert set(ids(read(make_source(), Kind.COMMENTS, BY_TASK, crawled()))) == {f"C{n}" for n in range(3300)}


def test_a_server_that_honours_the_limit_costs_no_request_more(server: ScriptedServer, make_source: MakeSource) -> None:
    times = [START + 20 * DAY + number * 37 for number in range(3333)]
    server.on("/comments", Comments(times))
    assert len(ids(read(make_source(), Kind.COMMENTS, BY_TASK, crawled()))) == 3333
    assert server.count("/comments") == 15


def test_a_server_that_refuses_a_large_limit_gets_the_usual_one(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    times = [START + 20 * DAY + number * 37 for number in range(2500)]
    server.on("/comments", Comments(times, cap=1000, most_limit=1000))
    source = make_source(concurrency=1)
    assert set(ids(read(source, Kind.COMMENTS, BY_TASK, crawled()))) == {f"C{n}" for n in range(2500)}
    assert sum(query["limit"] != "1000" for query in server.queries("/comments")) == 2


def test_a_server_with_shorter_windows_than_known_gets_them(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/comments", Comments([START, NOW - 1], longest=7 * DAY - 1))
    assert sorted(ids(read(make_source(), Kind.COMMENTS, BY_TASK, crawled()))) == ["C0", "C1"]
    assert server.count("/comments") == 15 + 1


def test_a_server_with_much_shorter_windows_is_not_asked_for_long_ones_again(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/comments", Comments([START, NOW - 1], longest=4 * DAY))
    assert sorted(ids(read(make_source(), Kind.COMMENTS, BY_TASK, crawled()))) == ["C0", "C1"]
    assert sum(end - start > 4 * DAY for start, end in windows(server)) == 2


def test_a_server_that_knows_no_limit_or_no_types_is_asked_without(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    def answer(asked: Asked) -> Reply:
        for name in ("limit", "types"):
            if name in asked.query:
                return refusal(400, "invalid_request", f"Parameter '{name}' is not allowed")
        return comments(asked)

    comments = Comments([START, NOW - 1])
    server.on("/comments", answer)
    pages = read(make_source(), Kind.COMMENTS, BY_TASK, crawled())
    assert sorted(ids(pages)) == ["C0", "C1"]
    assert [(gap.kind, gap.id) for page in pages for gap in page.gaps] == [("comments", "types")]


def test_records_of_a_server_whose_clock_is_behind_them_are_read(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/comments", Comments([START, NOW + 3600]))
    before = crawled()
    before.add(Kind.TASKS, [json.dumps({"id": "T", "updatedDate": instant(NOW + 3600)}).encode()])  # type: ignore[list-item]
    assert sorted(ids(read(make_source(), Kind.COMMENTS, BY_TASK, before))) == ["C0", "C1"]
    assert server.count("/comments") == 15


def test_a_server_that_takes_no_window_into_the_future_gets_none(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    comments = Comments([START, NOW - 1])

    def answer(asked: Asked) -> Reply:
        late = asked_range(asked)[1] > time.time() + 10
        return refusal(400, "invalid_parameter", "Parameter 'createdDate' is invalid") if late else comments(asked)

    server.on("/comments", answer)
    assert sorted(ids(read(make_source(), Kind.COMMENTS, BY_TASK, crawled()))) == ["C0", "C1"]
    assert server.count("/comments") == 15 + 1


def test_an_account_without_anything_in_it_costs_no_request(server: ScriptedServer, make_source: MakeSource) -> None:
    for kind in (Kind.COMMENTS, Kind.ATTACHMENTS):
        assert read(make_source(), kind, BY_TASK, known(account=[ACCOUNT])) == []
    assert server.asked == []


def per_item(kind: str, held: dict[str, list[Any]], refused: dict[str, Reply] | None = None) -> Any:
    def answer(asked: Asked) -> Reply:
        parent = asked.path.split("/")[2]
        assert asked.path.endswith(f"/{kind}")
        if set(asked.query) - {"types", "fields", "plainText", "versions", "withUrls"}:
            return refusal(400, "invalid_request", "Parameter 'createdDate' is not allowed")
        return (refused or {}).get(parent) or envelope(held.get(parent, []))

    return answer


def account_of(tasks: int) -> MemoryCrawled:
    before = crawled()
    for number in range(tasks):
        before.add(Kind.TASKS, [json.dumps({"id": f"T{number}", "createdDate": instant(START)}).encode()])  # type: ignore[list-item]
    before.add(Kind.FOLDERS, [json.dumps({"id": "F0", "createdDate": instant(START)}).encode()])  # type: ignore[list-item]
    return before


@pytest.mark.parametrize("refused", [refusal(403, "not_allowed", "your plan"), refusal(404, "method_not_found")])
def test_where_the_account_wide_list_is_refused_every_task_and_folder_is_asked(
    server: ScriptedServer, make_source: MakeSource, refused: Reply
) -> None:
    server.on("/comments", refused)
    server.on("/tasks/", per_item("comments", {f"T{n}": [{"id": f"C{n}"}] for n in range(30)}))
    server.on("/folders/", per_item("comments", {"F0": [{"id": "CF"}]}))
    found = ids(read(make_source(), Kind.COMMENTS, BY_TASK, account_of(30)))
    assert set(found) == {"CF", *(f"C{n}" for n in range(30))}
    assert server.count("/comments") == 1
    assert len(server.asked) - server.count("/comments") == 31


def test_a_second_with_more_than_an_answer_holds_is_read_item_by_item(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    times = [START + 20 * DAY] * 1500
    server.on("/comments", Comments(times, cap=1000))
    server.on("/tasks/", per_item("comments", {"T0": [{"id": f"C{n}"} for n in range(1500)]}))
    server.on("/folders/", per_item("comments", {}))
    assert set(ids(read(make_source(), Kind.COMMENTS, BY_TASK, account_of(2)))) == {f"C{n}" for n in range(1500)}


def test_single_items_that_are_refused_are_gaps(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/comments", refusal(403, "not_allowed"))
    gone = {"T1": refusal(403, "access_forbidden", "not yours"), "T2": refusal(404, "resource_not_found", "gone")}
    server.on("/tasks/", per_item("comments", {"T0": [{"id": "C0"}]}, gone))
    server.on("/folders/", per_item("comments", {}))
    pages = read(make_source(), Kind.COMMENTS, BY_TASK, account_of(3))
    assert ids(pages) == ["C0"]
    assert {gap.id for page in pages for gap in page.gaps} == {"T1", "T2"}


def test_when_every_item_is_refused_the_kind_is_forbidden(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/comments", refusal(403, "not_allowed"))
    server.on("/tasks/", refusal(403, "not_allowed", "your plan"))
    with pytest.raises(Forbidden, match="comments"):
        read(make_source(), Kind.COMMENTS, BY_TASK, account_of(200))
    assert len(server.asked) < 60


SIGNED = "https://storage.www.wrike.com/attachments/signed?token=abc"
STORED = {
    "id": "A1",
    "type": "Wrike",
    "name": 'ü "x".png',
    "size": 5,
    "taskId": "T1",
    "createdDate": instant(START + 5),
}


def attachments(records: list[dict[str, Any]]) -> Any:
    def answer(asked: Asked) -> Reply:
        start, end = asked_range(asked)
        if not start < end < start + 31 * DAY or set(asked.query) != {"createdDate", "versions", "withUrls"}:
            return refusal(400, "invalid_parameter", "Parameter 'createdDate' value is invalid")
        return envelope([record for record in records if start <= (seconds(record["createdDate"]) or 0) < end])

    return answer


def test_attachments_come_with_versions_in_windows_under_31_days(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    records = [{**STORED, "id": f"A{day}", "createdDate": instant(START + day * DAY)} for day in range(100)]
    server.on("/attachments", attachments(records))
    assert len(ids(read(make_source(), Kind.ATTACHMENTS, BY_TASK, crawled()))) == 100
    assert server.count("/attachments") == 4
    assert server.queries("/attachments")[0]["versions"] == "true"


def test_links_that_open_a_stored_file_to_anybody_are_not_kept(server: ScriptedServer, make_source: MakeSource) -> None:
    signed = {**STORED, "url": SIGNED, "previewUrl": SIGNED, "playlistUrl": SIGNED, "width": 3}
    external = {
        **STORED,
        "id": "A2",
        "type": "Google",
        "size": -1,
        "url": "https://docs.google.com/d/1",
        "previewUrl": SIGNED,
    }
    server.on("/attachments", attachments([signed, external, {**STORED, "id": "A3"}]))
    pages = read(make_source(), Kind.ATTACHMENTS, BY_TASK, crawled())
    records = [record for page in pages for record in page.records]
    assert not any(b"token=abc" in record for record in records)
    assert [json.loads(record) for record in records] == [
        {**STORED, "width": 3},
        {**STORED, "id": "A2", "type": "Google", "size": -1, "url": "https://docs.google.com/d/1"},
        {**STORED, "id": "A3"},
    ]


def test_refused_attachments_are_asked_for_where_there_are_any(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/attachments", refusal(403, "not_allowed"))
    server.on("/tasks/", per_item("attachments", {"T1": [{**STORED, "url": SIGNED}]}))
    server.on("/folders/", per_item("attachments", {}))
    before = known(
        account=[ACCOUNT],
        tasks=[{"id": "T0", "hasAttachments": False}, {"id": "T1", "hasAttachments": True}, {"id": "T2"}],
        folders=[{"id": "F0", "hasAttachments": False}],
    )
    pages = read(make_source(), Kind.ATTACHMENTS, BY_TASK, before)
    assert [json.loads(record) for page in pages for record in page.records] == [STORED]
    assert {path for path in server.paths() if path != "/attachments"} == {
        "/tasks/T1/attachments",
        "/tasks/T2/attachments",
    }


def ahead(source: WrikeSource, before: MemoryCrawled) -> list[str]:
    """What comes of comments while the lists are read, and then what comes behind them."""
    source.account()
    first = read(source, Kind.COMMENTS, LISTS, before)
    return sorted(ids(first) + ids(read(source, Kind.COMMENTS, BY_TASK, before)))


def test_the_account_s_own_time_is_asked_for_beside_the_lists_and_not_again_behind_them(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/account", envelope([ACCOUNT]))
    server.on("/comments", Comments([START, NOW - 1]))
    assert ahead(make_source(), crawled()) == ["C0", "C1"]
    assert len(windows(server)) == 15
    assert all(one[1] == other[0] for one, other in pairwise(windows(server)))


def test_what_tasks_show_to_be_older_or_later_is_asked_for_behind_the_lists(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/account", envelope([ACCOUNT]))
    later = NOW + 30 * DAY  # the server's clock is behind the dates of its own records
    server.on("/comments", Comments([START - 9 * DAY, START, later]))
    before = crawled()
    tasks = [{"id": "T1", "createdDate": instant(START - 10 * DAY)}, {"id": "T2", "createdDate": instant(later)}]
    before.add(Kind.TASKS, [json.dumps(task).encode() for task in tasks])  # type: ignore[misc]
    assert ahead(make_source(), before) == ["C0", "C1", "C2"]
    assert all(one[1] == other[0] for one, other in pairwise(windows(server)))


def test_an_account_without_dates_is_asked_for_nothing_ahead(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/account", envelope([{"id": "IEAAAAAA"}]))
    server.on("/comments", Comments([NOW - 1]))
    source, before = make_source(), crawled({"id": "IEAAAAAA"})
    source.account()
    assert read(source, Kind.COMMENTS, LISTS, before) == []
    assert ids(read(source, Kind.COMMENTS, BY_TASK, before)) == ["C0"]


def test_what_is_refused_ahead_is_asked_for_item_by_item_also_by_another_program(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/account", envelope([ACCOUNT]))
    server.on("/comments", refusal(403, "not_allowed", "Action is not allowed"))
    server.on("/tasks/T1/comments", envelope([{"id": "C0", "text": "x"}]))
    before = crawled()
    before.add(Kind.TASKS, [b'{"id":"T1"}'])  # type: ignore[list-item]
    source = make_source()
    source.account()
    assert ids(read(source, Kind.COMMENTS, LISTS, before)) == []
    assert ids(read(make_source(), Kind.COMMENTS, BY_TASK, before)) == ["C0"]
    assert server.count("/comments") == 1
