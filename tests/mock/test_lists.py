"""Long lists: pages, modes, windows, limits."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import pytest

from tests.mock.client import Client, Serve
from wrikebackup_core import Kind
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.chance import DAY, moment
from wrikebackup_mock.service import ENDPOINTS, Plan

_REQUEST, _PARAMETER = (400, "invalid_request"), (400, "invalid_parameter")
_ALL = {"start": "1970-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def large() -> MockAccount:
    return MockAccount(tasks=2100, comments=15_000, attachments=100)


# Pages


PAGED: list[tuple[str, dict[str, Any]]] = [
    ("/tasks", {"subTasks": True}),
    ("/folders", {"updatedDate": _ALL}),
    ("/timelogs", {}),
    ("/approvals", {}),
    ("/audit_log", {}),
    ("/task_blueprints", {}),
]


@pytest.mark.parametrize(("path", "params"), PAGED)
@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_pages_have_everything_once_and_the_last_has_no_token(
    shared: Client, path: str, params: dict[str, Any], size: int
) -> None:
    found = [record["id"] for record in shared.walk(path, **params, pageSize=size)]
    whole = [record["id"] for record in shared.walk(path, **params, pageSize=1000)]
    assert found == whole
    assert len(set(found)) == len(found)
    answer = shared.get(path, **params, pageSize=size).json()
    assert answer["responseSize"] == len(whole)
    assert ("nextPageToken" in answer) == (len(whole) > size)


def test_groups_take_another_name_for_the_token(shared: Client) -> None:
    token = shared.get("/groups", pageSize=2).json()["nextPageToken"]
    assert shared.data("/groups", pageSize=2, pageToken=token)
    assert shared.refusal("/groups", pageSize=2, nextPageToken=token) == _REQUEST
    assert shared.refusal("/tasks", pageSize=2, pageToken=token) == _REQUEST


@pytest.mark.parametrize("size", ["0", "1001", "-1", "ten", "", "1.5"])
def test_a_page_has_from_one_to_a_thousand(shared: Client, size: str) -> None:
    assert shared.refusal("/tasks", pageSize=size) == _PARAMETER


@pytest.mark.parametrize(
    "template", [each.template for each in ENDPOINTS if "{" not in each.template and not each.paging]
)
def test_lists_without_pages_refuse_a_page_size(shared: Client, template: str) -> None:
    assert shared.refusal(template, pageSize=100) == _REQUEST


def test_without_a_page_size_a_thousand_tasks_come_and_no_token(serve: Serve, large: MockAccount) -> None:
    client = serve(large)
    answer = client.get("/tasks", subTasks=True).json()
    assert len(answer["data"]) == 1000
    assert "nextPageToken" not in answer
    assert len(client.data("/timelogs")) > 1000, "while time logs come all at once"


def test_a_token_is_bound_to_its_query_and_its_user(serve: Serve) -> None:
    client = serve()
    token = client.get("/tasks", subTasks=True, pageSize=5).json()["nextPageToken"]
    assert client.refusal("/tasks", subTasks=True, status=["Active"], pageSize=5, nextPageToken=token) == _PARAMETER
    assert client.refusal("/timelogs", pageSize=5, nextPageToken=token) == _PARAMETER
    other = client.server.tokens.issue("somebody else")["access_token"]
    answer = client.plain.get(
        f"{client.server.base_url}/tasks",
        params={"subTasks": "true", "pageSize": "5", "nextPageToken": token},
        headers={"Authorization": f"bearer {other}"},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("token", ["", "x", "AAAA", "A" * 29, "日本"])
def test_an_invented_token_is_refused(shared: Client, token: str) -> None:
    assert shared.refusal("/tasks", pageSize=5, nextPageToken=token) == _PARAMETER


def test_a_token_alone_goes_on_with_its_query_but_without_its_fields(shared: Client) -> None:
    """The trap of the API: everything else is remembered, optional members are gone."""
    first = shared.get("/tasks", subTasks=True, pageSize=5, fields=["description"]).json()
    second = shared.data("/tasks", nextPageToken=first["nextPageToken"])
    repeated = shared.data("/tasks", nextPageToken=first["nextPageToken"], fields=["description"])
    assert all("description" in record for record in [*first["data"], *repeated])
    assert not any("description" in record for record in second)
    assert [record["id"] for record in second] == [task["id"] for task in shared.account.dicts(Kind.TASKS)][5:10]


def test_the_last_page_may_be_empty_with_a_token_that_fails(serve: Serve) -> None:
    client = serve(plan=Plan(empty_last_page=True))
    params: dict[str, Any] = {"subTasks": True, "pageSize": 30}
    sizes = []
    while True:
        answer = client.get("/tasks", **params)
        if answer.status_code != 200:
            break
        sizes.append(len(answer.json()["data"]))
        params["nextPageToken"] = answer.json()["nextPageToken"]
    assert sizes == [30, 20, 0]
    assert answer.json()["error"] == "invalid_parameter"


def test_tokens_are_opaque_but_say_nothing_secret(shared: Client) -> None:
    token = shared.get("/tasks", pageSize=5).json()["nextPageToken"]
    assert b"mock-token" not in base64.b32decode(token + "=" * (-len(token) % 8))


# Tasks


def test_subtasks_have_to_be_asked_for(shared: Client) -> None:
    tops = shared.data("/tasks", fields=["superTaskIds"])
    assert not any(task["superTaskIds"] for task in tops)
    assert len(shared.data("/tasks", subTasks=True)) > len(tops)


def test_tasks_are_never_those_of_the_bin(shared: Client) -> None:
    assert {task["scope"] for task in shared.data("/tasks", subTasks=True)} == {"WsTask"}
    assert shared.refusal("/tasks", deleted=True) == _REQUEST
    binned = f"/folders/{shared.account.work.bin}/tasks"
    found = shared.data(binned, descendants=True, subTasks=True)
    assert {task["scope"] for task in found} == {"RbTask"}
    assert len(shared.data(binned, subTasks=True)) < len(found), "descendants have to be asked for"


def test_tasks_can_be_sorted_and_filtered(shared: Client) -> None:
    everything = shared.data("/tasks", subTasks=True, fields=["authorIds", "responsibleIds"])
    for field, member in (("CreatedDate", "createdDate"), ("UpdatedDate", "updatedDate"), ("Title", "title")):
        found = [task[member] for task in shared.data("/tasks", subTasks=True, sortField=field, sortOrder="Asc")]
        assert found == sorted(found)
        back = [task[member] for task in shared.walk("/tasks", subTasks=True, sortField=field, sortOrder="Desc")]
        assert back == sorted(found, reverse=True)
    author = everything[0]["authorIds"][0]
    middle = sorted(task["updatedDate"] for task in everything)[25]
    for params, wanted in (
        ({"status": ["Completed"]}, lambda task: task["status"] == "Completed"),
        ({"authors": [author]}, lambda task: author in task["authorIds"]),
        ({"title": "rev"}, lambda task: "rev" in task["title"].lower()),
        ({"type": "Milestone"}, lambda task: task["dates"]["type"] == "Milestone"),
        ({"permalink": everything[3]["permalink"]}, lambda task: task == everything[3]),
        ({"updatedDate": {"start": middle}}, lambda task: task["updatedDate"] >= middle),
    ):
        found = shared.data("/tasks", subTasks=True, fields=["authorIds", "responsibleIds"], **params)
        assert found == [task for task in everything if wanted(task)]
        assert found
    assert shared.refusal("/tasks", sortField="Cats") == _PARAMETER
    assert shared.refusal("/tasks", status=["Asleep"]) == _PARAMETER


def test_a_filter_that_the_server_does_not_have_is_refused_and_not_ignored(shared: Client) -> None:
    assert shared.refusal("/tasks", dueDate=_ALL) == _REQUEST
    assert shared.refusal("/folders", title="x", owners=["KUAAAAAA"]) == _REQUEST
    assert shared.refusal("/timelogs", trackedDate=_ALL) == _REQUEST


# Folders


def test_without_a_filter_folders_come_as_a_short_tree_with_both_roots(shared: Client) -> None:
    answer = shared.get("/folders").json()
    assert answer["kind"] == "folderTree"
    scopes = Counter(entry["scope"] for entry in answer["data"])
    assert scopes["WsRoot"] == scopes["RbRoot"] == 1
    assert scopes["WsFolder"] + scopes["RbFolder"] == shared.account.count(Kind.FOLDERS)
    assert not any({"description", "parentIds", "createdDate"} & set(entry) for entry in answer["data"])
    assert any(entry.get("space") for entry in answer["data"])


@pytest.mark.parametrize(("deleted", "scopes"), [(True, {"RbRoot", "RbFolder"}), (False, {"WsRoot", "WsFolder"})])
def test_deleted_does_not_switch_the_mode(shared: Client, deleted: bool, scopes: set[str]) -> None:
    answer = shared.get("/folders", deleted=deleted).json()
    assert answer["kind"] == "folderTree"
    assert {entry["scope"] for entry in answer["data"]} == scopes


@pytest.mark.parametrize(
    "params", [{"pageSize": 5}, {"deleted": False, "pageSize": 5}, {"descendants": True, "pageSize": 5}]
)
def test_the_tree_has_no_pages(shared: Client, params: dict[str, Any]) -> None:
    assert shared.refusal("/folders", **params) == _PARAMETER


@pytest.mark.parametrize("params", [{"updatedDate": _ALL}, {"project": True}, {"descendants": False}, {"title": "a"}])
def test_a_filter_switches_to_full_records_with_pages(shared: Client, params: dict[str, Any]) -> None:
    answer = shared.get("/folders", **params, pageSize=2).json()
    assert answer["kind"] == "folders"
    assert all({"parentIds", "createdDate", "permalink", "scope"} <= set(record) for record in answer["data"])


def test_full_records_mix_the_living_and_the_dead_unless_told(shared: Client) -> None:
    both = {record["id"]: record["scope"] for record in shared.walk("/folders", updatedDate=_ALL)}
    assert set(both.values()) == {"WsFolder", "RbFolder"}
    for deleted, scope in ((True, "RbFolder"), (False, "WsFolder")):
        found = {record["id"] for record in shared.walk("/folders", updatedDate=_ALL, deleted=deleted)}
        assert found == {name for name in both if both[name] == scope}


def test_folders_of_a_folder_are_its_subtree(shared: Client) -> None:
    account = shared.account
    space = account.tree.folders.id(0)
    assert shared.refusal(f"/folders/{space}/folders", deleted=False) == _REQUEST
    entries = shared.data(f"/folders/{space}/folders")
    assert entries[0]["id"] == space
    named = {child for entry in entries for child in entry["childIds"]}
    assert named == {entry["id"] for entry in entries[1:]}
    assert {entry["id"] for entry in shared.data(f"/spaces/{space}/folders")} == named | {space}
    binned = shared.data(f"/folders/{account.work.bin}/folders")
    assert [entry["scope"] for entry in binned] == ["RbRoot"] + ["RbFolder"] * account.shape.bin_folders
    children = shared.data(f"/folders/{space}/folders", descendants=False)
    assert {record["id"] for record in children} == set(entries[0]["childIds"])


# Windows


def _window(account: MockAccount, first: float, last: float) -> dict[str, str]:
    """Days since the account was created."""
    start = account.shape.start
    return {"start": moment(start + int(first * DAY)), "end": moment(start + int(last * DAY))}


@pytest.mark.parametrize("name", ["createdDate", "updatedDate"])
def test_comments_are_read_by_the_week(shared: Client, name: str) -> None:
    account = shared.account
    found = shared.data("/comments", **{name: _window(account, 0, 7)})
    end = moment(account.shape.start + 7 * DAY)
    regular = [comment for comment in account.dicts(Kind.COMMENTS) if comment["type"] == "Regular"]
    assert {comment["id"] for comment in found} == {each["id"] for each in regular if each["createdDate"] < end}
    assert found
    too_long = {"start": moment(account.shape.start), "end": moment(account.shape.start + 7 * DAY + 1)}
    assert shared.refusal("/comments", **{name: too_long}) == _PARAMETER
    assert shared.refusal("/comments", **{name: _ALL}) == _PARAMETER
    assert shared.refusal("/comments", **{name: {"end": moment(account.shape.start)}}) == _PARAMETER


def test_comments_without_dates_are_those_of_the_last_week(shared: Client) -> None:
    """Of the account's now."""
    start = moment(shared.account.shape.end(0) - 7 * DAY)
    found = shared.data("/comments")
    assert all(comment["createdDate"] >= start for comment in found)


def test_an_answer_has_a_thousand_comments_unless_told(serve: Serve, large: MockAccount) -> None:
    client = serve(large)
    busy = Counter(record["createdDate"][:13] for record in large.dicts(Kind.COMMENTS)).most_common(1)[0]
    day = {"start": f"{busy[0][:10]}T00:00:00Z", "end": f"{busy[0]}:59:59Z"}
    whole = client.data("/comments", createdDate=day, limit=100_000, types=["Regular", "Email"])
    assert len(whole) > 1000
    assert client.data("/comments", createdDate=day, types=["Regular", "Email"]) == whole[:1000]
    some = client.data("/comments", createdDate=day, limit=300, types=["Regular", "Email"])
    assert some == whole[:300], "the newest come first, the others not at all"
    assert client.refusal("/comments", createdDate=day, limit=0) == _PARAMETER


def test_mail_comments_have_to_be_asked_for(shared: Client) -> None:
    name = next(
        each["taskId"] for each in shared.account.dicts(Kind.COMMENTS) if each["type"] == "Email" and "taskId" in each
    )
    plain = shared.data(f"/tasks/{name}/comments", fields=["type"])
    both = shared.data(f"/tasks/{name}/comments", fields=["type"], types=["Regular", "Email"])
    assert {comment["type"] for comment in plain} <= {"Regular"}
    assert {comment["type"] for comment in both} >= {"Email"}
    assert shared.refusal("/comments", types=["Smoke"]) == _PARAMETER


def test_comments_of_an_item_take_no_dates(shared: Client) -> None:
    name = shared.account.tree.tasks.id(0)
    assert shared.refusal(f"/tasks/{name}/comments", createdDate=_window(shared.account, 0, 3)) == _REQUEST


def test_attachments_are_read_by_windows_of_less_than_31_days(shared: Client) -> None:
    account = shared.account
    assert shared.refusal("/attachments") == (400, "parameter_required")
    assert shared.refusal("/attachments", createdDate=_ALL) == _PARAMETER
    assert shared.refusal("/attachments", createdDate=_window(account, 0, 31)) == _PARAMETER
    assert shared.data("/attachments", createdDate=_window(account, 0, 30.9))


def test_older_versions_and_urls_have_to_be_asked_for(shared: Client) -> None:
    account = shared.account
    window = _window(account, 0, 30)
    plain = shared.data("/attachments", createdDate=window)
    versions = shared.data("/attachments", createdDate=window, versions=True)
    assert not any("currentAttachmentId" in record for record in plain)
    assert any("currentAttachmentId" in record for record in versions)
    assert not any("url" in record for record in versions)
    assert all("url" in record for record in shared.data("/attachments", createdDate=window, withUrls=True))
    newest = next(record for record in account.dicts(Kind.ATTACHMENTS) if record["version"] == 4)
    assert shared.refusal(f"/attachments/{newest['id']}", withUrls=True) == _REQUEST
    found = shared.data(f"/attachments/{newest['id']}", versions=True)
    assert [record["version"] for record in found] == [1, 2, 3, 4]


def test_account_wide_lists_may_leave_out_what_hangs_on_the_bin(serve: Serve) -> None:
    """Not known of Wrike: both ways can be tried."""
    client = serve(plan=Plan(lists_bin=False))
    account = client.account
    logs = {record["id"] for record in client.walk("/timelogs")}
    assert logs == {record["id"] for record in account.dicts(Kind.TIMELOGS, trashed=False)}
    assert logs < {record["id"] for record in account.dicts(Kind.TIMELOGS)}
    comment = next(account.dicts(Kind.COMMENTS, trashed=True))
    when = account.belongings.comments.series.created(account.belongings.comments.series.start("bin"))
    window = {"start": moment(when), "end": moment(when + 1)}
    every = ["Regular", "Email"]
    assert comment["id"] not in {each["id"] for each in client.data("/comments", createdDate=window, types=every)}
    owner = f"tasks/{comment['taskId']}" if "taskId" in comment else f"folders/{comment['folderId']}"
    assert comment["id"] in {each["id"] for each in client.data(f"/{owner}/comments", types=every)}
