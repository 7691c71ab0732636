"""A client that asks for everything over HTTP gets what `MockAccount.records` says, record for record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.mock.client import Client, Serve
from wrikebackup_core import Kind
from wrikebackup_mock.account import VOLATILE, MockAccount
from wrikebackup_mock.chance import DAY, moment
from wrikebackup_mock.service import ENDPOINTS

_FIELDS = {endpoint.template: sorted(endpoint.fields) for endpoint in ENDPOINTS}
_TASK_FIELDS = _FIELDS["/tasks"]


def _windows(account: MockAccount, days: int) -> Iterator[dict[str, str]]:
    """From the account's creation to now: to the real now, not the account's."""
    start = account.shape.start
    while start < time.time():
        yield {"start": moment(start), "end": moment(start + days * DAY)}
        start += days * DAY


def _contacts(client: Client) -> Iterator[dict[str, Any]]:
    fields = _FIELDS["/contacts"]
    found = [*client.data("/contacts", fields=fields), *client.data("/contacts", fields=fields, deleted=True)]
    yield from found
    known = {record["id"] for record in found}
    named = {record["authorId"] for record in client.account.dicts(Kind.COMMENTS)} - known
    assert len(named) == 1
    yield from client.data(f"/contacts/{','.join(named)}", fields=_FIELDS["/contacts/{ids}"])


def _dependencies(client: Client) -> Iterator[dict[str, Any]]:
    tasks = client.walk("/tasks", pageSize=1000, subTasks=True, fields=["dependencyIds"])
    wanted = list(dict.fromkeys(name for task in tasks for name in task["dependencyIds"]))
    for start in range(0, len(wanted), 100):
        yield from client.data(f"/dependencies/{','.join(wanted[start : start + 100])}")


def _everything(client: Client, kind: Kind) -> Iterator[dict[str, Any]]:
    account = client.account
    binned = f"/folders/{account.work.bin}/tasks"
    since = {"start": "1970-01-01T00:00:00Z"}
    spaces = [space["id"] for space in client.data("/spaces", withArchived=True)]
    crawls: dict[Kind, Any] = {
        Kind.ACCOUNT: lambda: client.data("/account", fields=_FIELDS["/account"]),
        Kind.CONTACTS: lambda: _contacts(client),
        Kind.GROUPS: lambda: client.walk("/groups", token="pageToken", pageSize=2, fields=["metadata"]),
        Kind.WORKFLOWS: lambda: [
            *client.data("/workflows"),
            *(record for space in spaces for record in client.data(f"/spaces/{space}/workflows")),
        ],
        Kind.CUSTOM_ITEM_TYPES: lambda: client.data("/custom_item_types", withDeleted=True),
        Kind.SPACES: lambda: client.data("/spaces", withArchived=True, fields=_FIELDS["/spaces"]),
        Kind.FOLDERS: lambda: client.walk("/folders", updatedDate=since, fields=_FIELDS["/folders"]),
        Kind.TASKS: lambda: [
            *client.walk("/tasks", subTasks=True, fields=_TASK_FIELDS),
            *client.walk(binned, descendants=True, subTasks=True, fields=_TASK_FIELDS),
        ],
        Kind.COMMENTS: lambda: (
            record
            for window in _windows(account, 7)
            for record in client.data("/comments", createdDate=window, types=["Regular", "Email"], fields=["type"])
        ),
        Kind.ATTACHMENTS: lambda: (
            record
            for window in _windows(account, 30)
            for record in client.data("/attachments", createdDate=window, versions=True, withUrls=True)
        ),
        Kind.TIMELOGS: lambda: client.walk("/timelogs", fields=_FIELDS["/timelogs"]),
        Kind.DEPENDENCIES: lambda: _dependencies(client),
        Kind.APPROVALS: lambda: client.walk("/approvals"),
        Kind.AUDIT_LOG: lambda: client.walk("/audit_log"),
    }
    yield from crawls[kind]() if kind in crawls else client.data(f"/{kind}")


@pytest.mark.parametrize("generation", [0, 2])
@pytest.mark.parametrize("kind", list(Kind))
def test_asking_for_everything_brings_the_truth(shared: Client, kind: Kind, generation: int) -> None:
    shared.server.account = shared.account = MockAccount(generation=generation)
    truth = {record["id"]: record for record in shared.account.dicts(kind)}
    found = {}
    for record in _everything(shared, kind):
        if record.get("type") == "Wrike":
            for member in VOLATILE.get(kind, ()):
                record.pop(member, None)
        assert found.setdefault(record["id"], record) == record, "an id comes once, or twice with the same record"
    assert found == truth


def test_members_come_in_the_order_of_the_records(shared: Client) -> None:
    (answered,) = shared.get("/tasks", limit=1, subTasks=True, fields=_TASK_FIELDS).json()["data"]
    assert msgspec.json.encode(answered) == next(shared.account.records(Kind.TASKS))


def test_by_id_and_by_item_bring_the_same_as_the_lists(serve: Serve) -> None:
    """Comments, files, time logs and approvals of each task and folder, together, are those of the account."""
    client = serve(MockAccount(tasks=20, comments=30, attachments=12, timelogs=8))
    items = [("tasks", task["id"]) for task in client.account.dicts(Kind.TASKS)]
    items += [("folders", folder["id"]) for folder in client.account.dicts(Kind.FOLDERS)]
    queries: list[tuple[Kind, dict[str, Any]]] = [
        (Kind.COMMENTS, {"types": ["Regular", "Email"], "fields": ["type"]}),
        (Kind.ATTACHMENTS, {"versions": True, "withUrls": True}),
        (Kind.TIMELOGS, {"fields": _FIELDS["/timelogs"]}),
        (Kind.APPROVALS, {}),
    ]
    for kind, params in queries:
        own = [each for each in items if kind is not Kind.TIMELOGS or each[0] == "tasks"]
        found = [record for place, name in own for record in client.data(f"/{place}/{name}/{kind}", **params)]
        for record in found:
            if record.get("type") == "Wrike":
                record.pop("url", None)
        truth = {record["id"]: record for record in client.account.dicts(kind)}
        assert len(found) == len(truth), "nothing hangs on two items"
        assert {record["id"]: record for record in found} == truth
        name = next(iter(truth))
        by_id = {key: value for key, value in params.items() if key in ("fields", "types")}
        assert [record["id"] for record in client.data(f"/{kind}/{name}", **by_id)] == [name]


def test_time_logs_of_a_folder_are_those_of_its_tasks(shared: Client) -> None:
    account = shared.account
    folder = account.tree.folders.id(0)
    tasks = {task["id"] for task in shared.walk(f"/folders/{folder}/tasks", descendants=True, subTasks=True)}
    logs = {log["id"] for log in shared.walk(f"/folders/{folder}/timelogs")}
    assert logs == {log["id"] for log in account.dicts(Kind.TIMELOGS) if log["taskId"] in tasks}
    assert logs


def test_every_stored_file_can_be_downloaded(serve: Serve) -> None:
    client = serve(MockAccount(attachments=12))
    files = list(client.account.files(versions=True, trashed=True))
    assert {name for name, _, _ in files} == {
        record["id"] for record in client.account.dicts(Kind.ATTACHMENTS) if record["type"] == "Wrike"
    }
    for name, _, size in files:
        body = client.get(f"/attachments/{name}/download").content
        assert len(body) == size
        assert hashlib.sha256(body).hexdigest() == client.account.sha256(name)


def test_what_a_folder_call_lists_adds_up_to_the_account(shared: Client) -> None:
    """Tasks folder by folder, and the tree from the top down, are the same as the account's lists."""
    account = shared.account
    tree = shared.data("/folders", deleted=False)
    by_id = {entry["id"]: entry for entry in tree}
    reached, waiting = set(), [account.work.root]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += by_id[name]["childIds"]
    assert reached == set(by_id)
    tasks = set()
    for name in reached:
        tasks |= {task["id"] for task in shared.walk(f"/folders/{name}/tasks", subTasks=True)}
    assert tasks == {task["id"] for task in account.dicts(Kind.TASKS, trashed=False)}
