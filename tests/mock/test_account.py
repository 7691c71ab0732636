"""The generated account: the same every time, consistent, and awkward however small."""

from __future__ import annotations

import hashlib
import random
import re
import tracemalloc
import unicodedata
from collections import Counter
from itertools import islice
from typing import Any

import msgspec
import pytest

from wrikebackup_core import Kind
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.chance import DAY, moment


def _digest(account: MockAccount) -> str:
    digest = hashlib.sha256()
    for kind in Kind:
        for record in account.records(kind):
            digest.update(record)
    return digest.hexdigest()


def _by_id(account: MockAccount, kind: Kind) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in account.dicts(kind)}


SHAPES: list[dict[str, Any]] = [
    {},
    {"tasks": 20, "seed": 5},
    {"tasks": 700, "generation": 2},
    {"generation": 12, "modern_attachments": True},
    {"comments": 0, "attachments": 0, "timelogs": 0},
    {"attachments": 1},
]


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def account(request: pytest.FixtureRequest) -> MockAccount:
    return MockAccount(**request.param)


def test_the_same_arguments_make_the_same_account() -> None:
    assert _digest(MockAccount(3, 120)) == _digest(MockAccount(3, 120))


def test_the_account_stays_the_same_from_release_to_release() -> None:
    """If this changes on purpose, say so in the changelog: people compare against it."""
    assert _digest(MockAccount())[:16] == "1f47d8a14ad728f5"


def test_another_seed_is_another_account() -> None:
    one, other = MockAccount(1), MockAccount(2)
    assert one.account.id != other.account.id
    for kind in (Kind.TASKS, Kind.COMMENTS, Kind.ATTACHMENTS):
        assert not {record["id"] for record in one.dicts(kind)} & {record["id"] for record in other.dicts(kind)} or (
            kind is Kind.TASKS  # new-style ids have no account in them
        )


def test_ids_are_unique_within_a_kind_and_found_again(account: MockAccount) -> None:
    for kind in Kind:
        names = [record["id"] for record in account.dicts(kind)]
        assert len(set(names)) == len(names) == account.count(kind), kind
    for series in (account.tree.tasks, account.tree.folders, account.belongings.comments.series):
        assert [series.find(series.id(index)) for index in range(series.count)] == list(range(series.count))


def test_what_records_name_exists(account: MockAccount) -> None:
    folders, tasks = _by_id(account, Kind.FOLDERS), _by_id(account, Kind.TASKS)
    virtual = {account.work.root, account.work.bin}
    people = set(_by_id(account, Kind.CONTACTS))
    comments, files = _by_id(account, Kind.COMMENTS), _by_id(account, Kind.ATTACHMENTS)
    for folder in folders.values():
        assert set(folder["parentIds"]) <= set(folders) | virtual
        assert all(folder["id"] in folders[child]["parentIds"] for child in folder["childIds"])
        assert all(folder["id"] in folders[upper]["childIds"] for upper in set(folder["parentIds"]) - virtual)
    for task in tasks.values():
        assert set(task["parentIds"]) | set(task["superParentIds"]) <= set(folders) | virtual
        assert task["parentIds"] or task["superTaskIds"]
        assert all(task["id"] in tasks[sub]["superTaskIds"] for sub in task["subTaskIds"])
        assert all(task["id"] in tasks[upper]["subTaskIds"] for upper in task["superTaskIds"])
        assert {*task["authorIds"], *task["responsibleIds"], *task["sharedIds"], *task["followerIds"]} <= people
    for record in [*comments.values(), *files.values()]:
        assert record["authorId"] in people
        assert ("taskId" in record) != ("folderId" in record)
        assert record.get("taskId", record.get("folderId")) in tasks | folders
    for file in files.values():
        assert file.get("currentAttachmentId", file["id"]) in files
        if "commentId" in file:
            assert file.get("currentAttachmentId", file["id"]) in comments[file["commentId"]]["attachmentIds"]
    for dependency in account.dicts(Kind.DEPENDENCIES):
        for end in ("predecessorId", "successorId"):
            assert dependency["id"] in tasks[dependency[end]]["dependencyIds"]
    statuses = {status["id"] for flow in account.dicts(Kind.WORKFLOWS) for status in flow["customStatuses"]}
    assert {task["customStatusId"] for task in tasks.values()} <= statuses


def test_counts_of_attachments_are_those_of_the_newest_versions(account: MockAccount) -> None:
    newest = [record for record in account.dicts(Kind.ATTACHMENTS) if "currentAttachmentId" not in record]
    counts = Counter(record.get("taskId") or record["folderId"] for record in newest)
    for kind in (Kind.TASKS, Kind.FOLDERS):
        for record in account.dicts(kind):
            assert record["attachmentCount"] == counts[record["id"]]
            assert record["hasAttachments"] == (counts[record["id"]] > 0)


def test_versions_of_a_file_are_numbered_and_point_to_the_newest(account: MockAccount) -> None:
    files = [record for record in account.dicts(Kind.ATTACHMENTS) if record["type"] == "Wrike"]
    chains: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        chains.setdefault(file["originVersionId"], []).append(file)
    for chain in chains.values():
        chain.sort(key=lambda file: file["version"])
        assert [file["version"] for file in chain] == list(range(1, len(chain) + 1))
        assert chain[0]["id"] == chain[0]["originVersionId"]
        assert {file.get("currentAttachmentId") for file in chain[:-1]} <= {chain[-1]["id"]}
        assert "currentAttachmentId" not in chain[-1]
        assert len({file["name"] for file in chain}) == 1
        assert [file["createdDate"] for file in chain] == sorted(file["createdDate"] for file in chain)


def test_dates_lie_between_the_account_and_its_now(account: MockAccount) -> None:
    first, last = moment(account.shape.start), moment(account.shape.end(account.shape.generation))
    for kind in (Kind.FOLDERS, Kind.TASKS, Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS):
        for record in account.dicts(kind):
            assert first <= record["createdDate"] < last
            assert record["createdDate"] <= record.get("updatedDate", record["createdDate"]) <= last


def test_many_things_may_fall_into_one_hour() -> None:
    """An import: a window with so many comments that an answer cannot hold them all."""
    account = MockAccount(comments=15_000)
    hours = Counter(record["createdDate"][:13] for record in account.dicts(Kind.COMMENTS))
    assert max(hours.values()) > 1000


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_account_has_every_awkward_case(seed: int) -> None:
    account = MockAccount(seed, 20)
    tasks, folders = list(account.dicts(Kind.TASKS)), list(account.dicts(Kind.FOLDERS))
    for records in (tasks, folders):
        names = [record["id"] for record in records]
        assert {len(name) for name in names} == {12, 16}
        assert len({name.lower() for name in names}) < len(names), "ids that differ only by case"
        assert any("-" in name for name in names)
        assert any("_" in name for name in names)
        assert any(len(record["parentIds"]) > 1 for record in records)
        assert {record["scope"][:2] for record in records} == {"Ws", "Rb"}
    by_id = {task["id"]: task for task in tasks}

    def depth(task: dict[str, Any]) -> int:
        return 1 + max((depth(by_id[sub]) for sub in task["subTaskIds"]), default=0)

    assert max(map(depth, tasks)) >= 6
    assert any(len(task["superTaskIds"]) > 1 for task in tasks)
    assert {len(each["id"]) for each in account.dicts(Kind.DEPENDENCIES)} == {24}
    assert {space["archived"] for space in account.dicts(Kind.SPACES)} == {True, False}
    assert any(folder.get("space") for folder in folders)
    assert any("project" in folder for folder in folders)


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_account_has_every_awkward_file(seed: int) -> None:
    account = MockAccount(seed, 20)
    files = list(account.dicts(Kind.ATTACHMENTS))
    names = {file["name"] for file in files}
    assert {"../../etc/passwd", "CON", "a/b\\c", "", ".."} <= names
    assert any(len(name.encode()) > 255 for name in names)
    assert any("\x00" in name for name in names)
    assert any(name.endswith(".") for name in names)
    assert any("\u202e" in name for name in names)
    assert any(
        unicodedata.normalize("NFC", name) in names - {name} or not unicodedata.is_normalized("NFC", name)
        for name in names
    )
    sizes = [file["size"] for file in files if file["type"] == "Wrike"]
    assert 0 in sizes
    assert max(sizes) > 1_048_576
    kinds = {"Wrike", "Google", "Box", "DropBox", "OneDrive", "SharePoint", "External", "DAM", "Whiteboard"}
    assert {file["type"] for file in files} == kinds
    external = [file for file in files if file["type"] != "Wrike"]
    assert {file["size"] for file in external} == {-1}
    assert any(file["url"].startswith("https://docs.google.com/") for file in external if file["type"] == "Google")
    binned = {record["id"] for kind in (Kind.TASKS, Kind.FOLDERS) for record in account.dicts(kind, trashed=True)}
    owners = [file.get("taskId") or file["folderId"] for file in files]
    assert binned & set(owners)
    assert any("commentId" in file for file in files)
    assert any("folderId" in file and "commentId" not in file for file in files)
    assert {1, 2, 3, 4} <= {file["version"] for file in files}


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_account_has_every_awkward_person_and_setting(seed: int) -> None:
    account = MockAccount(seed, 20)
    contacts = _by_id(account, Kind.CONTACTS)
    assert {contact["type"] for contact in contacts.values()} == {"Person", "Group", "Asset", "Robot"}
    authors = {record["authorId"] for kind in (Kind.COMMENTS, Kind.ATTACHMENTS) for record in account.dicts(kind)}
    assert any(contacts[author]["deleted"] for author in authors)
    assert account.people.ids[account.people.stranger] in authors
    groups = list(account.dicts(Kind.GROUPS))
    assert all(group["id"].startswith("KX") for group in groups)
    assert any(set(group["childIds"]) for group in groups[1:]), "groups within groups"
    comments = list(account.dicts(Kind.COMMENTS))
    assert {comment["type"] for comment in comments} == {"Regular", "Email"}
    assert {"taskId", "folderId"} <= {key for comment in comments for key in comment}
    assert any("categoryId" in log for log in account.dicts(Kind.TIMELOGS))
    assert any(kind["isDeleted"] for kind in account.dicts(Kind.CUSTOM_ITEM_TYPES))
    assert len({field["type"] for field in account.dicts(Kind.CUSTOM_FIELDS)}) == 13
    assert {each["status"] for each in account.dicts(Kind.INVITATIONS)} == {
        "Pending",
        "Accepted",
        "Declined",
        "Cancelled",
    }
    assert all(account.count(kind) for kind in Kind)


def test_an_inline_image_names_an_attachment_of_its_task_by_number() -> None:
    account = MockAccount(tasks=200)
    files = account.belongings.attachments.series
    found = 0
    for task in account.dicts(Kind.TASKS):
        for number, owner in re.findall(r"filemeta/oriented/F(\d+)\.A(\d+)", task["description"]):
            found += 1
            index = files.index(int(number))
            assert index is not None
            assert account.activity.attachment(index)["taskId"] == task["id"]
            assert int(owner) == account.ids.number
    assert found


def test_sizes_follow_from_the_tasks_unless_given() -> None:
    small, large = MockAccount(), MockAccount(tasks=50_000)
    for kind in (
        Kind.FOLDERS,
        Kind.CONTACTS,
        Kind.COMMENTS,
        Kind.TIMELOGS,
        Kind.ATTACHMENTS,
        Kind.AUDIT_LOG,
        Kind.APPROVALS,
    ):
        assert large.count(kind) > 10 * small.count(kind)
    given = MockAccount(attachments=500, attachment_size=1234, comments=7, timelogs=3, folders=100, people=99)
    sizes = Counter(size for _, _, size in given.files())
    assert sizes == {1234: 498, 0: 2}
    assert given.shape.comments == 7
    assert given.count(Kind.FOLDERS, trashed=False) == 100
    assert sum(1 for each in given.dicts(Kind.CONTACTS) if each["type"] != "Group" and not each["deleted"]) == 100


@pytest.mark.parametrize(
    "given", [{"tasks": 3}, {"tasks": 10**8}, {"generation": 13}, {"comments": -1}, {"folders": 2}, {"people": 1}]
)
def test_sizes_that_an_account_cannot_have_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be|at least|negative"):
        MockAccount(**given)


def test_modern_attachment_ids_differ_only_by_case_when_asked_for() -> None:
    names = [name for name, _, _ in MockAccount(attachments=200, modern_attachments=True).files()]
    assert len(set(names)) == len(names)
    assert len({name.lower() for name in names}) < len(names)


def test_a_generation_adds_edits_and_deletes_and_leaves_the_rest_alone() -> None:
    before = MockAccount(tasks=200)
    after = before.changed(1)
    assert _digest(after) == _digest(MockAccount(tasks=200, generation=1))
    assert _digest(after.changed(0)) == _digest(before)
    for kind in (Kind.TASKS, Kind.FOLDERS, Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS):
        old, new = _by_id(before, kind), _by_id(after, kind)
        assert set(new) - set(old), f"new {kind}"
        assert len(set(old) - set(new)) == (1 if kind in (Kind.COMMENTS, Kind.ATTACHMENTS) else 0)
        if kind in (Kind.TASKS, Kind.FOLDERS):
            edited = [name for name in old if old[name]["title"] != new[name]["title"]]
            assert len(edited) == 1
            assert new[edited[0]]["updatedDate"] >= moment(before.shape.end(0))
    replaced = [
        file
        for file in _by_id(after, Kind.ATTACHMENTS).values()
        if file["id"] in _by_id(before, Kind.ATTACHMENTS) and "currentAttachmentId" in file and file["version"] == 1
    ]
    fresh = [file for file in replaced if file["currentAttachmentId"] not in _by_id(before, Kind.ATTACHMENTS)]
    assert fresh, "a file has a new version"
    for name, _, _ in islice(after.files(versions=True), 50):
        if before.find_file(name) is not None:
            assert before.sha256(name) == after.sha256(name)


def test_a_million_tasks_cost_no_memory() -> None:
    """Any record can be had at once, from the first to the last, without the others."""
    tracemalloc.start()
    try:
        account = MockAccount(tasks=1_000_000)
        chance = random.Random(1)
        for index in [0, 999_999, *(chance.randrange(1_000_000) for _ in range(300))]:
            task = account.work.task(index)
            assert account.tree.tasks.find(task["id"]) == index
            account.activity.comment(index)
            account.activity.attachment(index % account.belongings.attachments.series.count)
        assert account.count(Kind.TASKS) > 1_000_000
        assert len(list(islice(account.dicts(Kind.TASKS, skip=999_000), 10))) == 10
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


def test_things_of_a_task_are_found_at_once_in_a_large_account() -> None:
    """Both ways: from the comment to its task, and from the task to its comments."""
    account = MockAccount(tasks=1_000_000)
    comments = account.belongings.comments
    for index in (0, 1, 749_999, 1_499_999):
        assert index in comments.of(*comments.owner(index))
    most = sum(1 for _ in comments.of("task", 0))
    assert most > 1000, "the busiest task has more comments than an answer holds"


def test_records_are_compact_json_on_one_line(account: MockAccount) -> None:
    for kind in Kind:
        for record in account.records(kind):
            assert b"\n" not in record
            assert msgspec.json.encode(msgspec.json.decode(record)) == record


def test_a_day_has_its_date() -> None:
    assert moment(1_791_337_736) == "2026-10-07T01:48:56Z"
    assert moment(DAY - 1) == "1970-01-01T23:59:59Z"
