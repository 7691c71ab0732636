"""The strictness of the API, over a real socket: parameters, fields, ids, tokens, plans."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mock.client import Client, Serve
from wrikebackup_core import Kind
from wrikebackup_mock import ids
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.chance import DAY, moment
from wrikebackup_mock.service import ENDPOINTS, KINDS, Plan

_REQUEST, _PARAMETER = (400, "invalid_request"), (400, "invalid_parameter")


def _path(account: MockAccount, template: str) -> str:
    """An endpoint's path with ids that exist."""
    first = next(iter(account.dicts(Kind.TASKS)))["id"]
    names = {
        "contacts": account.people.ids[1],
        "users": account.people.ids[1],
        "groups": account.people.groups[0],
        "spaces": account.tree.folders.id(1),
        "folders": account.tree.folders.id(3),
        "tasks": first,
        "comments": account.belongings.comments.series.id(0),
        "attachments": account.belongings.attachments.series.id(0),
        "timelogs": account.belongings.timelogs.series.id(0),
        "dependencies": account.belongings.dependency_id(0),
        "approvals": account.belongings.approvals.id(0),
        "customfields": account.catalogue.field_ids[0],
        "custom_item_types": account.catalogue.item_type_ids[0],
        "jobroles": account.ids.classic(ids.JOB_ROLE, 500),
        "data_export": f"{account.account.id}EX000001",
    }
    kind = template.split("/")[1]
    return (
        template.replace("{id}", names.get(kind, "")).replace("{ids}", names.get(kind, "")).replace("{name}", "x.bin")
    )


_NEEDED: dict[str, dict[str, Any]] = {
    "/attachments": {"createdDate": {"start": "2023-01-01T00:00:00Z", "end": "2023-01-08T00:00:00Z"}},
    "/ids": {"type": "ApiV2Task", "ids": "[100000000]"},
}
TEMPLATES = [endpoint.template for endpoint in ENDPOINTS]
JSON_TEMPLATES = [template for template in TEMPLATES if "/download" not in template]


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_unknown_parameter_is_refused_everywhere(shared: Client, template: str) -> None:
    answer = shared.get(_path(shared.account, template), **_NEEDED.get(template, {}), surprise="1")
    assert answer.status_code == 400
    assert answer.json() == {"errorDescription": "Parameter 'surprise' is not allowed", "error": "invalid_request"}


@pytest.mark.parametrize("template", JSON_TEMPLATES)
def test_every_endpoint_answers_in_the_envelope(shared: Client, template: str) -> None:
    answer = shared.get(_path(shared.account, template), **_NEEDED.get(template, {}))
    assert answer.status_code in (200, 202), answer.text
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert {"kind", "data"} <= set(answer.json())
    assert isinstance(answer.json()["data"], list)
    assert answer.headers["wrike-response-id"]
    assert answer.headers["transfer-encoding"] == "chunked"


@pytest.mark.parametrize("template", JSON_TEMPLATES)
def test_an_unknown_field_is_refused_everywhere(shared: Client, template: str) -> None:
    """Where there are no optional fields at all, `fields` itself is not allowed."""
    answer = shared.refusal(_path(shared.account, template), **_NEEDED.get(template, {}), fields=["surprise"])
    endpoint = next(each for each in ENDPOINTS if each.template == template)
    assert answer == (_PARAMETER if endpoint.fields else _REQUEST)


@pytest.mark.parametrize(
    ("template", "foreign"),
    [
        ("/tasks/{ids}", "description"),
        ("/tasks", "finance"),
        ("/folders/{ids}", "description"),
        ("/spaces", "suggestedTaskWorkflows"),
    ],
)
def test_a_field_of_a_sister_endpoint_is_refused(shared: Client, template: str, foreign: str) -> None:
    assert shared.refusal(_path(shared.account, template), fields=[foreign]) == _PARAMETER


@pytest.mark.parametrize(
    "template", ["/account", "/contacts", "/groups", "/spaces", "/tasks", "/comments", "/timelogs"]
)
def test_optional_members_come_only_when_asked_for(shared: Client, template: str) -> None:
    endpoint = next(each for each in ENDPOINTS if each.template == template)
    account = shared.account
    window = {"start": moment(account.shape.start), "end": moment(account.shape.start + 7 * DAY)}
    params: dict[str, Any] = {"createdDate": window} if template == "/comments" else {}
    plain = shared.data(template, **params)
    assert plain
    assert not any(endpoint.fields & set(record) for record in plain)
    for field in endpoint.fields:
        found = shared.data(template, **params, fields=[field])
        assert all(endpoint.fields & set(record) <= {field} for record in found)


@pytest.mark.parametrize("fields", ["description", '"description"', "{}", "[1]", "", "[", '["description"'])
def test_fields_are_a_json_list_of_words(shared: Client, fields: str) -> None:
    assert shared.refusal("/tasks", fields=fields) == _PARAMETER


def test_an_empty_list_is_no_filter(shared: Client) -> None:
    assert shared.refusal("/spaces", accessTypes=[]) == _PARAMETER


@pytest.mark.parametrize(
    "range_",
    [
        {"start": "2024-01-01T00:00:00.000Z"},
        {"start": "2024-01-01T00:00:00"},
        {"start": "2024-01-01"},
        {"start": "2024-13-01T00:00:00Z"},
        {"start": "2024-01-02T00:00:00Z", "end": "2024-01-01T00:00:00Z"},
        {"start": "2024-01-01T00:00:00Z", "end": "2024-01-01T00:00:00Z"},
        {"begin": "2024-01-01T00:00:00Z"},
        {},
        "2024-01-01T00:00:00Z",
        {"start": 5},
    ],
)
def test_dates_are_whole_seconds_in_a_range_that_is_not_empty(shared: Client, range_: object) -> None:
    assert shared.refusal("/tasks", updatedDate=range_) == _PARAMETER


def test_ranges_are_half_open(shared: Client) -> None:
    tasks = shared.data("/tasks", subTasks=True)
    first, last = tasks[0]["createdDate"], tasks[-1]["createdDate"]
    found = shared.data("/tasks", subTasks=True, createdDate={"start": first, "end": last})
    assert found == [task for task in tasks if first <= task["createdDate"] < last]
    assert len(found) < len(tasks)


# Ids


@pytest.mark.parametrize("template", [template for template in TEMPLATES if "{ids}" in template])
def test_an_unknown_id_is_a_bad_request_and_fails_the_whole_batch(shared: Client, template: str) -> None:
    path = _path(shared.account, template)
    good = path.rpartition("/")[2]
    assert shared.refusal(path.replace(good, "IEAAAAAAIYAAAAAA")) == _REQUEST
    assert shared.refusal(path.replace(good, f"{good},nonsense")) == _REQUEST
    assert len(shared.data(path.replace(good, f"{good},{good}"))) == 1


def test_a_hundred_ids_are_a_batch_and_one_more_is_too_many(serve: Serve) -> None:
    client = serve(MockAccount(tasks=200))
    names = [task["id"] for task in client.account.dicts(Kind.TASKS)]
    assert [task["id"] for task in client.data(f"/tasks/{','.join(names[:100])}")] == names[:100]
    assert client.refusal(f"/tasks/{','.join(names[:101])}") == _REQUEST


def test_paths_may_be_percent_encoded(shared: Client) -> None:
    names = [shared.account.tree.tasks.id(index) for index in (0, 49)]
    assert len(shared.data(f"/tasks/{names[0]}%2C{names[1].replace('_', '%5F')}")) == 2
    file = shared.account.belongings.attachments.series.id(7)
    answer = shared.get(f"/attachments/{file}/download/..%2F..%2Fetc%2Fpasswd")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd"


def test_ids_are_case_sensitive(shared: Client) -> None:
    names = {task["id"] for task in shared.account.dicts(Kind.TASKS)}
    for name in names:
        other = name.swapcase()
        if other not in names:
            assert shared.refusal(f"/tasks/{other}") == _REQUEST


def test_by_id_everything_but_the_optional_is_there(shared: Client) -> None:
    name = shared.account.tree.tasks.id(0)
    (task,) = shared.data(f"/tasks/{name}")
    assert {
        "description",
        "parentIds",
        "subTaskIds",
        "dependencyIds",
        "metadata",
        "followerIds",
        "customFields",
    } <= set(task)
    assert "attachmentCount" not in task


def test_the_virtual_folders_have_no_record(shared: Client) -> None:
    for name in (shared.account.work.root, shared.account.work.bin):
        assert shared.refusal(f"/folders/{name}") == _REQUEST
        assert shared.get(f"/folders/{name}/folders").status_code == 200


def test_what_was_deleted_is_not_found_by_id_and_in_no_list(serve: Serve) -> None:
    before = MockAccount()
    client = serve(before.changed(1))
    comment = {record["id"] for record in before.dicts(Kind.COMMENTS)} - {
        record["id"] for record in client.account.dicts(Kind.COMMENTS)
    }
    file = {name for name, _, _ in before.files()} - {name for name, _, _ in client.account.files(versions=True)}
    assert len(comment) == len(file) == 1
    for path in (f"/comments/{comment.pop()}", f"/attachments/{(gone := file.pop())}", f"/attachments/{gone}/download"):
        assert client.refusal(path) == (404, "resource_not_found")


def test_numbers_lead_to_ids(shared: Client) -> None:
    tree, belongings = shared.account.tree, shared.account.belongings
    for kind, series in (("Task", tree.tasks), ("Folder", tree.folders), ("Attachment", belongings.attachments.series)):
        number = series.number(series.count - 1)
        assert shared.data("/ids", type=f"ApiV2{kind}", ids=[number])[0]["id"] == series.id(series.count - 1)
    assert shared.refusal("/ids", type="ApiV2Task") == (400, "parameter_required")
    assert shared.refusal("/ids", type="ApiV2Task", ids=[1]) == _PARAMETER
    assert shared.refusal("/ids", type="ApiV2Cat", ids=[1]) == _PARAMETER


# Who may ask


@pytest.mark.parametrize(
    "header", [None, "", "bearer", "bearer wrong", "basic mock-token", "mock-token", "bearer mock-token2"]
)
def test_a_bad_token_is_not_authorized(shared: Client, header: str | None) -> None:
    answer = shared.plain.get(
        f"{shared.server.base_url}/account", headers={} if header is None else {"Authorization": header}
    )
    assert answer.status_code == 401
    assert answer.json() == {"errorDescription": "Access token is unknown or invalid", "error": "not_authorized"}


def test_the_scheme_is_read_in_any_case_and_a_parameter_will_do(shared: Client) -> None:
    url = f"{shared.server.base_url}/version"
    for scheme in ("bearer", "Bearer", "BEARER"):
        assert shared.plain.get(url, headers={"Authorization": f"{scheme} mock-token"}).status_code == 200
    assert shared.plain.get(url, params={"access_token": "mock-token", "state": "s"}).json()["state"] == "s"


def test_unknown_urls_and_methods_are_refused(shared: Client) -> None:
    assert shared.refusal("/cats") == (404, "method_not_found")
    assert shared.refusal("/tasks/IEAAAAAAKQAAAAAA/cats") == (404, "method_not_found")
    assert shared.http.post(f"{shared.server.base_url}/tasks").json()["error"] == "invalid_request"
    assert shared.http.get(f"{shared.server.origin}/elsewhere").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_forbids_a_kind_and_nothing_else(serve: Serve, kind: str) -> None:
    client = serve(plan=Plan(forbidden=frozenset({kind})))
    for endpoint in ENDPOINTS:
        answer = client.get(_path(client.account, endpoint.template), **_NEEDED.get(endpoint.template, {}))
        if endpoint.kind == kind:
            assert (answer.status_code, answer.json()["error"]) in [(403, "not_allowed"), (403, "access_forbidden")]
        else:
            assert answer.status_code in (200, 202), endpoint.template


def test_a_low_plan_has_comments_of_items_only(serve: Serve) -> None:
    client = serve(plan=Plan(forbidden=frozenset({"account_comments"})))
    assert client.refusal("/comments") == (403, "not_allowed")
    assert client.data(f"/tasks/{client.account.tree.tasks.id(0)}/comments")
    assert client.data(f"/comments/{client.account.belongings.comments.series.id(0)}")


def test_a_plan_may_not_know_a_field_or_deny_it(serve: Serve) -> None:
    client = serve(plan=Plan(unknown_fields=frozenset({"briefDescription"}), denied_fields=frozenset({"billingType"})))
    assert client.refusal("/tasks", fields=["description", "briefDescription"]) == _PARAMETER
    assert client.refusal("/tasks", fields=["description", "billingType"]) == (403, "not_allowed")
    assert client.data("/tasks", fields=["description"])


def test_a_plan_cannot_forbid_what_there_is_not() -> None:
    with pytest.raises(ValueError, match="cats"):
        Plan(forbidden=frozenset({"cats"}))


def test_the_wrong_data_centre_answers_300(serve: Serve) -> None:
    client = serve(plan=Plan(wrong_host=True))
    answer = client.get("/account")
    assert (answer.status_code, answer.content) == (300, b"")


# People and settings


def test_the_deleted_come_only_when_asked_for(shared: Client) -> None:
    live = shared.data("/contacts")
    gone = shared.data("/contacts", deleted=True)
    assert {contact["deleted"] for contact in live} == {False}
    assert {contact["deleted"] for contact in gone} == {True}
    stranger = shared.account.people.ids[shared.account.people.stranger]
    assert stranger not in {contact["id"] for contact in [*live, *gone]}
    assert [contact["id"] for contact in shared.data(f"/contacts/{stranger}")] == [stranger]


def test_contacts_can_be_filtered(shared: Client) -> None:
    assert [contact["id"] for contact in shared.data("/contacts", me=True)] == [shared.account.people.ids[0]]
    assert {contact["type"] for contact in shared.data("/contacts", types=["Group"])} == {"Group"}
    assert shared.refusal("/contacts", types=["Cat"]) == _PARAMETER
    assert shared.refusal("/contacts", me="yes") == _PARAMETER
    assert len(shared.data("/contacts", emails=["person1@example.com"])) == 1


def test_some_things_have_to_be_asked_for_in_their_own_way(shared: Client) -> None:
    """A workflow that only its space lists, archived spaces, deleted item types."""
    account = shared.account
    known = {flow["id"] for flow in shared.data("/workflows")}
    assert {flow["id"] for flow in shared.data(f"/spaces/{account.tree.folders.id(1)}/workflows")} - known
    assert len(shared.data("/spaces")) < len(shared.data("/spaces", withArchived=True))
    assert len(shared.data("/custom_item_types")) < len(shared.data("/custom_item_types", withDeleted=True))
    assert shared.data(f"/spaces/{account.tree.folders.id(1)}/customfields")
    assert shared.refusal(f"/spaces/{account.tree.folders.id(10)}") == _REQUEST
