"""`wrikebackup diff` tells what changed in the account between two backups, and never calls unequal what is equal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lookup.shelf import Ran, Shelf
from wrikebackup_core import Gap

_A, _B = "20261101T000000Z-a", "20261102T000000Z-b"
_TASKS = [
    {"id": "T1", "title": "stays", "updatedDate": "1"},
    {"id": "T2", "title": "goes"},
    {"id": "T3", "title": "changes", "status": "Active", "description": "x" * 90 + "old", "sharedIds": ["U1", "U2"]},
    {"id": "T4", "title": "touched", "updatedDate": "1", "parentIds": ["F1", "F2"]},
]
_LATER = [
    {"id": "T5", "title": "comes"},
    {"title": "stays", "updatedDate": "1", "id": "T1"},
    {"id": "T4", "title": "touched", "updatedDate": "2", "parentIds": ["F2", "F1"]},
    {
        "id": "T3",
        "title": "changes",
        "status": "Done",
        "description": "x" * 90 + "new",
        "sharedIds": ["U2", "U3"],
        "updatedDate": "2",
    },
]


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    shelf.put(_A, {"tasks": _TASKS, "attachments": [{"id": "A1", "name": "a.pdf", "size": 1500}]})
    shelf.put(_B, {"tasks": _LATER, "attachments": [{"id": "A2", "name": "b.pdf", "size": 2500}]})
    return shelf


@pytest.mark.usefixtures("two")
def test_what_came_went_and_changed_is_told_by_kind_and_field(cli: Callable[..., Ran]) -> None:
    ran = cli("diff", "previous")
    assert ran.code == 1
    assert ran.err == ""
    assert ran.lines == [
        f"{_A} -> {_B}",
        "  tasks        +1  -1  ~1  1 only touched",
        "  attachments  +1  -1",
        "",
        "+ tasks T5  comes",
        "~ tasks T3  changes",
        '    status: "Active" -> "Done"',
        '    description: "…xxxxxxxxxxxxold" -> "…xxxxxxxxxxxxnew"',
        '    sharedIds: -"U1" +"U3"',
        "- tasks T2  goes",
        "+ attachments A2  b.pdf  2.5 kB",
        "- attachments A1  a.pdf  1.5 kB",
    ]


@pytest.mark.usefixtures("two")
def test_all_fields_shows_what_changes_by_itself_too(cli: Callable[..., Ran]) -> None:
    changed = [one for one in cli("diff", _A, "--all-fields", "--json").documents if one.get("change") == "changed"]
    assert {one["id"]: set(one["fields"]) for one in changed} == {
        "T3": {"status", "description", "sharedIds", "updatedDate"},
        "T4": {"updatedDate", "parentIds"},
    }


@pytest.mark.usefixtures("two")
def test_programs_get_a_line_for_each_record_and_the_numbers(cli: Callable[..., Ran]) -> None:
    *changes, summary = cli("diff", _A, _B, "--kind", "tasks", "--json").documents
    assert [(one["change"], one["id"]) for one in changes] == [("added", "T5"), ("changed", "T3"), ("removed", "T2")]
    assert changes[1]["fields"]["status"] == {"old": "Active", "new": "Done"}
    assert summary["kinds"] == [
        {
            "kind": "tasks",
            "added": 1,
            "removed": 1,
            "changed": 1,
            "touched": 1,
            "by_field": {"status": 1, "description": 1, "sharedIds": 1},
        }
    ]
    assert (summary["old"], summary["new"], summary["not_compared"]) == (_A, _B, {})


@pytest.mark.usefixtures("two")
def test_the_numbers_alone_and_the_other_way_round(cli: Callable[..., Ran]) -> None:
    assert cli("diff", _B, _A, "--stat", "--kind", "attachments").lines == [f"{_B} -> {_A}", "  attachments  +1  -1"]


@pytest.mark.usefixtures("two")
def test_a_backup_is_the_same_as_itself(cli: Callable[..., Ran]) -> None:
    assert cli("diff", _A, _A) == Ran(0, f"{_A} -> {_A}: nothing differs\n".encode(), "")


def test_the_order_of_records_and_keys_is_no_difference(cli: Callable[..., Ran], shelf: Shelf) -> None:
    shelf.put(_A, {"tasks": [{"id": "T1", "a": {"x": 1, "y": 2}}, {"id": "T2"}]})
    shelf.put(_B, {"tasks": [{"id": "T2"}, {"a": {"y": 2, "x": 1}, "id": "T1"}]})
    assert cli("diff", "previous", "--all-fields").code == 0


def test_of_two_records_with_one_id_the_later_counts(cli: Callable[..., Ran], shelf: Shelf) -> None:
    shelf.put(_A, {"tasks": [{"id": "T1", "title": "early"}, {"id": "T1", "title": "late"}]})
    shelf.put(_B, {"tasks": [{"id": "T1", "title": "late"}]})
    assert cli("diff", "previous").code == 0


def test_a_kind_that_one_backup_was_taken_without_is_not_taken_for_deleted(
    cli: Callable[..., Ran], shelf: Shelf
) -> None:
    records = {"tasks": [{"id": "T1"}], "comments": [{"id": "C1"}], "timelogs": [{"id": "L1"}]}
    shelf.put(_A, records)
    shelf.put(_B, {"tasks": records["tasks"]}, skipped=["comments"], gaps=[Gap("timelogs", None, "refused")])
    ran = cli("diff", "previous")
    assert ran.code == 3
    assert "removed" not in ran.out.decode()
    assert f"comments not compared: left out of {_B}" in ran.err
    assert f"timelogs not compared: could not be read for {_B}" in ran.err


def test_with_a_backup_of_wrikes_own_tool_the_four_files_are_compared(cli: Callable[..., Ran], shelf: Shelf) -> None:
    files = {"tasks.json": [{"id": 1, "title": "one"}], "users.json": [{"uid": "U1", "firstName": "Ada"}]}
    shelf.put(_A, None, files=files)
    shelf.put(_B, {"tasks": []}, files={"tasks.json": [{"id": 1, "title": "two"}], "users.json": files["users.json"]})
    ran = cli("diff", "previous")
    assert ran.lines[1:] == ["  tasks  ~1", "", "~ tasks 1  two", '    title: "one" -> "two"']
    assert "only the four files are compared" in ran.err


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["zz"], "there is no backup zz"),
        (["previous", _A], "there is no backup before"),
        ([_A, "previous"], "`previous` is for A"),
        (["previous", "--kind", "nope"], "there are no nope"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(cli: Callable[..., Ran], words: list[str], told: str) -> None:
    ran = cli("diff", *words)
    assert (ran.code, ran.out) == (2, b"")
    assert told in ran.err


def test_a_damaged_kind_is_told_of_and_the_others_are_compared(cli: Callable[..., Ran], shelf: Shelf) -> None:
    shelf.put(_A, {"tasks": [b"{nonsense"], "comments": [{"id": "C1"}]})
    shelf.put(_B, {"tasks": [{"id": "T1"}], "comments": []})
    ran = cli("diff", "previous")
    assert ran.code == 3
    assert "- comments C1" in ran.lines
    assert "tasks not compared: it could not be read" in ran.err
