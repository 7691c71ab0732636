"""What goes in and out of the server: requests, answers, refusals, and the strict reading of parameters."""

from __future__ import annotations

import json
import re
from calendar import timegm
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import strptime
from typing import TYPE_CHECKING, Any

from wrikebackup_mock.account import MockAccount

if TYPE_CHECKING:
    from wrikebackup_mock.service import Service

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_EVERYWHERE = frozenset({"access_token", "state"})


class Refusal(Exception):
    """An error answer in Wrike's form."""

    def __init__(self, status: int, error: str, description: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description
        self.headers = headers or {}

    @property
    def body(self) -> bytes:
        return json.dumps({"errorDescription": self.description, "error": self.error}).encode()


def bad_request(description: str) -> Refusal:
    return Refusal(400, "invalid_request", description)


def bad_parameter(name: str) -> Refusal:
    return Refusal(400, "invalid_parameter", f"Parameter '{name}' value is invalid")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `path` is percent-encoded as it came, header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Bytes:
    """An answer that is no JSON list: a download, a page, a redirect."""

    status: int
    headers: dict[str, str]
    pieces: Iterable[bytes] = ()


@dataclass(slots=True)
class Listing:
    """An answer in Wrike's envelope."""

    kind: str
    records: Iterable[dict[str, Any]]
    total: int | None = None
    token: str | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open, in seconds since 1970; None where there is no bound."""

    start: int | None
    end: int | None

    def __contains__(self, moment: object) -> bool:
        if not isinstance(moment, int):
            return False
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


@dataclass(frozen=True)
class Endpoint:
    """One path of the API: `handle` gives the answer; `params` and `fields` are all that it takes.

    `kind` is the word by which a plan forbids it, `paging` the name of its page token.
    """

    template: str
    handle: Callable[[Call], Listing | Bytes]
    params: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    kind: str = ""
    paging: str | None = None

    @property
    def parts(self) -> list[str]:
        return self.template.strip("/").split("/")


@dataclass
class Call:
    """A request that has found its endpoint."""

    endpoint: Endpoint
    request: Request
    account: MockAccount
    parts: dict[str, str]
    user: str
    server: Service
    fields: frozenset[str] = field(default=frozenset())

    def check(self) -> None:
        """Raises Refusal for an unknown parameter or an unknown optional field."""
        allowed = self.endpoint.params | _EVERYWHERE
        if self.endpoint.fields:
            allowed |= {"fields"}
        if self.endpoint.paging:
            allowed |= {"pageSize", self.endpoint.paging}
        for name in self.request.query:
            if name not in allowed or (self.endpoint.kind, name) in self.server.plan.unknown_params:
                raise bad_request(f"Parameter '{name}' is not allowed")
        wanted = self.words("fields", empty=True) or frozenset()
        if not wanted <= self.endpoint.fields - self.server.plan.unknown_fields:
            raise bad_parameter("fields")
        if wanted & self.server.plan.denied_fields:
            raise Refusal(403, "not_allowed", "Action is not allowed because of license/quota limits")
        self.fields = wanted

    @property
    def key(self) -> tuple[object, ...]:
        """What decides which records the answer is made of."""
        unbound = ("fields", "pageSize", "nextPageToken", "pageToken", "access_token", "state", "limit", "sortOrder")
        named = tuple(sorted((name, text) for name, text in self.request.query.items() if name not in unbound))
        return (self.account.shape, self.request.path, named)

    def has(self, name: str) -> bool:
        return name in self.request.query

    def flag(self, name: str) -> bool | None:
        """None where it is not given."""
        text = self.request.query.get(name)
        if text is None:
            return None
        if text not in ("true", "false"):
            raise bad_parameter(name)
        return text == "true"

    def number(self, name: str, least: int, most: int) -> int | None:
        text = self.request.query.get(name)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise bad_parameter(name)
        return int(text)

    def words(self, name: str, *, empty: bool = False) -> frozenset[str] | None:
        """A JSON list of strings; an empty one is refused, as Wrike does, unless `empty`."""
        text = self.request.query.get(name)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            raise bad_parameter(name) from None
        if not isinstance(found, list) or not all(isinstance(word, str) for word in found) or not (found or empty):
            raise bad_parameter(name)
        return frozenset(found)

    def chosen(self, name: str, among: Iterable[str]) -> frozenset[str] | None:
        """A list of words, all of them `among` those there are."""
        found = self.words(name)
        if found is not None and not found <= frozenset(among):
            raise bad_parameter(name)
        return found

    def range(self, name: str) -> Range | None:
        """`{"start":…,"end":…}`, one of which may be left out; an empty or inverted range is refused."""
        text = self.request.query.get(name)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            raise bad_parameter(name) from None
        if not isinstance(found, dict) or not found or not set(found) <= {"start", "end"}:
            raise bad_parameter(name)
        bounds = {key: _seconds(name, value) for key, value in found.items()}
        wanted = Range(bounds.get("start"), bounds.get("end"))
        if wanted.start is not None and wanted.end is not None and wanted.start >= wanted.end:
            raise bad_parameter(name)
        return wanted

    def ids(self, find: Callable[[str], int | None], most: int = 100) -> list[int]:
        """The things that the path names. Raises Refusal when there are too many, or when one of them is unknown."""
        texts = self.parts["ids"].split(",")
        if len(texts) > most:
            raise bad_request(f"Too many ids: {len(texts)}")
        found = []
        for text in texts:
            index = find(text)
            if index is None:
                raise bad_request(f"Parameter 'id' value '{text}' is invalid")
            found.append(index)
        return list(dict.fromkeys(found))

    def strip(
        self, records: Iterable[dict[str, Any]], *, also: dict[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The records without the optional members that were not asked for; `also` maps a member to the field that brings it."""
        unwanted = [name for name in self.endpoint.fields if name not in self.fields]
        unwanted += [member for member, name in (also or {}).items() if name not in self.fields]
        for record in records:
            for name in unwanted:
                record.pop(name, None)
            yield record


def _seconds(name: str, text: object) -> int:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise bad_parameter(name)
    try:
        return timegm(strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise bad_parameter(name) from None
