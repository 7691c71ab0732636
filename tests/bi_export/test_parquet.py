"""Parquet holds what the CSV holds: typed where every value fits, as text where one does not, in groups of bounded size."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bi_export.conftest import TABLES, MakePlace, gaps, rows, stored
from wrikebackup_bi_export.rows import TableCheck
from wrikebackup_core import Column, Interrupted, SourceError, Table
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.testing import MemoryReader, MemorySink
from wrikebackup_mock.bi_export import Whole

pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
module = pytest.importorskip("wrikebackup_bi_export.parquet")


def made(data: bytes, *columns: Column) -> Any:
    """The table as Parquet, made again with text columns as long as that is asked for, as a run does."""
    table = Table("t", lambda offset: MemoryReader(data, offset), columns)
    texts: set[str] = set()
    for _ in range(2):
        check = TableCheck("table t", columns, "IEAAAEDY")
        pieces = [data[at : at + 64] for at in range(0, len(data), 64)]
        bodies: Iterator[bytes] = check.rows(pieces)
        try:
            whole = b"".join(module.parquet(table, check, bodies, texts))
        except Interrupted:
            continue
        return pq.read_table(io.BytesIO(whole))
    raise AssertionError("once more should have been enough")


def column(data_type: str, *values: str, name: str = "v") -> Any:
    """The values of a column of that type, and its type."""
    data = f"k,{name}\n" + "".join(f"1,{value}\n" for value in values)
    found = made(data.encode(), Column("k", "String"), Column(name, data_type)).column(name)
    return found.to_pylist(), str(found.type)


def test_types_come_from_the_schema() -> None:
    assert column("Number", "7", "", "-3", name="user_id") == ([7, None, -3], "int64")
    assert column("Number", "7", "1.25", "") == ([7.0, 1.25, None], "double")
    assert column("Date", "2026-10-07 01:48:56", "") == ([datetime(2026, 10, 7, 1, 48, 56), None], "timestamp[us]")  # noqa: DTZ001
    assert column("Date", "2026-10-07") == ([datetime(2026, 10, 7)], "timestamp[us]")  # noqa: DTZ001
    assert column("Date", "2026-10-07T01:48:56Z")[0] == [datetime(2026, 10, 7, 1, 48, 56, tzinfo=UTC)]
    assert column("Boolean", "t", "f", "", "true", "FALSE") == ([True, False, None, True, False], "bool")
    assert column("String", "", "007") == (["", "007"], "string")


@pytest.mark.parametrize(
    ("data_type", "name", "values"),
    [
        ("Number", "user_id", ["1", "9223372036854775808"]),
        ("Number", "user_id", ["1", "1.5"]),
        ("Number", "v", ["1", "0.1234567890123456789"]),
        ("Number", "v", ["9007199254740993"]),
        ("Number", "v", ["1", "n/a"]),
        ("Date", "v", ["2026-10-07", "300-3003-300 00:00"]),
        ("Date", "v", ["2026-10-07T01:00:00Z", "2026-10-07"]),
        ("Boolean", "v", ["t", "maybe"]),
    ],
)
def test_a_column_with_a_value_that_does_not_fit_is_text_and_that_is_told(
    data_type: str, name: str, values: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert column(data_type, *values, name=name) == (values, "string")
    assert f"the column {name} is stored as text" in caplog.text


def test_all_columns_that_do_not_fit_are_found_at_once() -> None:
    data = b"a,b,c\n1,x,1\ny,2,2\n"
    found = made(data, *(Column(name, "Number") for name in "abc"))
    assert [str(field.type) for field in found.schema] == ["string", "string", "double"]


@given(
    st.lists(
        st.one_of(st.integers(-(2**70), 2**70).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr)),
        min_size=1,
    )
)
def test_no_number_is_rounded(numbers: list[str]) -> None:
    found, kind = column("Number", *numbers)
    assert found == numbers if kind == "string" else [float(number) for number in numbers] == found
    if kind == "double":
        assert all(float(repr(one)) == float(text) for one, text in zip(found, numbers, strict=True))


def test_quoted_line_breaks_and_commas_are_in_the_values() -> None:
    data = 'k,v\n1,"a,\n""b"" é"\n2,\n'.encode()
    assert made(data, Column("k", "Number"), Column("v", "String")).column("v").to_pylist() == ['a,\n"b" é', ""]


def test_a_table_without_rows_has_its_columns() -> None:
    found = made(b"user_id,v\n", Column("user_id", "Number"), Column("v", "Date"))
    assert (found.num_rows, found.column_names) == (0, ["user_id", "v"])


def test_a_row_with_too_few_fields_in_the_middle_is_told() -> None:
    with pytest.raises(SourceError, match="table t"):
        made(b"a,b\n1,2\n3\n4,5\n", Column("a", "Number"), Column("b", "Number"))


def test_a_large_table_is_written_group_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GROUP", 1000)
    monkeypatch.setattr(module, "_BATCH", 100)
    data = b"k,v\n" + b"".join(b"%d,x\n" % number for number in range(1000))
    table = Table("t", lambda offset: MemoryReader(data, offset), (Column("k", "Number"), Column("v", "String")))
    check = TableCheck("table t", table.columns, "IEAAAEDY")
    bodies = check.rows([data[at : at + 64] for at in range(0, len(data), 64)])
    file = pq.ParquetFile(io.BytesIO(b"".join(module.parquet(table, check, bodies, set()))))
    assert file.num_row_groups >= 5
    assert file.read().column("k").to_pylist() == list(range(1000))


@pytest.mark.parametrize("form", ["parquet", "both"])
def test_a_run_stores_every_table_with_the_same_values(make_place: MakePlace, form: str) -> None:
    place, sink = make_place(), MemorySink()
    assert place.run(sink, format=form).exit_code is ExitCode.DONE
    found = stored(sink)
    endings = {"parquet": ["parquet"], "both": ["csv", "parquet"]}[form]
    assert set(found) == {f"{name}.{ending}" for name in TABLES for ending in endings} | {"schema.json"}
    for name in TABLES:
        typed = pq.read_table(io.BytesIO(found[f"{name}.parquet"]))
        plain = rows(place.truth(name))
        assert typed.num_rows == len(plain)
        for key in typed.column_names:
            if pa.types.is_integer(typed.schema.field(key).type):
                assert typed.column(key).to_pylist() == [int(row[key]) if row[key] else None for row in plain]
            if pa.types.is_string(typed.schema.field(key).type):
                assert typed.column(key).to_pylist() == [row[key] for row in plain]


def test_a_run_stores_a_column_that_does_not_fit_as_text_without_a_gap(make_place: MakePlace) -> None:
    place, sink = make_place(there=False), MemorySink()
    data = place.truth("group").replace(b"\n", b"\nnot a number,x\n", 1)
    place.server.exports.extra = {"group": Whole(data)}
    place.server.exports.renew()
    outcome = place.run(sink, format="parquet")
    assert outcome.exit_code is ExitCode.DONE, gaps(outcome)
    assert pq.read_table(io.BytesIO(stored(sink)["group.parquet"])).column("group_id")[0].as_py() == "not a number"
