"""What was staged comes back as it was, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core import Kind, Page, Record
from wrikebackup_core.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.sqlite")
    yield spool
    spool.close()


def add(spool: Spool, kind: Kind, *records: Mapping[str, object], recycled: tuple[str, ...] = ()) -> None:
    page = [Record(json.dumps(record, ensure_ascii=False).encode()) for record in records]
    spool.add(kind, 0, Page(page, "a cursor", recycled=recycled))


@given(st.lists(st.dictionaries(st.text(max_size=8), st.text(max_size=50), max_size=3), max_size=20))
def test_records_come_back_in_their_order_byte_by_byte(
    tmp_path_factory: pytest.TempPathFactory, given: list[dict[str, str]]
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool") / "spool.sqlite")
    records = [{**record, "id": f"I{number}"} for number, record in enumerate(given)]
    add(spool, Kind.TASKS, *records)
    wanted = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    assert list(spool.records(Kind.TASKS)) == wanted
    assert b"\n".join(spool.lines(Kind.TASKS)) == b"\n".join(wanted)
    assert list(spool.ids(Kind.TASKS)) == [record["id"] for record in records]
    spool.close()


def test_a_record_that_came_in_several_lines_is_one(spool: Spool) -> None:
    spool.add(Kind.TASKS, 0, Page([Record(b'{"id": "A",\r\n\t"title": "a\\n\tb"}'), Record(b'{"id": "B"}')]))
    assert [json.loads(record, strict=False) for record in spool.records(Kind.TASKS)] == [
        {"id": "A", "title": "a\n\tb"},
        {"id": "B"},
    ]


def test_bytes_that_are_no_text_stay_what_they_are(spool: Spool) -> None:
    odd = Record(b'{"id":"A","title":"\xff\xfe\x01"}')
    spool.add(Kind.TASKS, 0, Page([odd]))
    spool.add(Kind.COMMENTS, 0, Page([Record(b'{"id":"C","taskId":"A","text":"\xc3("}')]))
    (item,) = spool.items(Kind.TASKS)
    assert list(spool.records(Kind.TASKS)) == [item.body] == [odd]
    assert item.comments == [b'{"id":"C","taskId":"A","text":"\xc3("}']


def test_every_item_has_its_own_and_no_other_s_belongings(spool: Spool) -> None:
    """Across the borders of what is read at a time, with tabs and odd ids, in the order in which they came."""
    count = 1234
    add(spool, Kind.TASKS, *({"id": f"T\t{number}"} for number in range(count)))
    for kind in (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS):
        belongings = [
            {"id": f"{kind}{number}", "taskId": f"T\t{number % 777}", "text": "a\tb"} for number in range(2000)
        ]
        add(spool, kind, *belongings)
    for number, item in enumerate(spool.items(Kind.TASKS)):
        assert json.loads(item.body) == {"id": f"T\t{number}"}
        wanted = list(range(number, 2000, 777)) if number < 777 else []
        found = {"comments": item.comments, "attachments": item.attachments, "timelogs": item.timelogs}
        for name, records in found.items():
            assert [json.loads(record)["id"] for record in records] == [f"{name}{place}" for place in wanted]
    assert number == count - 1


def test_huge_records_among_small_ones_are_read_a_few_at_a_time(spool: Spool) -> None:
    records: list[dict[str, object]] = [{"id": f"A{n}", "title": "x" * (3_000_000 if n % 3 else 1)} for n in range(10)]
    add(spool, Kind.TASKS, *records)
    assert max(map(len, spool.lines(Kind.TASKS))) < 10_000_000
    assert [json.loads(record) for record in spool.records(Kind.TASKS)] == records


def test_attachments_of_what_is_in_the_recycle_bin_are_not_in_use(spool: Spool) -> None:
    add(spool, Kind.TASKS, {"id": "T1", "scope": "WsTask"}, {"id": "T2", "scope": "RbTask"}, recycled=("T3",))
    add(spool, Kind.FOLDERS, {"id": "F1", "scope": "RbFolder"})
    owners: list[dict[str, object]] = [
        {"taskId": "T1"}, {"taskId": "T2"}, {"taskId": "T3"}, {"folderId": "F1"}, {"folderId": "F2"}, {},
    ]  # fmt: skip
    add(spool, Kind.ATTACHMENTS, *({"id": f"A{number}", **owner} for number, owner in enumerate(owners)))
    assert [json.loads(record)["id"] for record in spool.attachments_in_use()] == ["A0", "A4", "A5"]


def test_the_cursor_of_an_earlier_wave_can_be_looked_up(spool: Spool) -> None:
    spool.add(Kind.COMMENTS, 0, Page((), "here"))
    spool.finish(Kind.COMMENTS, 0)
    spool.finish(Kind.TASKS, 0)
    assert spool.reached(Kind.COMMENTS, 0) == "here"
    assert spool.reached(Kind.COMMENTS, 1) is None
    assert spool.reached(Kind.TASKS, 0) is None
