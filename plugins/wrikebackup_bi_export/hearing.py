"""What the export's tables tell of the account: told to the run, which compares it with what it has crawled.

Column names are Wrike's, as its schema reference and published uses of the export have them; where they differ between versions of the
schema, all of them are known here. A table without the columns that make it out is not heard, and what it would tell is not compared.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from wrikebackup_bi_export.rows import LONGEST_ROW
from wrikebackup_core import Kind, Part, Seen, Table, Witness

__all__ = ["Hearing", "hearing"]

_DIGITS = 20
_LARGEST = 2**63 - 1
_PLAIN = len("2026-10-07 01:48:56")
_KINDS = {
    "task": Kind.TASKS,
    "milestone": Kind.TASKS,
    "subtask": Kind.TASKS,
    "folder": Kind.FOLDERS,
    "project": Kind.FOLDERS,
    "space": Kind.SPACES,
}
_YES = frozenset({"t", "true", "1", "yes"})


@dataclass(frozen=True, slots=True)
class _Told:
    """A table: what it tells of, and the names that its columns may have; of several for one field the first that is there counts."""

    part: Part
    key: tuple[str, ...]
    kind: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    last_name: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    parent: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


_DELETED = ("is_deleted", "deleted", "work_is_deleted")
_TABLES = {
    "work_item": _Told(
        Part.ITEMS,
        ("work_id",),
        kind=("work_type",),
        name=("work_name", "work_title", "title"),
        owner=("author_user_id", "user_id"),
        created=("when_created", "created_date"),
        changed=("when_changed", "when_updated", "updated_date"),
        deleted=_DELETED,
    ),
    "work_graph": _Told(Part.PARENTS, ("work_id", "child_work_id"), parent=("parent_work_id",)),
    "attachment_file": _Told(
        Part.FILES,
        ("attachment_file_api_id",),
        name=("attachment_file_name",),
        owner=("user_id",),
        parent=("work_id",),
        created=("when_added",),
        size=("attachment_file_size_bytes",),
        deleted=_DELETED,
    ),
    "user": _Told(
        Part.PEOPLE,
        ("user_id",),
        name=("first_name", "user_first_name"),
        last_name=("last_name", "user_last_name"),
        email=("user_email", "email"),
        deleted=("is_deleted", "deleted", "user_is_deleted"),
    ),
    "work_timelog": _Told(
        Part.TIMELOGS,
        ("timelog_id", "work_timelog_id"),
        owner=("user_id",),
        parent=("work_id",),
        created=("when_created", "created_date", "when_added"),
        changed=("when_changed", "when_updated"),
        deleted=_DELETED,
    ),
}


def hearing(witness: Witness, table: Table, header: Callable[[], Sequence[str]]) -> Hearing | None:
    """What takes down a table while it passes; None for one that tells nothing. `header` gives what its first row says."""
    told = _TABLES.get(table.name)
    return Hearing(witness, told, table, header) if told is not None else None


class Hearing:
    """One table, from its start."""

    def __init__(self, witness: Witness, told: _Told, table: Table, header: Callable[[], Sequence[str]]) -> None:
        self._witness, self._told, self._table, self._header = witness, told, table, header
        self._places: dict[str, int] | None = None
        self._columns = 0
        witness.start(told.part)

    def take(self, body: bytes) -> None:
        """Whole rows, behind the one that names the columns."""
        if self._places is None:
            self._places = self._found()
        if "key" not in self._places:
            return
        csv.field_size_limit(LONGEST_ROW)
        rows: list[list[str]] = []
        with contextlib.suppress(csv.Error):  # what no reader makes out is stored all the same, and not compared
            rows.extend(filter(None, csv.reader(io.StringIO(body.decode(errors="replace"), newline=""))))
        seen = self._seen([row for row in rows if len(row) == self._columns])
        self._witness.add(self._told.part, seen, len(rows) - len(seen))

    def finish(self) -> None:
        """The table is whole."""
        if self._places is None:  # it has no rows
            self._places = self._found()
        if "key" in self._places and ("parent" in self._places or self._told.part is not Part.PARENTS):
            self._witness.finish(self._told.part)

    def _found(self) -> dict[str, int]:
        """By the fields of what is told, the places of their columns."""
        self._columns = len(self._header())
        names = {column.alias: column.name for column in self._table.columns or () if column.alias}
        header = [names.get(name, name) for name in self._header()]
        wanted = {field: getattr(self._told, field) for field in self._told.__slots__ if field != "part"}
        found = {
            field: next((header.index(name) for name in some if name in header), None) for field, some in wanted.items()
        }
        return {field: place for field, place in found.items() if place is not None}

    def _seen(self, rows: list[list[str]]) -> list[Seen]:
        """Column by column, which takes half as long as row by row: a table may have millions. Rows without a key are left out."""
        texts = {field: [row[place] for row in rows] for field, place in (self._places or {}).items()}
        none: list[None] = [None] * len(rows)
        empty = [""] * len(rows)
        keys: list[int | None] | list[str] = (
            texts["key"] if self._told.part is Part.FILES else list(map(_number, texts["key"]))
        )
        names = texts.get("name", empty)
        if "last_name" in texts:
            names = [" ".join(filter(None, pair)) for pair in zip(names, texts["last_name"], strict=True)]
        numbers = {
            field: list(map(_number, texts[field])) if field in texts else none for field in ("owner", "parent", "size")
        }
        seconds = {
            field: list(map(_second, texts[field])) if field in texts else none for field in ("created", "changed")
        }
        told = zip(
            keys,
            [_KINDS.get(text.strip().lower()) for text in texts.get("kind", empty)],
            names,
            texts.get("email", empty),
            numbers["owner"],
            numbers["parent"],
            seconds["created"],
            seconds["changed"],
            numbers["size"],
            [text.strip().lower() in _YES for text in texts["deleted"]] if "deleted" in texts else [False] * len(rows),
            strict=True,
        )
        return [Seen(*fields) for fields in told if fields[0] not in (None, "")]


def _number(text: str) -> int | None:
    """None for what is no whole number, or one that no id can be."""
    if not text or len(text) > _DIGITS or not (text.isascii() and text.removeprefix("-").isdecimal()):
        return None
    number = int(text)
    return number if abs(number) <= _LARGEST else None


def _second(text: str) -> int | None:
    """`2026-10-07 01:48:56`, in UTC, as seconds since 1970; None for what is no date."""
    if not text:
        return None
    try:
        if len(text) == _PLAIN and text[13] == text[16] == ":":
            return _midnight(text[:10]) + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:])
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=20_000)
def _midnight(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
