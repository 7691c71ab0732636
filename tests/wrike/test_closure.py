"""Dependencies, and what records name that no list brought."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.wrike.crawling import BY_TASK, ITEMS, NAMES, MakeSource, ids, known, read
from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Kind
from wrikebackup_core.testing import MemoryCrawled

ACCOUNT = {"id": "IEAAAAAA", "rootFolderId": "IEAAAAAAI7777777", "recycleBinId": "IEAAAAAAI7777776"}
HANG = [(kind, ITEMS) for kind in (Kind.TASKS, Kind.FOLDERS)] + [
    (kind, NAMES) for kind in (Kind.WORKFLOWS, Kind.CUSTOM_FIELDS, Kind.CUSTOM_ITEM_TYPES, Kind.CONTACTS)
]


def by_id(held: dict[str, dict[str, Any]], status: int = 400) -> Any:
    """One unknown id fails the whole request; more than 100 do too."""

    def answer(asked: Asked) -> Reply:
        wanted = [unquote(id_) for id_ in asked.path.rpartition("/")[2].split(",")]
        if len(wanted) > 100 or not set(wanted) <= set(held):
            return refusal(status, "invalid_request" if status == 400 else "resource_not_found", "invalid id")
        return envelope([held[id_] for id_ in wanted])

    return answer


def things(prefix: str, numbers: range, **more: Any) -> dict[str, dict[str, Any]]:
    return {f"{prefix}{number}": {"id": f"{prefix}{number}", **more} for number in numbers}


def asked_ids(server: ScriptedServer, path: str) -> list[str]:
    return [
        unquote(id_)
        for asked in server.asked
        if asked.path.startswith(path)
        for id_ in asked.path.rpartition("/")[2].split(",")
    ]


def test_dependencies_are_asked_for_once_each_and_100_at_a_time(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    held = things("D", range(1050))
    server.on("/dependencies/", by_id(held))
    # Each stands in the tasks at both ends, far apart.
    ends = [{"id": f"T{n}", "dependencyIds": [f"D{n}"]} for n in range(1050)]
    others = [{"id": f"S{n}", "dependencyIds": [f"D{n}"]} for n in range(1050)]
    pages = read(make_source(), Kind.DEPENDENCIES, BY_TASK, known(tasks=ends + others))
    assert sorted(ids(pages)) == sorted(held)
    assert len(server.asked) == 11
    assert sorted(asked_ids(server, "/dependencies/")) == sorted(held)


def test_no_dependencies_no_request(server: ScriptedServer, make_source: MakeSource) -> None:
    assert read(make_source(), Kind.DEPENDENCIES, BY_TASK, known(tasks=[{"id": "T1", "dependencyIds": []}])) == []
    assert server.asked == []


@pytest.mark.parametrize("status", [400, 404])
def test_one_bad_id_costs_a_few_requests_and_no_record(
    server: ScriptedServer, make_source: MakeSource, status: int
) -> None:
    held = things("D", range(100))
    del held["D37"]
    server.on("/dependencies/", by_id(held, status))
    pages = read(
        make_source(),
        Kind.DEPENDENCIES,
        BY_TASK,
        known(tasks=[{"id": "T", "dependencyIds": list(things("D", range(100)))}]),
    )
    assert sorted(ids(pages)) == sorted(held)
    assert len(server.asked) <= 15


def test_a_dependency_that_may_not_be_read_is_a_gap(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/dependencies/", refusal(403, "access_forbidden", "not yours"))
    (page,) = read(make_source(), Kind.DEPENDENCIES, BY_TASK, known(tasks=[{"id": "T", "dependencyIds": ["D1"]}]))
    assert [(gap.kind, gap.id) for gap in page.gaps] == [("dependencies", "D1")]


def complete() -> MemoryCrawled:
    return known(
        account=[ACCOUNT],
        contacts=[{"id": "K1"}],
        groups=[{"id": "G1", "memberIds": ["K1"]}],
        spaces=[
            {"id": "SP", "defaultTaskWorkflowId": "W1", "defaultProjectWorkflowId": "W1", "members": [{"id": "K1"}]}
        ],
        workflows=[{"id": "W1", "customStatuses": [{"id": "S1"}]}],
        customfields=[{"id": "CF1"}],
        custom_item_types=[{"id": "CI1"}],
        folders=[
            {"id": "SP", "scope": "WsFolder", "parentIds": ["IEAAAAAAI7777777"]},
            {
                "id": "F1",
                "scope": "WsFolder",
                "parentIds": ["SP"],
                "workflowId": "W1",
                "project": {"authorId": "K1", "ownerIds": ["K1"], "customStatusId": "S1"},
            },
        ],
        tasks=[
            {
                "id": "T1",
                "parentIds": ["F1"],
                "sharedIds": ["K1", "G1"],
                "authorIds": ["K1"],
                "customStatusId": "S1",
                "customItemTypeId": "CI1",
                "customFields": [{"id": "CF1", "value": "x"}],
                "subTaskIds": ["T2"],
            },
            {"id": "T2", "superTaskIds": ["T1"]},
        ],
        comments=[{"id": "C1", "taskId": "T1", "authorId": "K1"}, {"id": "C2", "folderId": "F1"}],
        attachments=[{"id": "A1", "taskId": "T2", "authorId": "K1"}],
        timelogs=[{"id": "L1", "taskId": "T2", "userId": "K1"}],
        approvals=[{"id": "P1", "taskId": "T1", "authorId": "K1", "decisions": [{"approverId": "K1"}]}],
    )


def test_nothing_is_asked_when_nothing_is_missing(server: ScriptedServer, make_source: MakeSource) -> None:
    source = make_source()
    for kind, wave in HANG:
        assert read(source, kind, wave, complete()) == []
    assert server.asked == []


@pytest.mark.parametrize("names", ["comments", "attachments", "timelogs"])
def test_tasks_and_folders_that_others_belong_to_are_looked_up(
    server: ScriptedServer, make_source: MakeSource, names: str
) -> None:
    server.on("/tasks/", by_id(things("X", range(150), scope="WsTask")))
    server.on("/folders/", by_id(things("Y", range(1), scope="WsFolder")))
    before = complete()
    more = [{"id": f"N{n}", "taskId": f"X{n}"} for n in range(150)] + [{"id": "M", "folderId": "Y0"}]
    before.add(Kind(names), [json.dumps(item).encode() for item in more])  # type: ignore[misc]
    source = make_source()
    assert sorted(ids(read(source, Kind.TASKS, ITEMS, before))) == sorted(f"X{n}" for n in range(150))
    assert ids(read(source, Kind.FOLDERS, ITEMS, before)) == ["Y0"]
    assert len(server.asked) == 3
    assert "description" not in server.asked[0].query["fields"]


def test_what_lies_in_the_recycle_bin_is_told_apart(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/tasks/", by_id({"X1": {"id": "X1", "scope": "RbTask"}, "X2": {"id": "X2", "scope": "WsTask"}}))
    before = complete()
    before.add(Kind.COMMENTS, [b'{"id":"N1","taskId":"X1"}', b'{"id":"N2","taskId":"X2"}'])  # type: ignore[list-item]
    pages = read(make_source(), Kind.TASKS, ITEMS, before)
    assert ids(pages) == ["X2"]
    assert [id_ for page in pages for id_ in page.recycled] == ["X1"]
    # A run that was killed here does not ask again.
    assert read(make_source(), Kind.TASKS, ITEMS, before, pages[-1].cursor) == []
    assert len(server.asked) == 1


def test_subtasks_that_a_shifted_page_lost_are_found_with_their_own(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    found = {
        "T3": {"id": "T3", "superTaskIds": ["T1"], "subTaskIds": ["T4"]},
        "T4": {"id": "T4", "superTaskIds": ["T3"], "subTaskIds": []},
    }
    server.on("/tasks/", by_id(found))
    before = known(account=[ACCOUNT], tasks=[{"id": "T1", "subTaskIds": ["T3"]}])
    assert ids(read(make_source(), Kind.TASKS, ITEMS, before)) == ["T3", "T4"]
    assert asked_ids(server, "/tasks/") == ["T3", "T4"]


def test_spaces_and_parents_missing_among_the_folders_are_looked_up_but_no_virtual_ones(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/folders/", by_id(things("F", range(2), scope="WsFolder") | things("SP", range(1), scope="WsFolder")))
    before = known(
        account=[ACCOUNT],
        spaces=[{"id": "SP0"}],
        folders=[{"id": "F1", "parentIds": ["IEAAAAAAI7777777"]}],
        tasks=[{"id": "T1", "parentIds": ["F0", "IEAAAAAAI7777776"]}],
    )
    assert sorted(ids(read(make_source(), Kind.FOLDERS, ITEMS, before))) == ["F0", "SP0"]
    assert sorted(asked_ids(server, "/folders/")) == ["F0", "SP0"]


def test_ids_that_do_not_belong_into_a_path_are_never_sent(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/tasks/", by_id({"X-_:.=1": {"id": "X-_:.=1"}}))
    before = known(account=[ACCOUNT], comments=[
        {"id": f"C{number}", "taskId": id_}
        for number, id_ in enumerate(["../../account", "..", "a/b", "x?y", "a b", "", "ü", "x" * 300, "a,b", "X-_:.=1"])
    ])  # fmt: skip
    assert ids(read(make_source(), Kind.TASKS, ITEMS, before)) == ["X-_:.=1"]
    assert len(server.asked) == 1


def test_people_fields_and_types_that_are_unknown_are_looked_up(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/contacts/", by_id(things("K", range(10))))
    server.on("/customfields/", by_id(things("CF", range(10))))
    server.on("/custom_item_types/", by_id(things("CI", range(10))))
    before = complete()
    task = {"id": "T9", "authorIds": ["K2"], "customFields": [{"id": "CF2"}], "customItemTypeId": "CI2"}
    before.add(Kind.TASKS, [json.dumps(task).encode()])  # type: ignore[list-item]
    before.add(Kind.COMMENTS, [b'{"id":"C9","taskId":"T9","authorId":"K3"}'])  # type: ignore[list-item]
    before.add(Kind.TIMELOGS, [b'{"id":"L9","taskId":"T9","userId":"K4"}'])  # type: ignore[list-item]
    source = make_source()
    assert ids(read(source, Kind.CONTACTS, NAMES, before)) == ["K2", "K3", "K4"]
    assert ids(read(source, Kind.CUSTOM_FIELDS, NAMES, before)) == ["CF2"]
    assert ids(read(source, Kind.CUSTOM_ITEM_TYPES, NAMES, before)) == ["CI2"]
    assert len(server.asked) == 3


def test_names_that_lead_nowhere_do_not_cost_without_end(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/contacts/", refusal(403, "access_forbidden"))
    before = known(account=[ACCOUNT], comments=[{"id": f"C{n}", "authorId": f"K{n}"} for n in range(3000)])
    assert ids(read(make_source(concurrency=1), Kind.CONTACTS, NAMES, before)) == []
    assert len(server.asked) < 700


def spaces(count: int) -> list[dict[str, Any]]:
    return [{"id": f"SP{n}", "defaultTaskWorkflowId": "W1", "defaultProjectWorkflowId": "W1"} for n in range(count)]


def test_a_space_is_asked_for_its_workflows_where_its_own_is_unknown(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/spaces/SP3/workflows", envelope([{"id": "W9", "customStatuses": [{"id": "S9"}]}]))
    all_spaces = spaces(5)
    all_spaces[3]["defaultTaskWorkflowId"] = "W9"
    before = known(
        account=[ACCOUNT],
        spaces=all_spaces,
        workflows=[{"id": "W1", "customStatuses": [{"id": "S1"}]}],
        tasks=[{"id": "T1", "customStatusId": "S9"}, {"id": "T2", "customStatusId": "S1"}],
    )
    assert ids(read(make_source(), Kind.WORKFLOWS, NAMES, before)) == ["W9"]
    assert server.paths() == ["/spaces/SP3/workflows"]


def test_spaces_are_asked_until_every_status_is_known_and_no_further(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on(
        "/spaces/",
        lambda asked: envelope([{"id": "W" + asked.path[8:10], "customStatuses": [{"id": "S" + asked.path[10]}]}]),
    )
    before = known(
        account=[ACCOUNT],
        spaces=spaces(6),
        workflows=[{"id": "W1", "customStatuses": []}],
        tasks=[{"id": "T1", "customStatusId": "S2"}],
    )
    source = make_source()
    pages = read(source, Kind.WORKFLOWS, NAMES, before)
    assert server.paths() == [f"/spaces/SP{n}/workflows" for n in range(3)]
    # Killed after the first space, it goes on with the second.
    again = make_source()
    del server.asked[:]
    read(
        again,
        Kind.WORKFLOWS,
        NAMES,
        known(
            account=[ACCOUNT], spaces=spaces(6), workflows=[{"id": "W1"}], tasks=[{"id": "T1", "customStatusId": "S2"}]
        ),
        pages[0].cursor,
    )
    assert server.paths() == [f"/spaces/SP{n}/workflows" for n in (1, 2)]
