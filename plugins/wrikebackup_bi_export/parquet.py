"""A table as Parquet, typed by the export's schema, in row groups of bounded size.

Number is int64 for keys and float64 for the rest, Date a timestamp in microseconds, Boolean a boolean; an empty field of these is null.
A column with a value that its type cannot hold exactly is text instead, which is told: nothing is rounded and nothing is left out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # noqa: TID253 - whoever imports this module wants Parquet
import pyarrow.compute as pc  # noqa: TID253
import pyarrow.csv  # noqa: TID253
import pyarrow.parquet as pq  # noqa: TID253

from wrikebackup_bi_export.rows import LONGEST_ROW
from wrikebackup_core import Interrupted, SourceError, Table

if TYPE_CHECKING:
    from wrikebackup_bi_export.rows import TableCheck

__all__ = ["parquet"]

_GROUP = 32 << 20  # bytes of text in a row group
_BATCH = 1 << 20  # bytes of text that are converted together, at least
_DIGITS = 15  # as many as a double always keeps
_TRUE, _FALSE = ("t", "true", "1"), ("f", "false", "0")
_ZONE = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")

_log = logging.getLogger(__name__)


class _Misfit(Interrupted):
    """Some columns hold values that their type cannot: with those as text the table can be made."""


def parquet(table: Table, check: TableCheck, bodies: Iterable[bytes], texts: set[str]) -> Iterator[bytes]:
    """The file in pieces. `texts` are columns to leave as text; those that turn out to be so are added, and then it is to be made again.

    Raises Interrupted for that, SourceError for rows that are no table's, and what the bodies raise.
    """
    out = _Out()
    writer: pq.ParquetWriter | None = None
    columns: list[_Column] = []
    group: list[pa.RecordBatch] = []
    size, misfits = 0, dict[str, str]()
    for body in _joined(bodies):
        read = _read(check, body)
        columns = columns or [_column(table, name, read.column(name), texts) for name in check.header]
        typed = [column.typed(read.column(column.name), misfits) for column in columns]
        if misfits:
            continue  # look at the rest too, so that one more time is enough
        group.append(pa.record_batch(typed, schema=_schema(columns)))
        size += len(body)
        if size >= _GROUP:
            writer = writer or pq.ParquetWriter(out, _schema(columns), compression="zstd")
            writer.write_table(pa.Table.from_batches(group))
            group, size = [], 0
            yield from out.taken()
    if misfits:
        _tell(table, misfits, texts)
    columns = columns or [_column(table, name, None, texts) for name in check.header]
    writer = writer or pq.ParquetWriter(out, _schema(columns), compression="zstd")
    if group:
        writer.write_table(pa.Table.from_batches(group))
    writer.close()
    yield from out.taken()


def _tell(table: Table, misfits: dict[str, str], texts: set[str]) -> None:
    texts.update(misfits)
    for name, value in misfits.items():
        _log.warning(
            "table %s: the column %s is stored as text in Parquet: %s does not fit its type", table.name, name, value
        )
    raise _Misfit(f"table {table.name}: {', '.join(misfits)} cannot be stored with the schema's type")


class _Out:
    """The file that pyarrow writes: what it has written is taken out piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._at += len(piece)
        return len(piece)

    def taken(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces

    def tell(self) -> int:
        return self._at

    def flush(self) -> None: ...
    def close(self) -> None: ...
    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _joined(bodies: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for body in bodies:
        held.append(body)
        size += len(body)
        if size >= _BATCH:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _read(check: TableCheck, body: bytes) -> pa.Table:
    """The rows, all of it as text."""
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(body),
            read_options=pyarrow.csv.ReadOptions(
                column_names=check.header, block_size=max(len(body), LONGEST_ROW), use_threads=False
            ),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(check.header, pa.string()), strings_can_be_null=False
            ),
        ).combine_chunks()
    except pa.ArrowInvalid as error:
        raise SourceError(f"{check.what}: {error}") from None


class _Column:
    """A column and the type that its values are stored with."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self.name, self.type = name, kind

    def typed(self, texts: pa.ChunkedArray, misfits: dict[str, str]) -> pa.Array:
        """The values, or the texts as they are where one does not fit: then that is written down in `misfits`."""
        array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        if pa.types.is_string(self.type):
            return array
        present = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
        try:
            made = self._convert(present)
        except pa.ArrowInvalid as error:
            misfits.setdefault(self.name, str(error).splitlines()[0])
            return array
        return made

    def _convert(self, present: pa.Array) -> pa.Array:
        if pa.types.is_boolean(self.type):
            lower = pc.utf8_lower(present)
            yes = pc.is_in(lower, value_set=pa.array(_TRUE))
            known = pc.or_(yes, pc.is_in(lower, value_set=pa.array([*_FALSE, None])))
            _demand(known, present)
            return pc.if_else(pc.is_null(present), pa.scalar(None, pa.bool_()), yes)
        if pa.types.is_floating(self.type):
            digits = pc.utf8_ltrim(pc.replace_substring_regex(present, r"[eE].*$|[^0-9]", ""), "0")
            _demand(pc.less_equal(pc.utf8_length(digits), _DIGITS), present)
        return pc.cast(present, self.type)


def _demand(good: pa.Array, present: pa.Array) -> None:
    """Raises ArrowInvalid, with the first value for which it is not so."""
    bad = pc.index(pc.fill_null(good, fill_value=True), pa.scalar(value=False)).as_py()
    if bad >= 0:
        raise pa.ArrowInvalid(repr(present[bad].as_py()))


def _column(table: Table, name: str, first: pa.ChunkedArray | None, texts: set[str]) -> _Column:
    """With the type that the schema gives it; `first` are its first values."""
    known = next((one for one in table.columns or () if name in (one.name, one.alias)), None)
    if known is None or name in texts:
        return _Column(name, pa.string())
    if known.data_type == "Number":
        key = known.refers_to is not None or known.name.endswith(("_id", "_bytes"))
        return _Column(name, pa.int64() if key else pa.float64())
    if known.data_type == "Date":
        some = next((value for value in first.to_pylist() if value), "") if first is not None else ""
        return _Column(name, pa.timestamp("us", "UTC" if _ZONE.search(some[10:]) else None))
    return _Column(name, pa.bool_() if known.data_type == "Boolean" else pa.string())


def _schema(columns: list[_Column]) -> pa.Schema:
    return pa.schema([pa.field(column.name, column.type) for column in columns])
