"""The source kind `mock`: the records of a generated account without any server."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import Self

import msgspec

from wrikebackup_core import (
    Account,
    Attachment,
    Check,
    Column,
    Crawled,
    Export,
    Forbidden,
    Kind,
    Listed,
    NotFound,
    Page,
    Record,
    Table,
)
from wrikebackup_mock import bi_tables, content
from wrikebackup_mock.account import MockAccount

_PAGE = 1000
_LIVE_ONLY = frozenset({Kind.FOLDERS, Kind.TASKS})

_encode = msgspec.json.Encoder().encode


class MockReader:
    """A file's bytes from an offset on."""

    def __init__(self, attachment_id: str, size: int, offset: int) -> None:
        self._id, self.size = attachment_id, size
        self.start = self._place = min(offset, size)

    def read(self, size: int = -1, /) -> bytes:
        stop = self.size if size < 0 else min(self.size, self._place + size)
        data = content.stretch(self._id, self._place, stop)
        self._place += len(data)
        return data

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class TableReader:
    """A table's bytes from an offset on."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.size, self.start = len(data), min(offset, len(data))
        self._bytes = io.BytesIO(data)
        self._bytes.seek(self.start)

    def read(self, size: int = -1, /) -> bytes:
        return self._bytes.read(size)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _columns(table: str) -> tuple[Column, ...]:
    return tuple(
        Column(
            one["id"],
            one["dataType"],
            one["alias"],
            (one["foreignKey"]["tableId"], one["foreignKey"]["columnId"]) if "foreignKey" in one else None,
        )
        for one in bi_tables.SCHEMA[table]["columns"]
    )


def _moment(date: str | None) -> datetime | None:
    return None if date is None else datetime.fromisoformat(date)


class MockSource:
    """Brings what a client of the same account's server would have after asking for everything.

    As from Wrike, the lists of comments, attachments and time logs have those of items in the recycle bin, while the items
    themselves are no part of a backup: their ids come as `recycled`.
    """

    def __init__(self, account: MockAccount, *, forbidden: frozenset[Kind] = frozenset(), export: bool = True) -> None:
        """`export` is whether the plan has a BI export."""
        self._account = account
        self._forbidden, self._forbidden_export = forbidden, not export

    def account(self) -> Account:
        return self._account.account

    def waves(self) -> Sequence[Sequence[Kind]]:
        return (tuple(Kind),)

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        """The cursor is the number of records already brought."""
        if kind in self._forbidden:
            raise Forbidden(f"the plan does not allow to read {kind}")
        trashed = False if kind in _LIVE_ONLY else None
        total = self._account.count(kind, trashed=trashed)
        done = int(cursor) if cursor else 0
        records = self._account.dicts(kind, trashed=trashed, skip=done)
        while True:
            page = [Record(_encode(made)) for made in islice(records, _PAGE)]
            done += len(page)
            last = done >= total
            yield Page(page, str(done), total, recycled=list(self._recycled(kind)) if last else ())
            if last:
                return

    def recount(self, kind: Kind, crawled: Crawled) -> Iterator[Sequence[Listed]]:
        """The last records first."""
        trashed = False if kind in _LIVE_ONLY else None
        for start in reversed(range(0, self._account.count(kind, trashed=trashed), _PAGE)):
            records = islice(self._account.dicts(kind, trashed=trashed, skip=start), _PAGE)
            yield [Listed(made["id"], _moment(made.get("createdDate"))) for made in records]

    def look_up(self, kind: Kind, names: Sequence[str | int], crawled: Crawled) -> Iterator[tuple[Kind, Page]]:
        """Nothing: `pages` has brought all that its user can see."""
        yield from ()

    def _recycled(self, kind: Kind) -> Iterator[str]:
        if kind in _LIVE_ONLY:
            series = self._account.tree.folders if kind is Kind.FOLDERS else self._account.tree.tasks
            yield from map(series.id, chain.from_iterable(series.ranges(trashed=True)))

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> MockReader:
        try:
            size, _ = self._account.content(attachment.id)
        except KeyError:
            raise NotFound(f"there is no stored file {attachment.id}") from None
        return MockReader(attachment.id, size, offset)

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta(hours=1)) -> Export:
        """Finished when the account had changed last, whatever `max_age`: nobody makes another one."""
        edition, shape = self.export_edition(), self._account.shape
        tables = tuple(Table(name, partial(self._open_table, name), _columns(name)) for name in bi_tables.SCHEMA)
        completed = datetime.fromtimestamp(shape.end(shape.generation), UTC)
        return Export(edition, completed, tables, _encode(bi_tables.schema()), bi_tables.VERSIONS[0])

    def export_edition(self) -> str:
        if self._forbidden_export:
            raise Forbidden("the plan does not allow to read the BI export")
        return f"{self._account.account.id}EX{self._account.shape.generation:06d}"

    def _open_table(self, name: str, offset: int) -> TableReader:
        return TableReader(bi_tables.csv_of(self._account, name), offset)

    def checks(self) -> Iterator[Check]:
        shape = self._account.shape
        yield Check("account", True, f"{self._account.account.name}, {shape.tasks} tasks, made from seed {shape.seed}")
        for kind in sorted(self._forbidden):
            yield Check(kind, False, "forbidden by the profile", "take it out of `forbid`")

    def close(self) -> None:
        """Nothing is open."""
