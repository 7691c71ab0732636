"""A table's CSV as it streams by: cut where rows end, and checked as far as that can be done in bounded memory and at full speed.

The bytes are passed on as they came. Looked at as a reader would are the first row, which must name the schema's columns, and one row at
the start of each piece and at the end, which must have as many fields as the first: a table that broke off, or went on at another
place, shows there. Quotes are counted for all of it, since a line break inside them ends no row (RFC 4180).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from wrikebackup_core import Column, SourceError, Withdrawn, account_number

__all__ = ["LONGEST_ROW", "Rows", "TableCheck", "values"]

LONGEST_ROW = 16 << 20
"""Bytes. A table with a longer one is refused, so that whatever comes is read in bounded memory."""

_BOM = b"\xef\xbb\xbf"
_CLASSIC_ID = 16


class Rows:
    """Cuts a stream of bytes into pieces that end where rows do."""

    def __init__(self, what: str, longest: int = LONGEST_ROW) -> None:
        self.what, self._longest = what, longest
        self._held: list[bytes] = []
        self._size = self._quotes = 0

    def feed(self, data: bytes) -> bytes:
        """Whole rows, as many as came so far; none where none ended. Raises SourceError for one that is too long."""
        end, after = _last_end(data, self._quotes + data.count(b'"'))
        if not end:
            self._held.append(data)
            self._size += len(data)
            self._quotes = after
            if self._size > self._longest:
                raise SourceError(f"{self.what}: a row is longer than {self._longest >> 20} MiB")
            return b""
        whole = b"".join((*self._held, data[:end])) if self._held else data[:end]
        self._held, self._size, self._quotes = [data[end:]], len(data) - end, after
        return whole

    def finish(self) -> bytes:
        """A last row that no line break ends. Raises SourceError for one that ends between quotes."""
        if self._quotes % 2:
            raise SourceError(f"{self.what} breaks off: it ends between quotes")
        return b"".join(self._held)


def _last_end(data: bytes, quotes: int) -> tuple[int, int]:
    """The place behind the last line break that is not between quotes, and the quotes behind it; 0 and all where there is none.

    `quotes` are those from the start of the row that `data` begins in to the end of `data`.
    """
    at, after = len(data), 0
    while (found := data.rfind(b"\n", 0, at)) >= 0:
        after += data.count(b'"', found, at)
        if (quotes - after) % 2 == 0:
            return found + 1, after
        at = found
    return 0, quotes


def _first_end(data: bytes) -> int:
    """The place behind the first row."""
    at = quotes = 0
    while (found := data.find(b"\n", at)) >= 0:
        quotes += data.count(b'"', at, found)
        at = found + 1
        if quotes % 2 == 0:
            return at
    return len(data)


class TableCheck:
    """Checks one table while it passes. `header` is what its first row says, once a piece has come."""

    def __init__(self, what: str, columns: Sequence[Column] | None, account_id: str) -> None:
        self.header: list[str] = []
        self.what, self._columns, self._account = what, columns, account_id
        self._telling: list[int] = []

    def through(self, pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Each piece of whole rows as it came, and the rows of it that are not the first.

        Raises SourceError where it is not the table that the schema describes, or breaks off, and Withdrawn where it is another
        account's.
        """
        rows, last = Rows(self.what), b""
        for data in pieces:
            if piece := rows.feed(data):
                yield piece, self._body(piece)
                last = piece
        if piece := rows.finish():
            yield piece, self._body(piece, "breaks off: its last row")
            last = piece
        if not self.header:
            raise SourceError(f"{self.what} is empty: it has no row that names its columns")
        end, _ = _last_end(last[:-1], last[:-1].count(b'"'))
        if end or last is not self._first:
            self._look_at(last[end:], "breaks off: its last row")

    def _body(self, piece: bytes, trouble: str = "is no table: a row") -> bytes:
        """What of a piece is rows of the table."""
        body = piece
        if not self.header:
            end = _first_end(piece)
            self._take_header(piece[:end].removeprefix(_BOM))
            self._first, body = piece, piece[end:]
        if body:
            self._look_at(body[: _first_end(body)], trouble)
        return body

    def _take_header(self, line: bytes) -> None:
        self.header = self._parse(line, "has a first row that")
        expected = self._columns
        if expected is not None:
            named = {name: column.name for column in expected for name in (column.alias, column.name) if name}
            found = [named.get(name, "") for name in self.header]
            lacking = [column.name for column in expected if column.name not in found]
            strange = [name for name in self.header if name not in named]
            if lacking or strange or len(found) != len(expected):
                told = [f"{', '.join(lacking[:5])} missing"] if lacking else []
                told += [f"{', '.join(map(repr, strange[:5]))} not in the schema"] if strange else []
                raise SourceError(
                    f"{self.what} does not fit the export's schema: {'; '.join(told) or 'a column twice'}",
                    hint="if Wrike has changed its schema, a newer wrikebackup may know it",
                )
        elif len(set(self.header)) != len(self.header) or not all(self.header):
            raise SourceError(f"{self.what} has a first row that does not name its columns")
        self._telling = [
            place
            for place, name in enumerate(self.header)
            if name.casefold() in ("account_id", "accountid") or name.endswith("_api_id")
        ]

    def _look_at(self, line: bytes, trouble: str) -> None:
        fields = self._parse(line, trouble)
        if fields and len(fields) != len(self.header):
            raise SourceError(f"{self.what} {trouble} has {len(fields)} fields, and not {len(self.header)}")
        for place in self._telling if fields else ():
            if not self._own(fields[place]):
                raise Withdrawn(
                    f"the BI export is that of another account: {self.what} has {self.header[place]} {fields[place]!r}",
                    hint="nothing of it is stored; tell Wrike's support",
                    again=False,
                )

    def _own(self, value: str) -> bool:
        """Whether a value can be one of this account. Most ids do not say which account they are of."""
        number = account_number(self._account)
        if value.isdecimal() and number is not None:
            return int(value) == number
        named = account_number(value[:8]) if len(value) in (8, _CLASSIC_ID) else None
        return named is None or value.startswith(self._account)

    def _parse(self, line: bytes, trouble: str) -> list[str]:
        csv.field_size_limit(LONGEST_ROW)
        try:
            return next(csv.reader(io.StringIO(line.decode(), newline=""), strict=True), [])
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(f"{self.what} {trouble} cannot be read: {error}") from None


def values(body: bytes, header: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Of each row of a `body` that `TableCheck.through` gave, the fields of the columns named. Raises SourceError."""
    csv.field_size_limit(LONGEST_ROW)
    places = [header.index(name) for name in names]
    try:
        for row in csv.reader(io.StringIO(body.decode(), newline="")):
            if row:
                yield tuple(row[place] for place in places)
    except (csv.Error, UnicodeDecodeError, IndexError) as error:
        raise SourceError(f"a row with the columns {', '.join(names)} cannot be read: {error}") from None
