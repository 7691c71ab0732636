"""The port of completeness: a second witness of what the account has, to compare the crawl with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from wrikebackup_core.model import Kind

__all__ = ["Part", "Seen", "Silent", "Witness"]


class Part(StrEnum):
    """What a witness tells of, each by itself."""

    ITEMS = "items"
    """Tasks, folders, projects and spaces."""
    PARENTS = "parents"
    """Which item is in which: `key` in `parent`."""
    FILES = "files"
    PEOPLE = "people"
    TIMELOGS = "timelogs"


class Seen(NamedTuple):
    """One thing that a witness has seen.

    `key` is a number from -2**63 to 2**63-1, and an API id for files. `kind` of an item: Kind.TASKS, FOLDERS or SPACES, None where the
    witness's word for it is not known. `owner` and `parent` are numbers: of a person, and of the item that it is in, or belongs to.
    `created` and `changed` in seconds since 1970, UTC; `deleted` what the witness itself says is in the recycle bin, or gone.
    """

    key: int | str
    kind: Kind | None = None
    name: str = ""
    email: str = ""
    owner: int | None = None
    parent: int | None = None
    created: int | None = None
    changed: int | None = None
    size: int | None = None
    deleted: bool = False


class Witness(Protocol):
    """Takes down what a witness tells; the engine compares it with the crawl. What was told is still there after a kill."""

    def begin(self, edition: str, completed: datetime | None) -> None:
        """From here on it tells of this edition, completed then (UTC); what was told of another one is forgotten."""

    def start(self, part: Part) -> None:
        """Begins a part from its start: what was told of it before is forgotten."""

    def add(self, part: Part, rows: Iterable[Seen], unfit: int = 0) -> None:
        """More of a part. The same key may come twice: the later row wins. `unfit` counts what could not be told by a key."""

    def finish(self, part: Part) -> None:
        """The part is whole. One that is not, is not compared."""


class Silent:
    """A Witness that forgets everything."""

    def begin(self, edition: str, completed: datetime | None) -> None: ...
    def start(self, part: Part) -> None: ...
    def add(self, part: Part, rows: Iterable[Seen], unfit: int = 0) -> None: ...
    def finish(self, part: Part) -> None: ...
