"""What `wrikebackup doctor` asks of Wrike: one cheap request each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from wrikebackup_core import Check, Forbidden, Kind, SourceError
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.crawl.queries import LISTINGS, Desk, Query
from wrikebackup_wrike.crawl.windowed import QUERIES
from wrikebackup_wrike.crawl.windows import Window
from wrikebackup_wrike.refusals import BadRequest, NoSuchMethod
from wrikebackup_wrike.rights import hint_for

__all__ = ["checks", "who"]

_SKEW_SECONDS = 120


class _Version(Named):
    id: str = "version"
    major: int | str = "?"
    minor: int | str = "?"


class _Profile(msgspec.Struct):
    email: str = ""
    role: str = ""
    admin: bool = False
    owner: bool = False


class _Contact(Named):
    firstName: str = ""  # noqa: N815 - Wrike's names
    lastName: str = ""  # noqa: N815
    profiles: tuple[_Profile, ...] = ()


def checks(desk: Desk, rate: str) -> Iterator[Check]:
    """Never raises for a failed check."""
    try:
        version = desk.api.get("/version", {}, _Version).heads
    except SourceError as error:
        yield Check("host", False, str(error), error.hint)
        return
    told = f"API {version[0].major}.{version[0].minor}" if version else "no version told"
    yield Check("host", True, f"{desk.api.base_url}: {told}")
    try:
        yield who(desk)
    except SourceError as error:
        yield Check("token", False, str(error), error.hint)
        return
    yield _clock(desk.api.server_ahead)
    yield Check("rate", True, "no limit of our own" if rate == "off" else f"at most {rate}")
    for kind, ask in _cheap(desk):
        yield _right(kind, ask)


def who(desk: Desk) -> Check:
    """Whose token it is. Raises SourceError."""
    people = desk.api.get("/contacts", {"me": "true"}, _Contact).heads
    if not people:
        return Check("token", None, "accepted, but it belongs to nobody")
    person = people[0]
    profile = person.profiles[0] if person.profiles else _Profile()
    name = f"{person.firstName} {person.lastName}".strip() or person.id
    role = "owner" if profile.owner else "admin" if profile.admin else profile.role.lower() or "user"
    hint = None if profile.owner or profile.admin else "the backup holds what this user may see; an admin sees more"
    return Check("token", True, f"accepted for {name} ({profile.email or 'no e-mail'}), {role}", hint)


def _clock(ahead: float | None) -> Check:
    if ahead is None:
        return Check("clock", None, "the server does not tell the time")
    if abs(ahead) > _SKEW_SECONDS:
        return Check(
            "clock", False, f"off by {abs(ahead):.0f} s from the server's", "set the clock: backups are named by time"
        )
    return Check("clock", True, "agrees with the server's")


def _cheap(desk: Desk) -> Iterator[tuple[Kind, Callable[[], Answer[Named]]]]:
    for kind, queries in LISTINGS.items():
        if kind is not Kind.CONTACTS:  # asked for already
            yield kind, _asking(desk, queries[0], {"pageSize": "1"} if "pageSize" in queries[0].params else {})
    now = int(time.time())
    for query in QUERIES:
        yield query.kind, _asking(desk, query, {"createdDate": str(Window(now - 3600, now))})


def _asking(desk: Desk, query: Query, more: dict[str, str]) -> Callable[[], Answer[Named]]:
    return lambda: desk.ask(replace(query, params={**query.params, **more}))


def _right(kind: Kind, ask: Callable[[], Answer[Named]]) -> Check:
    name = f"right to read {kind}"
    try:
        ask()
    except (Forbidden, NoSuchMethod) as error:
        if kind in (Kind.COMMENTS, Kind.ATTACHMENTS):
            return Check(name, None, f"{error}; they are read item by item instead, which takes longer")
        return Check(name, False, str(error), hint_for(kind))
    except SourceError as error:
        if kind is Kind.FOLDERS and isinstance(error, BadRequest):
            return Check(name, None, f"{error}; they are read by their ids instead, which takes longer")
        return Check(name, None, str(error), error.hint)
    return Check(name, True, "granted")
