"""A plugin whose parts behave as badly as the profile says; installed for the tests of the command line only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from wrikebackup_core import (
    Account,
    Attachment,
    Check,
    Context,
    Crawled,
    Export,
    Forbidden,
    KeyNotFound,
    Kind,
    MissingExtra,
    NotFound,
    NotOffered,
    Page,
    Record,
    Register,
    Secret,
    SinkError,
    Unauthorized,
    UsageError,
    hookimpl,
)
from wrikebackup_core.testing import MemoryReader, MemorySink

HOSTILE = "Ac\x1b[31mme\x07 [bold]inc[/bold] \u202egnp.exe\nLtd"
ACCOUNT = "IEAAAEDY"
ATTACHMENT = "IEAAAEDYIYAB7DLK"


class SourceOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fault: Literal["none", "unauthorized", "bug", "disk", "bug at close", "wait", "forbidden", "lost files"] = "none"
    name: str | None = None
    token: Secret | None = None
    marker: str = "started"


class SinkOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = "one"
    fails: Literal["nothing", "create", "list", "open"] = "nothing"


class SigningOptions(SinkOptions):
    most_days: int = 7
    token: str = "SECRET"


class AwkwardSource:
    def __init__(self, options: SourceOptions) -> None:
        self._options = options

    def account(self) -> Account:
        fault = self._options.fault
        if fault == "unauthorized":
            raise Unauthorized("the access token is unknown or invalid", hint="look at `host` and `token`")
        if fault == "bug":
            raise ZeroDivisionError("division by\nzero")
        if fault == "disk":
            raise OSError(28, "No space left on device", "/somewhere/spool.sqlite")
        return Account(ACCOUNT, self._options.name or HOSTILE)

    def waves(self) -> Sequence[Sequence[Kind]]:
        return ((Kind.ACCOUNT, Kind.TASKS, Kind.ATTACHMENTS, Kind.AUDIT_LOG),)

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        if self._options.fault == "wait" and kind is Kind.TASKS:
            Path(self._options.marker).write_text("x", encoding="utf-8")
            time.sleep(60)
        if kind is Kind.AUDIT_LOG and self._options.fault in ("forbidden", "lost files"):
            raise Forbidden("the plan \x1b[2Jdoes not allow it", hint="list it under `skip:`")
        made: dict[Kind, list[dict[str, object]]] = {
            Kind.ACCOUNT: [{"id": ACCOUNT, "name": HOSTILE}],
            Kind.TASKS: [
                {"id": f"IEAAAEDYKQAB7D{letter}A", "title": HOSTILE, "accountId": ACCOUNT} for letter in "ABC"
            ],
            Kind.ATTACHMENTS: [
                {
                    "id": ATTACHMENT,
                    "name": HOSTILE,
                    "size": 5,
                    "type": "Wrike",
                    "taskId": "IEAAAEDYKQAB7DAA",
                    "version": 1,
                }
            ],
        }
        yield Page([Record(json.dumps(record).encode()) for record in made.get(kind, [])])

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> MemoryReader:
        if self._options.fault == "lost files":
            raise NotFound("the file is gone")
        return MemoryReader(b"bytes", offset)

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta()) -> Export:
        raise NotOffered("none")

    def export_edition(self) -> str:
        raise NotOffered("none")

    def checks(self) -> Iterator[Check]:
        yield Check("host", True, "answers")
        if self._options.fault == "unauthorized":
            yield Check("token", False, "unknown or invalid", "look at `token`")
        if self._options.fault == "bug":
            raise ZeroDivisionError("division by zero")
        yield Check("clock", None, "the server says no time")

    def close(self) -> None:
        if self._options.fault == "bug at close":
            raise RuntimeError("closing failed")


class SigningSink(MemorySink):
    """Keeps its objects from one command to the next, and gives out addresses of a host that there is not."""

    def __init__(self, options: SigningOptions) -> None:
        super().__init__(options.name)
        self.objects = _STORES.setdefault((Path.cwd(), options.name), {})
        self._options = options

    def sign(self, key: str, seconds: int) -> str:
        if key not in self.objects:
            raise KeyNotFound(f"{self.name}: there is no {key}")
        if seconds > self._options.most_days * 86400:
            raise UsageError(f"{self.name}: an address can be valid for {self._options.most_days} days at most")
        return f"https://store.example/{key}?seconds={seconds}&signature={self._options.token}"


_STORES: dict[tuple[Path, str], dict[str, bytes]] = {}


def _make_source(options: SourceOptions, context: Context) -> AwkwardSource:
    if options.token is not None:
        context.secret(options.token)
    return AwkwardSource(options)


def _make_sink(options: SinkOptions, context: Context) -> MemorySink:
    sink = MemorySink(options.name)
    if options.fails != "nothing":
        sink.fail(options.fails, lambda: SinkError(f"{sink.name}: the shelf has \x1b[1mfallen"), times=None)
    return sink


def _make_signing(options: SigningOptions, context: Context) -> SigningSink:
    sink = SigningSink(options)
    if options.fails != "nothing":
        sink.fail(options.fails, lambda: SinkError(f"{sink.name}: the shelf has \x1b[1mfallen"), times=None)
    return sink


def _make_extra(options: SinkOptions, context: Context) -> MemorySink:
    raise MissingExtra("the sink heavy", "heavy")


@hookimpl
def register_sources(register: Register) -> None:
    register("awkward", options=SourceOptions, make=_make_source)


@hookimpl
def register_sinks(register: Register) -> None:
    register("memory", options=SinkOptions, make=_make_sink)
    register("signing", options=SigningOptions, make=_make_signing)
    register("heavy", options=SinkOptions, make=_make_extra)
