"""Cutting CSV at rows and checking it: whatever the pieces it comes in, nothing is changed and no row is cut."""

from __future__ import annotations

import collections
import csv
import io
import itertools
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_bi_export.rows import Rows, TableCheck, values
from wrikebackup_core import Column, SourceError, Withdrawn

ACCOUNT = "IEAAAEDY"
FIELDS = st.text(st.sampled_from('ab,"\n\r é漢🚀\t;'), max_size=8)


def written(table: Sequence[Sequence[str]], *, crlf: bool, bom: bool, quoted: bool, end: bool) -> bytes:
    text = io.StringIO(newline="")
    break_ = "\r\n" if crlf else "\n"
    writer = csv.writer(text, lineterminator=break_, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows(table)
    data = text.getvalue().removesuffix("" if end else break_)
    return (b"\xef\xbb\xbf" if bom else b"") + data.encode()


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], bytes]:
    """A table of at least two columns, and its CSV in one of the ways in which it is written."""
    width = draw(st.integers(2, 4))
    rows = draw(st.lists(st.lists(FIELDS, min_size=width, max_size=width), max_size=6))
    flags = {name: draw(st.booleans()) for name in ("crlf", "bom", "quoted", "end")}
    if not flags["quoted"]:  # csv leaves a lone CR outside quotes, which no reader then tells from a line break
        rows = [[field.replace("\r", "") for field in row] for row in rows]
    table = [[f"c{number}" for number in range(width)], *rows]
    return table, written(table, **flags)


@st.composite
def in_pieces(draw: st.DrawFn) -> tuple[list[list[str]], bytes, list[bytes]]:
    """Cut anywhere, within characters and between the two letters of a line break too."""
    table, data = draw(tables())
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=8)) | {0, len(data)})
    return table, data, [data[start:stop] for start, stop in itertools.pairwise(cuts)]


def parsed(data: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if row]


def check(columns: Sequence[Column] | None = None) -> TableCheck:
    return TableCheck("table t", columns, ACCOUNT)


@given(in_pieces())
def test_pieces_pass_unchanged_and_rows_are_handed_on_whole(given: tuple[list[list[str]], bytes, list[bytes]]) -> None:
    table, data, pieces = given
    checked, watched = check(), list[bytes]()
    assert b"".join(checked.through(iter(pieces), watched.append)) == data
    assert checked.header == table[0]
    assert [row for body in watched for row in parsed(body)] == parsed(data)[1:]
    assert list(check().rows(iter(pieces))) == watched


@given(in_pieces())
def test_values_of_columns_are_those_that_a_reader_of_the_whole_finds(
    given: tuple[list[list[str]], bytes, list[bytes]],
) -> None:
    _, data, pieces = given
    checked = check()
    found = [row for body in checked.rows(iter(pieces)) for row in values(body, checked.header, ["c1", "c0"])]
    assert found == [(row[1], row[0]) for row in parsed(data)[1:]]


@given(in_pieces(), st.data())
def test_a_table_that_breaks_off_within_a_row_is_told_or_ends_with_a_row(
    given: tuple[list[list[str]], bytes, list[bytes]], data: st.DataObject
) -> None:
    """Cut anywhere: what passes is whole rows. (A cut within the last field alone cannot be seen by any reader.)"""
    table, whole, _ = given
    cut = data.draw(st.integers(0, len(whole)))
    try:
        list(check([Column(name, "String") for name in table[0]]).through([whole[:cut]]))
    except SourceError:
        return
    rows = parsed(whole[:cut])
    assert all(len(row) == len(table[0]) for row in rows)
    assert rows[:-1] == parsed(whole)[: len(rows) - 1]


@given(st.binary(max_size=200), st.integers(1, 20))
def test_bytes_that_are_no_csv_pass_unchanged_or_are_refused(data: bytes, step: int) -> None:
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    passed, said = b"", "table t"
    try:
        passed = b"".join(check().through(pieces))
    except SourceError as error:
        passed, said = data, str(error)
    assert passed == data
    assert "table t" in said
    assert len(said) < 1000


@pytest.mark.parametrize("quote", [b'"', b""])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(quote: bytes) -> None:
    """Two gigabytes, of which at most the longest allowed row is held."""

    def endless() -> Iterator[bytes]:
        yield b"a,b\n" + quote
        piece = (b"\n" if quote else b"x") * (1 << 20)
        for _ in range(2048):
            yield piece

    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="a row is longer than 16 MiB"):
            collections.deque(check().through(endless()), maxlen=0)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_a_long_row_below_the_limit_passes() -> None:
    field = b'"' + b"x,\n" * (1 << 20) + b'"'
    data = b"a,b\n1," + field + b"\n"
    assert b"".join(check().through([data[:1000], data[1000:5000], data[5000:]])) == data


NAMED = (Column("user_id", "Number", "User id"), Column("name", "String", "Name"))


@pytest.mark.parametrize(
    "header", ["user_id,name", "name,user_id", "User id,Name", '"user_id","name"', "\ufeffuser_id,name\r"]
)
def test_the_first_row_names_the_schemas_columns_in_any_order(header: str) -> None:
    data = f"{header}\n1,x\n".encode()
    assert b"".join(check(NAMED).through([data])) == data


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("user_id", "name missing"),
        ("user_id,name,more", "'more' not in the schema"),
        ("user_id,user_id", "name missing"),
        ("user_id,name,name", "a column twice"),
        ("<html><body>,x", "user_id, name missing; '<html><body>', 'x' not in the schema"),
        ('user_id,"name', "between quotes"),
    ],
)
def test_a_first_row_that_does_not_fit_the_schema_is_told(header: str, said: str) -> None:
    with pytest.raises(SourceError, match="table t") as caught:
        collections.deque(check(NAMED).through([header.encode() + b"\n1,2\n"]), maxlen=0)
    assert said in str(caught.value)


def test_an_empty_table_has_its_first_row_at_least() -> None:
    assert list(check(NAMED).through([b"user_id,name\n"])) == [b"user_id,name\n"]
    with pytest.raises(SourceError, match="empty"):
        list(check(NAMED).through([]))


@pytest.mark.parametrize(
    ("column", "value", "own"),
    [
        ("attachment_file_api_id", "IEAAAEDYIYAB7DLK", True),
        ("attachment_file_api_id", "IEAAAEDZIYAB7DLK", False),
        ("attachment_file_api_id", "MAAAAAEFzzde", True),
        ("attachment_file_api_id", "", True),
        ("account_id", "4216", True),
        ("account_id", "4217", False),
        ("account_id", "IEAAAEDY", True),
        ("account_id", "IEAAAEDZ", False),
        ("other", "IEAAAEDZIYAB7DLK", True),
    ],
)
def test_rows_of_another_account_are_told_where_they_say_whose_they_are(column: str, value: str, own: bool) -> None:
    data = f"{column},x\n{value},1\n".encode()
    if own:
        assert list(check().through([data]))
        return
    with pytest.raises(Withdrawn, match="another account") as caught:
        list(check().through([data]))
    assert not caught.value.retryable


def test_rows_hold_what_did_not_end() -> None:
    rows = Rows("t")
    assert rows.feed(b'a\nb"\n') == 2
    assert rows.begun == b'b"\n'
    assert rows.first_end(b"\n") == rows.feed(b"\n") == 0
    assert rows.first_end(b'"\nc') == rows.feed(b'"\nc') == 2
    assert rows.finish() == b"c"


@pytest.mark.parametrize(
    "piece", [b'"' * (1 << 20), b'",' * (1 << 19), b'"\n' * (1 << 19), b'""\n' * (1 << 18), b"\n" * (1 << 20)]
)
def test_pieces_made_of_quotes_and_line_breaks_take_no_longer_than_others(piece: bytes) -> None:
    """Each is gone through once, and not once for each quote: else this would take hours."""
    rows = Rows("t")
    for _ in range(3):
        rows.first_end(piece)
        rows.feed(piece)
