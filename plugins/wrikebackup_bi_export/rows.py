"""A table's CSV as it streams by, checked as far as that can be done in bounded memory and at full speed.

The bytes are passed on as they came. Looked at as a reader would are the first row, which must name the schema's columns, and one row at
the start of each piece and at the end, which must have as many fields as the first: a table that broke off, or went on at another
place, shows there. Quotes are counted for all of it, since a line break inside them ends no row (RFC 4180).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence

from wrikebackup_core import Column, SourceError, Withdrawn, account_number, of_kind

__all__ = ["LONGEST_ROW", "Rows", "TableCheck", "values"]

LONGEST_ROW = 16 << 20
"""Bytes. A table with a longer one is refused, so that whatever comes is read in bounded memory."""

_BOM = b"\xef\xbb\xbf"
_CLASSIC_ID = 16


class Rows:
    """Finds in a stream of bytes where rows end, and holds the row that has not ended yet."""

    def __init__(self, what: str, longest: int = LONGEST_ROW) -> None:
        self._what, self._longest = what, longest
        self._held: list[bytes] = []
        self._size, self._inside = 0, False

    @property
    def begun(self) -> bytes:
        """What came of a row that has not ended."""
        if len(self._held) > 1:
            self._held = [b"".join(self._held)]
        return self._held[0] if self._held else b""

    def first_end(self, data: bytes) -> int:
        """The place in the next piece behind the row that has begun; 0 where it does not end there."""
        at, line = 0, -1
        inside = self._inside
        while True:
            if inside:
                at = data.find(b'"', at) + 1
                if not at:
                    return 0
                inside = False
            if line < at:
                line = data.find(b"\n", at)
                line = len(data) if line < 0 else line
            quote = data.find(b'"', at, line)
            if quote < 0:
                return line + 1 if line < len(data) else 0
            at, inside = quote + 1, True

    def feed(self, data: bytes) -> int:
        """The place in the piece behind the last row that ends there; 0 where none does. Raises SourceError for a row that is too long."""
        inside = self._inside != bool(_quotes(data) % 2)
        end = _last_end(data, 0, len(data), inside=inside)
        if end:
            self._held, self._size = [], 0
        self._held.append(data[end:])
        self._size += len(data) - end
        self._inside = inside
        if self._size > self._longest:
            raise SourceError(f"{self._what}: a row is longer than {self._longest >> 20} MiB")
        return end

    def finish(self) -> bytes:
        """A last row that no line break ends. Raises SourceError for one that ends between quotes."""
        if self._inside:
            raise SourceError(f"{self._what} breaks off: it ends between quotes")
        return self.begun


def _quotes(data: bytes) -> int:
    """How many there are. Looking for the first is thirty times as fast as counting, and often enough."""
    first = data.find(b'"')
    return 0 if first < 0 else data.count(b'"', first)


def _last_end(data: bytes, start: int, stop: int, *, inside: bool) -> int:
    """The place behind the last line break between two others that is not between quotes; 0 where there is none.

    `inside` tells whether `stop` is between quotes. It goes from quote to quote, for between them there may be a million lines.
    """
    at, line = stop, stop
    while True:
        if inside:
            at = data.rfind(b'"', start, at)
            if at < 0:
                return 0
            inside = False
        if line >= at:
            line = data.rfind(b"\n", start, at)
        quote = data.rfind(b'"', max(start, line + 1), at)
        if quote < 0:
            return line + 1
        at, inside = quote, True


class TableCheck:
    """Checks one table while it passes. `header` is what its first row says, once that has come."""

    def __init__(self, what: str, columns: Sequence[Column] | None, account_id: str) -> None:
        self.header: list[str] = []
        self.what, self._columns, self._account = what, columns, account_id
        self._telling: list[int] = []
        self._last = b""

    def through(self, pieces: Iterable[bytes], watch: Callable[[bytes], None] | None = None) -> Iterator[bytes]:
        """The pieces as they came. `watch` is handed all rows but the first, whole ones in each call, before the piece they end in.

        Raises SourceError where it is not the table that the schema describes, or breaks off, and Withdrawn where it is another
        account's.
        """
        for data, begun, start, end in self._walk(pieces):
            if watch is not None and (body := begun[start:] + data[max(0, start - len(begun)) : end]):
                watch(body)
            yield data

    def rows(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """All rows but the first, in pieces of whole ones. Raises what `through` raises."""
        for data, begun, start, end in self._walk(pieces):
            if body := begun[start:] + data[max(0, start - len(begun)) : end]:
                yield body

    def _walk(self, pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, int, int]]:
        """Each piece, what had begun before it, how much of both is the first row, and where in the piece the last whole row ends."""
        rows = Rows(self.what)
        for data in pieces:
            first = rows.first_end(data)
            begun = rows.begun if first else b""
            end = rows.feed(data)
            yield data, begun, self._begin(begun, data, first, end) if first else 0, end
        if rest := rows.finish():
            start = self._begin(rest, b"", len(rest), 0, "breaks off: its last row")
            yield b"", rest, start, 0
        elif self._last:
            self._look_at(self._last, "breaks off: its last row")
        if not self.header:
            raise SourceError(f"{self.what} is empty: it has no row that names its columns")

    def _begin(self, begun: bytes, data: bytes, first: int, end: int, trouble: str = "is no table: a row") -> int:
        """Looks at the first row that ends in a piece; how much of it is the row that names the columns."""
        row = begun + data[:first]
        start = 0
        if not self.header:
            self._take_header(row.removeprefix(_BOM))
            start = len(row)
        else:
            self._look_at(row, trouble)
        if end > first:
            self._last = data[_last_end(data, first, end - 1, inside=False) or first : end]
        else:
            self._last = b"" if start else row
        return start

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
            raise SourceError(f"{self.what} {trouble} has {of_kind(len(fields), 'fields')}, and not {len(self.header)}")
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
    """Of each row of what `TableCheck` hands to `watch`, the fields of the columns named. Raises SourceError."""
    csv.field_size_limit(LONGEST_ROW)
    places = [header.index(name) for name in names]
    try:
        for row in csv.reader(io.StringIO(body.decode(), newline="")):
            if row:
                yield tuple(row[place] for place in places)
    except (csv.Error, UnicodeDecodeError, IndexError) as error:
        raise SourceError(f"a row with the columns {', '.join(names)} cannot be read: {error}") from None
