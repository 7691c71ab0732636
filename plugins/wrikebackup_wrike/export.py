"""The BI export: the newest one, or another that is asked for and waited for. Reference: developers.wrike.com, "Data export"."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import msgspec

from wrikebackup_core import (
    Column,
    Export,
    Forbidden,
    Interrupted,
    NotFound,
    SourceError,
    Table,
    Unauthorized,
    account_number,
)
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.download import Downloads, TableFile
from wrikebackup_wrike.refusals import BadRequest
from wrikebackup_wrike.rights import EXPORT_MEANS

__all__ = ["Exports"]

PATH, SCHEMA_PATH = "/data_export", "/data_export_schema"
VERSIONS = ("V4", "V3", "V2", "V1", "V0")
DONE, LOST = "Completed", ("Cancelled", "Failed")
_TELL_EVERY = 60.0  # seconds
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.5, 60.0, 1.6

_log = logging.getLogger(__name__)


class _Resource(msgspec.Struct):
    name: str
    url: str


class _Head(Named):
    status: str = ""
    completedDate: str = ""  # noqa: N815 - Wrike's name
    resources: tuple[_Resource, ...] = ()

    @property
    def edition(self) -> str:
        return f"{self.id}@{self.completedDate}"


class _Key(msgspec.Struct):
    tableId: str = ""  # noqa: N815 - Wrike's names
    columnId: str = ""  # noqa: N815


class _SchemaColumn(msgspec.Struct):
    id: str
    alias: str = ""
    dataType: str = "String"  # noqa: N815
    foreignKey: _Key | None = None  # noqa: N815


class _SchemaTable(Named):
    alias: str = ""
    columns: tuple[_SchemaColumn, ...] = ()


class Exports:
    """Those of one account."""

    def __init__(self, api: Api, downloads: Downloads) -> None:
        self._api, self._downloads = api, downloads
        self._schema: tuple[str, Answer[_SchemaTable]] | None = None

    def get(self, account_id: str, max_age: timedelta | None, wait: timedelta) -> Export:
        """See `Source.export`."""
        end = time.monotonic() + wait.total_seconds()
        head = self._newest(end)
        if max_age is not None and self._age(head) > max_age:
            head = self._another(head, max_age, end)
        self._check_account(head, account_id)
        version, schema = self._read_schema()
        columns = dict(_columns(schema.heads))
        tables = [
            Table(one.name, partial(self._downloads.open_table, TableFile(one.name, one.url)), columns.get(one.name))
            for one in head.resources
        ]
        return Export(
            head.edition, _moment(head.completedDate), tables, b"[" + b",".join(schema.records) + b"]", version
        )

    def edition(self) -> str:
        """See `Source.export_edition`."""
        head = _latest(self._ask(PATH))
        if head is None or head.status != DONE:
            raise Interrupted("the BI export is not there any more")
        return head.edition

    def _newest(self, end: float) -> _Head:
        """The newest finished one; the account's first is waited for. One that failed is asked for once more."""
        answer = self._ask(PATH)
        head = _latest(answer)
        if head is not None and head.status in LOST:
            head = _latest(self._post())
        if head is None or head.status != DONE:
            _log.warning("the account has no BI export yet; it is being made")
            head = self._await(head, end)
        return head

    def _another(self, head: _Head, max_age: timedelta, end: float) -> _Head:
        """One that is made now. Where there is none to be had, the one before is worth more than nothing."""
        age = self._age(head)
        try:
            answer = self._post()
            asked = _latest(answer)
            if not answer.accepted and asked is not None and asked.status == DONE:
                if asked.edition == head.edition:
                    _log.warning(
                        "Wrike makes a BI export once an hour at most: the latest, %s old, is taken", _words(age)
                    )
                return asked
            return self._await(asked, end, before=head)
        except (Forbidden, Unauthorized):
            raise
        except SourceError as error:
            _log.warning(
                "no BI export newer than %s is to be had (%s): the latest, %s old, is taken",
                _words(max_age),
                error,
                _words(age),
            )
            return head

    def _await(self, begun: _Head | None, end: float, before: _Head | None = None) -> _Head:
        """The export that is being made, when it is finished. Raises Interrupted when that takes too long."""
        pause, told = _FIRST_WAIT, time.monotonic()
        own = begun is not None and begun.status != DONE and (before is None or begun.id != before.id)
        path = f"{PATH}/{begun.id}" if begun is not None and own else PATH
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise Interrupted("the BI export is not ready in time", hint="give it longer: `wait` of bi-export")
            self._api.wait(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_WAIT)
            try:
                head = _latest(self._ask(path))
            except NotFound:
                path, head = PATH, None
            if head is not None and head.status in LOST:
                raise SourceError(f"Wrike could not make the BI export: its status is {head.status}")
            if head is not None and head.status == DONE and (before is None or head.edition != before.edition):
                return head
            if time.monotonic() - told >= _TELL_EVERY:
                told = time.monotonic()
                _log.warning("the BI export is being made; waiting for another %.0f min at most", left / 60)

    def _age(self, head: _Head) -> timedelta:
        done = _moment(head.completedDate)
        return timedelta.max if done is None else datetime.fromtimestamp(self._api.now(), UTC) - done

    def _ask(self, path: str) -> Answer[_Head]:
        with _Refused():
            return self._api.get(path, {}, _Head)

    def _post(self) -> Answer[_Head]:
        with _Refused():
            return self._api.post(PATH, _Head)

    def _read_schema(self) -> tuple[str, Answer[_SchemaTable]]:
        """The newest that the server knows, and which that is."""
        if self._schema is None:
            last: SourceError | None = None
            for version in VERSIONS:
                try:
                    with _Refused():
                        self._schema = version, self._api.get(SCHEMA_PATH, {"version": version}, _SchemaTable)
                    break
                except (BadRequest, NotFound) as error:
                    last = error
            else:
                raise SourceError(f"the schema of the BI export cannot be read: {last}")
            _log.info("the schema of the BI export is that of version %s", self._schema[0])
        return self._schema

    def _check_account(self, head: _Head, account_id: str) -> None:
        """Raises SourceError for an export whose addresses name another account."""
        own = account_number(account_id)
        for one in head.resources:
            try:
                named = parse_qs(urlsplit(one.url).query).get("accountId", [])
            except ValueError:
                named = []
            for text in named:
                if text != account_id and (not text.isdecimal() or own is None or int(text) != own):
                    raise SourceError(
                        f"the BI export is that of another account: {one.name} is of {text}, and not of {own or account_id}",
                        hint="nothing of it is stored; tell Wrike's support",
                    )


class _Refused:
    """Says which right it takes, where the API refuses."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Forbidden):
            raise Forbidden(f"the BI export may not be read: {error}", hint=f"it takes {EXPORT_MEANS}") from error


def _latest(answer: Answer[_Head]) -> _Head | None:
    """The newest finished export of an answer; else the last that it names."""
    done = [head for head in answer.heads if head.status == DONE]
    if done:
        return max(done, key=lambda head: head.completedDate)
    return answer.heads[-1] if answer.heads else None


def _moment(text: str) -> datetime | None:
    """The time, which is in UTC where it names no zone; None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _words(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    if hours >= 48 or not math.isfinite(hours):
        return f"{hours / 24:.0f} days"
    return f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _columns(tables: Sequence[_SchemaTable]) -> Iterator[tuple[str, tuple[Column, ...]]]:
    for table in tables:
        columns = tuple(
            Column(
                one.id,
                one.dataType,
                one.alias,
                (one.foreignKey.tableId, one.foreignKey.columnId) if one.foreignKey else None,
            )
            for one in table.columns
        )
        yield table.id, columns
