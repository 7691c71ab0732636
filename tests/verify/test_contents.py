"""What verify sees inside the zips, when their checksums fit."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.verify.sample import ACCOUNT, FILES, RECORDS, UID, Sample
from wrikebackup_core.engine.verify import Report, verify
from wrikebackup_core.format import layout
from wrikebackup_core.model import Kind
from wrikebackup_core.testing import MemorySink

ARCHIVE, RECORDS_ZIP = layout.archive_key(ACCOUNT.id, UID), layout.records_key(ACCOUNT.id, UID)
SAMPLE = Sample()
with zipfile.ZipFile(io.BytesIO(SAMPLE.archive())) as _archive:
    MEMBERS = {name: _archive.read(name) for name in _archive.namelist()}


def checked(members: dict[str, bytes], **more: Any) -> Report:
    sink = MemorySink()
    Sample(members=members, **more).store(sink)
    return verify(sink, ACCOUNT.id, UID, lambda _: None)


def details(members: dict[str, bytes], key: str = ARCHIVE, **more: Any) -> list[str]:
    findings = checked(members, **more).findings
    assert {(finding.key, finding.what) for finding in findings} <= {(key, "damaged")}
    return [finding.detail for finding in findings]


def edited(change: Any, name: str = "tasks.json") -> dict[str, bytes]:
    rows = json.loads(MEMBERS[name])
    change(rows)
    return MEMBERS | {name: ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode()}


def test_a_record_that_is_nested_without_end_is_told_with_its_line() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    tasks = MEMBERS | {"tasks.json": b'[\n{"x":' + deep + b"}\n]\n"}
    assert "tasks.json: record 1 is nested more than 100 deep" in details(tasks)


LAYOUTS = {
    "compact": lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    "indented": lambda value: json.dumps(value, indent=4),
    "one line": json.dumps,
    "spread": lambda value: "\n\n[\n\n" + ",\n\n".join(json.dumps(row, indent=1) for row in value) + "\n\n]\n\n",
    "no last newline": lambda value: "[\n" + ",\n".join(map(json.dumps, value)) + "\n]",
    "windows": lambda value: "[\r\n" + ",\r\n".join(map(json.dumps, value)) + "\r\n]\r\n",
    "mixed": lambda value: (
        "[\n" + ",\n".join(json.dumps(row, indent=n or None) for n, row in enumerate(value)) + "\n]\n"
    ),
}


@pytest.mark.parametrize("how", LAYOUTS)
def test_json_laid_out_in_another_way_is_as_good(how: str) -> None:
    members = {name: LAYOUTS[how](json.loads(data)).encode() for name, data in MEMBERS.items()}
    assert details(members) == []


@pytest.mark.parametrize("how", LAYOUTS)
def test_a_wrong_type_is_found_however_the_json_is_laid_out(how: str) -> None:
    rows = json.loads(MEMBERS["tasks.json"])
    rows[1]["attachments"][0]["name"] = 7
    [detail] = details(MEMBERS | {"tasks.json": LAYOUTS[how](rows).encode()})
    assert detail.startswith("tasks.json: ")
    assert "attachments[0].name" in detail


@pytest.mark.parametrize("how", ["compact", "no last newline"])
def test_files_that_are_named_are_looked_for_however_the_json_is_laid_out(how: str) -> None:
    members = {name: LAYOUTS[how](json.loads(data)).encode() for name, data in MEMBERS.items()}
    sink = MemorySink()
    Sample(members=members, files={id_: data for id_, data in FILES.items() if id_ != "IEAAAEDYIYAB7DLK"}).store(sink)
    assert [finding.what for finding in verify(sink, ACCOUNT.id, UID, lambda _: None).findings] == ["missing"]


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("tasks.json", lambda rows: rows[0].pop("timeLogs"), "timeLogs"),
        ("tasks.json", lambda rows: rows[0].update(dateCreated="2026-10-07T01:48:56Z"), "dateCreated"),
        ("tasks.json", lambda rows: rows[0].update(shared=[1]), "shared"),
        ("tasks.json", lambda rows: rows[0]["attachments"][0].update(attachType="Stored"), "attachType"),
        ("tasks.json", lambda rows: rows[0]["comments"][0].pop("author"), "author"),
        ("tasks.json", lambda rows: rows.append([]), "object"),
        ("folders.json", lambda rows: rows[0].update(children=["MQAAAAEQ_HoI"]), "children"),
        ("folders.json", lambda rows: rows[0].pop("googleDocs"), "googleDocs"),
        ("users.json", lambda rows: rows[0].update(userType=3), "userType"),
        ("users.json", lambda rows: rows[0].update(email=None), "email"),
        ("teams.json", lambda rows: rows[0].update(members=rows[0].pop("Members")), "Members"),
    ],
)
def test_records_that_do_not_fit_the_schema_are_named_with_file_line_and_key(name: str, change: Any, word: str) -> None:
    [detail] = details(edited(change, name))
    assert detail.startswith(f"{name}: line ")
    assert word in detail


def test_keys_that_the_schema_does_not_know_are_no_damage() -> None:
    assert details(edited(lambda rows: rows[0].update(status="Active"))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[", b"{}", b"null", b"7", b'"x"', b"[\n", b"[\n]", b"[]\n[]", b"[\n\n]\n", b"[]\nx", b'[\n{"id":1},\n]\n',
        MEMBERS["tasks.json"][:-3], MEMBERS["tasks.json"][:-30], MEMBERS["tasks.json"] + b"x", MEMBERS["tasks.json"][2:],
        MEMBERS["tasks.json"].replace(b"\n{", b"\n\xff{", 1), MEMBERS["tasks.json"].replace(b"},\n{", b"}\n{"), b"[" * 100_000,
        b'[{"item": 1}',
    ],
)  # fmt: skip
def test_what_is_no_json_array_is_found(data: bytes) -> None:
    try:
        harmless = json.loads(data) == []
    except (ValueError, RecursionError):
        harmless = False
    no_tasks = RECORDS | {Kind.TASKS: []}
    assert bool(details(MEMBERS | {"tasks.json": data}, records=no_tasks)) != harmless


def test_the_zip_holds_the_four_files_in_their_order_and_nothing_else() -> None:
    names = list(MEMBERS)
    orders = [names[::-1], names[:3], [*names, "extra.json"], [], ["Users.json", *names[1:]]]
    for order in orders:
        found = details({name: MEMBERS.get(name, b"[]\n") for name in order} or {"x": b""})
        assert any(detail.startswith("holds ") for detail in found), order


def test_many_findings_of_one_kind_are_counted_and_not_all_listed() -> None:
    rows = [{"id": number} for number in range(500)]
    found = details(MEMBERS | {"teams.json": LAYOUTS["one line"](rows).encode()})
    assert len(found) == 21
    assert found[-1].endswith("480 more findings of this kind") or any("480 more" in detail for detail in found)


TWO_WORKFLOWS = RECORDS | {Kind.WORKFLOWS: [{"id": "a"}, {"id": "b"}]}


def stored_with(member: str, lines: bytes, **more: Any) -> list[str]:
    """Details found in a records zip in which one member is `lines`."""
    sample = Sample(**more)
    with zipfile.ZipFile(io.BytesIO(sample.records_zip())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | {member: lines}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    sample.records_zip = buffer.getvalue  # type: ignore[method-assign]
    sink = MemorySink()
    sample.store(sink)
    findings = verify(sink, ACCOUNT.id, UID, lambda _: None).findings
    assert {finding.key for finding in findings} <= {RECORDS_ZIP}
    return [finding.detail for finding in findings]


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (b'{"id":"a"}\n', "1 record of workflows, 2 by the manifest"),
        (b'{"id":"a"}\n{"id":"b"\n', "line 2"),
        (b'{"id":"a"}\n[1]\n', "line 2"),
        (b'{"id":"a"}\n\xff\n', "line 2"),
        (b'{"id":"a"}\n\n', "line 2"),
        (b'{"id":"a"} {"id":"b"}\n{}\n', "line 1"),
    ],
)
def test_records_that_are_no_objects_one_to_a_line_are_found(lines: bytes, word: str) -> None:
    [detail] = stored_with("workflows.jsonl", lines, records=TWO_WORKFLOWS)
    assert word in detail


def test_records_are_as_the_api_gave_them_and_need_be_no_more_than_json() -> None:
    lines = b'{"title":"\\ud800 lone"}\n {"x": [ {}, null ] } \n'
    assert stored_with("workflows.jsonl", lines, records=TWO_WORKFLOWS) == []
    nothing = {"members": MEMBERS | {"tasks.json": b"[]\n"}}
    assert stored_with("tasks.jsonl", lines, **nothing) == []


def test_what_is_no_list_of_records_does_not_belong_into_the_records_zip() -> None:
    assert "readme.txt" in stored_with("readme.txt", b"hello")[0]
    assert "2 records of secrets, 0 by the manifest" in stored_with("secrets.jsonl", b"{}\n{}\n")[0]


def test_an_attachment_record_that_makes_no_sense_is_found() -> None:
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in RECORDS[Kind.ATTACHMENTS][1:])
    [detail] = stored_with("attachments.jsonl", b'{"id":"IEAAAEDYIYAB7DLK","name":8}\n' + lines)
    assert detail.startswith("attachments.jsonl: line 1: attachments IEAAAEDYIYAB7DLK: ")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
def test_another_compression_is_as_good(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(name, data)
    sample = Sample()
    sample.archive = buffer.getvalue  # type: ignore[method-assign]
    sink = MemorySink()
    sample.store(sink)
    assert verify(sink, ACCOUNT.id, UID, lambda _: None).findings == ()
