"""What is in the four files is what is in the records, no less and no more, and verify says which one is not."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from tests.verify.sample import ACCOUNT, RECORDS, UID, Sample
from tests.verify.test_contents import ARCHIVE, MEMBERS, RECORDS_ZIP
from wrikebackup_core.engine.reconciliation import Head, Reconciliation
from wrikebackup_core.engine.verify import Report, verify
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format import layout, schema
from wrikebackup_core.model import Gap, Kind, Record
from wrikebackup_core.testing import MemorySink

Rows = list[dict[str, Any]]
FIRST = {"tasks.json": "4579949070 (MAAAAAEQ_HoO)", "folders.json": "4579949064 (MQAAAAEQ_HoI)"} | {
    "users.json": "KUAZR5CO", "teams.json": "KX7XIKVN"
}  # fmt: skip
SOURCE = {"tasks.json": "tasks", "folders.json": "folders", "users.json": "contacts", "teams.json": "groups"}


def edited(name: str, change: Callable[[Rows], object]) -> dict[str, bytes]:
    rows = json.loads(MEMBERS[name])
    change(rows)
    return MEMBERS | {name: ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode() if rows else b"[]\n"}


def report(**more: Any) -> Report:
    sink = MemorySink()
    Sample(**more).store(sink)
    return verify(sink, ACCOUNT.id, UID, lambda _: None)


def details(**more: Any) -> list[str]:
    found = report(**more)
    assert {(finding.key, finding.what) for finding in found.findings} <= {(ARCHIVE, "damaged")}
    assert found.exit_code is (ExitCode.DAMAGED if found.findings else ExitCode.DONE)
    return [finding.detail for finding in found.findings]


@pytest.mark.parametrize("name", FIRST)
def test_what_the_records_have_and_the_four_files_lack_is_damage_and_named(name: str) -> None:
    told = f"{name}: {FIRST[name]} is missing, which is in {SOURCE[name]}.jsonl"
    assert details(members=edited(name, lambda rows: rows.pop(0))) == [told]


@pytest.mark.parametrize("name", FIRST)
def test_what_the_four_files_have_and_the_records_lack_is_damage_and_named(name: str) -> None:
    def add(rows: Rows) -> None:
        rows.append(rows[0] | ({"uid": "KUAAAAAA"} if "uid" in rows[0] else {"id": 99}))

    key = "KUAAAAAA" if name in ("users.json", "teams.json") else "99"
    assert details(members=edited(name, add)) == [f"{name}: {key} is not in {SOURCE[name]}.jsonl"]


@pytest.mark.parametrize("name", FIRST)
def test_the_order_of_the_four_files_need_not_be_that_of_the_records(name: str) -> None:
    kind = Kind(SOURCE[name])
    records = RECORDS | {kind: [*RECORDS[kind], RECORDS[kind][0] | {"id": "IEAAAEDYKQAB7DLM", "permalink": None}]}
    sample = Sample(records=records)
    sample.store(sink := MemorySink())
    assert verify(sink, ACCOUNT.id, UID, lambda _: None).findings == ()
    backwards = records | {kind: records[kind][::-1]}
    other = Sample(records=backwards)
    other.archive = sample.archive  # type: ignore[method-assign]
    other.store(sink := MemorySink())
    assert verify(sink, ACCOUNT.id, UID, lambda _: None).findings == ()


def test_a_row_that_is_there_twice_is_damage() -> None:
    twice = edited("tasks.json", lambda rows: rows.append(rows[0]))
    assert details(members=twice) == ["tasks.json: 4579949070 (MAAAAAEQ_HoO) is there 2 times, in tasks.jsonl 1 times"]


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1, 2**64 - 1, 2**64, 10**30])
def test_a_number_of_any_size_is_no_reason_to_fail(number: int) -> None:
    """It is found, and what is wrong with the other files as well."""
    members = edited("tasks.json", lambda rows: rows[0].update(id=number))
    members |= {"teams.json": edited("teams.json", lambda rows: rows.clear())["teams.json"]}
    found = details(members=members)
    assert any(detail.startswith("tasks.json: ") for detail in found)
    assert f"teams.json: {FIRST['teams.json']} is missing, which is in groups.jsonl" in found


def test_of_things_without_a_number_the_number_of_them_is_compared() -> None:
    unnumbered = [{"id": id_, "title": id_} for id_ in ("new-1", "new-2")]
    records = RECORDS | {Kind.TASKS: [*RECORDS[Kind.TASKS], *unnumbered]}
    assert details(records=records) == []
    assert details(records=records, members=MEMBERS) == ["tasks.json: 0 without a number, 2 of tasks.jsonl"]


@pytest.mark.parametrize(
    ("kind", "record", "gap"),
    [
        (Kind.TASKS, {"id": "IEAAAEDYKQAB7DLM", "title": 5}, "tasks"),
        (Kind.FOLDERS, {"id": "IEAAAEDYI4AB7DLM", "project": {"authorId": 5}}, "folders"),
        (Kind.CONTACTS, {"id": "KUAZR5CQ", "type": "Person", "profiles": 5}, "contacts"),
        (Kind.GROUPS, {"id": "KX7XIKVO", "memberIds": 5}, "groups"),
    ],
)
def test_a_record_that_could_not_be_used_is_a_gap_and_no_damage(kind: Kind, record: dict[str, Any], gap: str) -> None:
    records = RECORDS | {kind: [*RECORDS[kind], record]}
    assert details(records=records, gaps=(Gap(gap, record["id"], "odd"),)) == []
    [told] = details(records=records, gaps=(Gap(gap, "another", "odd"), Gap(gap, None, "all")))
    assert record["id"] in told
    assert "is missing" in told


def test_where_the_list_of_groups_was_refused_teams_are_the_contacts_that_are_groups() -> None:
    records = RECORDS | {Kind.GROUPS: []}
    assert details(records=records, members=MEMBERS) == []
    lacking = edited("teams.json", lambda rows: rows.clear())
    assert details(records=records, members=lacking) == [
        "teams.json: KX7XIKVN is missing, which is in contacts.jsonl"
    ]  # fmt: skip


def test_a_backup_that_has_no_records_has_nothing_to_be_compared_with() -> None:
    """As Wrike's own tool leaves it."""
    Sample(members=edited("tasks.json", lambda rows: rows.pop(0))).store(sink := MemorySink())
    del sink.objects[RECORDS_ZIP]
    told = verify(sink, ACCOUNT.id, UID, lambda _: None).findings
    assert {(finding.key, finding.what) for finding in told} == {(RECORDS_ZIP, "missing")}


def test_what_is_damaged_in_itself_is_not_compared_as_well() -> None:
    broken = edited("tasks.json", lambda rows: rows[0].pop("title"))
    [told] = details(members=broken)
    assert "title" in told
    Sample().store(sink := MemorySink())
    sink.objects[RECORDS_ZIP] = sink.objects[RECORDS_ZIP][:-30]
    assert {finding.key for finding in verify(sink, ACCOUNT.id, UID, lambda _: None).findings} == {RECORDS_ZIP}


def test_without_a_manifest_nobody_knows_what_could_not_be_used() -> None:
    Sample(members=edited("tasks.json", lambda rows: rows.pop(0))).store(sink := MemorySink())
    key = layout.manifest_key(ACCOUNT.id, UID)
    del sink.objects[key]
    assert {finding.key for finding in verify(sink, ACCOUNT.id, UID, lambda _: None).findings} == {key}


def task(number: int | None) -> schema.Task:
    return schema.Task(number, "", "", "", "", [], [], [], [], [])


def fed(numbers: range, without: int | None = None) -> list[tuple[str, str]]:
    """What the reconciliation of so many tasks finds when one of them is not in the archive."""
    with Reconciliation([]) as reconciliation:
        row, record = reconciliation.rows("tasks.json"), reconciliation.records(Kind.TASKS)
        assert record is not None
        for number in numbers:
            if number != without:
                row(task(number))
            record(Head(f"T{number}", f"https://www.wrike.com/open.htm?id={number}"), Record(b""))
        reconciliation.whole("tasks.json")
        reconciliation.whole(Kind.TASKS)
        return list(reconciliation.differences())


def test_one_of_many_is_found() -> None:
    for without in (1, 5000, 5001, 12_000):
        told = f"{without} (T{without}) is missing, which is in tasks.jsonl"
        assert fed(range(1, 12_001), without) == [("tasks.json", told)]
    for many in (0, 1, 4999, 5000, 5001, 10_000):
        assert fed(range(many)) == []


def test_memory_does_not_grow_with_the_account() -> None:
    def peak(many: int) -> int:
        tracemalloc.start()
        assert len(fed(range(many), many // 2)) == 1
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    fed(range(10))
    assert peak(60_000) < peak(15_000) + (64 << 10)
