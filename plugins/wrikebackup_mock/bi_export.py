"""The account's BI export as a server makes it: asked for, made over a while, made anew, and served as CSV."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.bi_tables import SCHEMA, csv_of
from wrikebackup_mock.chance import moment

__all__ = ["Content", "Edition", "Exports", "Repeated", "Whole"]

_HOUR = 3600
_PIECE = 1 << 18
_BLOCK = 1 << 20
_KEPT = 3  # editions whose tables can still be had
TABLES = 1000  # most of one edition: its number and a table's are in one


class Content(Protocol):
    """A table's bytes."""

    @property
    def size(self) -> int: ...
    def pieces(self, start: int, stop: int) -> Iterator[bytes]: ...


class Whole:
    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, _PIECE):
            yield self.data[at : min(stop, at + _PIECE)]


class Repeated:
    """A large table that costs no memory: a first row, then the same block of rows so many times."""

    def __init__(self, header: bytes, block: bytes, times: int) -> None:
        self._header, self._block = header, block
        self.size = len(header) + len(block) * times

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        if start < len(self._header):
            yield self._header[start:stop]
        at = max(start, len(self._header))
        while at < stop:
            place = (at - len(self._header)) % len(self._block)
            piece = self._block[place : place + stop - at] if place or stop - at < len(self._block) else self._block
            yield piece
            at += len(piece)


@dataclass(slots=True)
class Edition:
    """One export. `completed` in seconds since 1970, None while it is being made."""

    number: int
    account: MockAccount
    completed: float | None = None
    status: str = "Scheduled"
    polls: int = 0
    due: float = 0.0
    tables: dict[str, Content] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.account.ids.account}EX{self.number:06d}"

    @property
    def names(self) -> list[str]:
        return [*SCHEMA, *(name for name in self.tables if name not in SCHEMA)]


class Exports:
    """`polls` and `seconds`: an export is ready when it was asked for so often, and so long ago. `extra` are tables besides, or in
    the place of those with the same names. Safe from any thread.
    """

    def __init__(self, account: Callable[[], MockAccount], *, polls: int = 1, seconds: float = 0.0) -> None:
        self.polls, self.seconds = polls, seconds
        self.fails = 0
        """So many of the next exports end as Failed."""
        self.extra: dict[str, Content] = {}
        self._account = account
        self._lock = threading.RLock()
        self._editions: list[Edition] = []

    def newest(self) -> Edition | None:
        """The one that was finished last."""
        with self._lock:
            done = [one for one in self._editions if one.status == "Completed"]
            return done[-1] if done else None

    def running(self) -> Edition | None:
        """The one that is being made, looked at once more; it may have come to its end by that."""
        with self._lock:
            last = self._editions[-1] if self._editions else None
            if last is None or last.completed is not None:
                return None
            last.polls -= 1
            if last.polls < 0 and time.time() >= last.due:
                self._finish(last)
            else:
                last.status = "InProgress"
            return last

    def start(self) -> Edition:
        """Begins another one, unless one is being made."""
        with self._lock:
            last = self._editions[-1] if self._editions else None
            if last is not None and last.completed is None:
                return last
            number = last.number + 1 if last else 1
            begun = Edition(number, self._account(), polls=self.polls, due=time.time() + self.seconds)
            self._editions = [*self._editions[-_KEPT:], begun]
            return begun

    def too_early(self) -> bool:
        newest = self.newest()
        return newest is not None and newest.completed is not None and time.time() - newest.completed < _HOUR

    def renew(self) -> Edition:
        """Makes another one at once, as each night does."""
        with self._lock:
            begun = self.start()
            self._finish(begun)
            return begun

    def age(self, seconds: float) -> None:
        """The newest was finished so long ago."""
        newest = self.newest()
        if newest is not None:
            newest.completed = time.time() - seconds

    def fill(self, name: str, size: int) -> None:
        """From the next export on, a table repeats its rows until it has about so many bytes."""
        header, _, rows = csv_of(self._account(), name).partition(b"\n")
        block = rows * (1 + _BLOCK // len(rows))
        self.extra[name] = Repeated(header + b"\n", block, max(1, size // len(block)))

    def find(self, id_: str) -> Edition | None:
        self.running()
        return next((one for one in self._editions if one.id == id_), None)

    def table(self, resource: int) -> tuple[Edition, str, Content] | None:
        """What a resource's address names."""
        number, index = divmod(resource, TABLES)
        with self._lock:
            edition = next((one for one in self._editions if one.number == number and one.completed), None)
            if edition is None or index >= len(edition.names):
                return None
            name = edition.names[index]
            if name not in edition.tables:
                edition.tables[name] = Whole(csv_of(edition.account, name, edition.number))
            return edition, name, edition.tables[name]

    def _finish(self, edition: Edition) -> None:
        edition.status = "Failed" if self.fails else "Completed"
        self.fails = max(0, self.fails - 1)
        edition.completed, edition.tables = time.time(), dict(self.extra)


def completed(edition: Edition) -> str | None:
    return None if edition.completed is None else moment(int(edition.completed))
