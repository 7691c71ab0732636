"""Stock: what each sink holds already, read while the account is crawled.

A store may take minutes to list what it has, and whether it can be reached at all should not be found out hours into a run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Self

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.removal import remove
from wrikebackup_core.engine.threads import each, wait_for
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.model import Message
from wrikebackup_core.ports import Entry, Sink
from wrikebackup_core.staged import batches
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import hash_stored

__all__ = ["Stock", "Stocktaking", "read_sums"]

_PATIENCE = 2.0  # seconds
_BATCH = 1000  # objects read back before what came of it is written down


@dataclass(frozen=True, slots=True)
class Stock:
    """One sink's, whose listing and newest checksums the ledger has. `backups` are the uids of its backups, newest first."""

    number: int
    sink: Sink
    backups: tuple[str, ...]
    unreadable: list[str] = field(default_factory=list)
    """Of those, the ones whose checksums are damaged or lost: nobody can tell which files they need."""


class Stocktaking:
    """Begins at once, in threads of its own. With `write` false nothing is changed in a sink.

    `over` is set when there is nothing to back up to, which ends the crawl too. A context manager: when it is left by an exception,
    nothing more is read or changed.
    """

    def __init__(self, attempt: Attempt, *, write: bool) -> None:
        self._attempt, self._write = attempt, write
        self._found: list[Stock] = []
        self._failure: BaseException | None = None
        self._left = threading.Event()
        self.over = threading.Event()
        # A daemon, for a program that ends does not wait for a store that hangs.
        self._thread = threading.Thread(target=self._run, name="stock", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises SinkError when it is known by now that no sink is left."""
        if self._failure is not None:
            raise self._failure

    def lose(self, number: int, error: Exception) -> None:
        """A sink is another run's by now. Where it was the last, the crawl ends. From any thread; never raises."""
        try:
            self._attempt.fan.drop(number, error)
        except SinkError as failure:
            self._failure = self._failure or failure
            self.over.set()

    def wait(self) -> list[Stock]:
        """The stocks of the sinks that are still in the run. Raises SinkError when none is."""
        wait_for([self._thread])
        self.check()
        return sorted(self._found, key=lambda stock: stock.number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._left.set()
            self._thread.join(_PATIENCE)  # a store that hangs is not waited for

    def _run(self) -> None:
        sinks = list(self._attempt.fan.live.items())
        try:
            each(sinks, lambda pair: self._take(*pair), threads=len(sinks), name="stock")
        except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
            self._failure = error
            self.over.set()

    def _take(self, number: int, sink: Sink) -> None:
        try:
            stock = _Taken(self._attempt, sink, number, self._left).take(write=self._write)
        except _Left:
            return
        except SinkError as error:
            self._attempt.fan.drop(number, error)
        else:
            self._found.append(stock)


class _Left(Exception):
    """The run has ended meanwhile."""


class _Taken:
    def __init__(self, attempt: Attempt, sink: Sink, number: int, left: threading.Event) -> None:
        account, uid = attempt.run.account.id, attempt.run.backup_uid
        self._attempt, self._sink, self._number, self._left = attempt, sink, number, left
        self._ledger, self._folder = attempt.ledger, layout.account_folder(account)
        self._areas = (f"{layout.attachments_folder(account)}/", f"{layout.backup_folder(account, uid)}/")
        self._backups: list[str] = []

    def take(self, *, write: bool) -> Stock:
        if write:
            self._sink.sweep(self._folder)
        self._ledger.take_listing(self._number, self._listed(), len(self._folder) + 1)
        self._ledger.forget_absent(self._number)
        stock = Stock(self._number, self._sink, tuple(sorted(self._backups, reverse=True)))
        self._weigh(stock)
        self._look_again(write=write)
        if write:
            self._clear_own_folder()
        return stock

    def _listed(self) -> Iterator[Entry]:
        """One listing of the account; the committed backups are noted on the way."""
        for entry in self._sink.list(self._folder):
            self._go_on()
            if entry.key.startswith(self._areas):
                yield entry
            folder, _, name = entry.key[len(self._folder) + 1 :].partition("/")
            uid = folder.removeprefix("backup-")
            if name == "manifest.json" and uid != folder and layout.started(uid) is not None:
                self._backups.append(uid)

    def _weigh(self, stock: Stock) -> None:
        """Reads the newest checksums, and those that were not there when the notes were taken; the newest count most."""
        unseen = self._ledger.doubts.unseen(self._number, self._backups)
        for uid in sorted({*unseen, *stock.backups[:1]}):
            self._go_on()
            read_sums(self._attempt, stock, uid)
        lost = not set(unseen).isdisjoint(stock.unreadable)
        self._ledger.doubts.weigh(self._number, stock.backups, lost=lost)

    def _look_again(self, *, write: bool) -> None:
        """What the last run wrote down but could not make durable is read back once, and what its notes may be wrong about."""
        listed, absent = self._ledger.unsure(self._number)
        for batch in batches(chain(listed, self._ledger.doubts.listed(self._number)), _BATCH):
            found = [(stored, self._hash(stored.key)) for stored in batch]
            whole = [self._aged(stored) for stored, sha256 in found if sha256 == stored.sha256]
            self._ledger.know(whole)
            self._ledger.differ(self._number, [(one.key, sha256) for one, sha256 in found if sha256 != one.sha256])
            if write and whole:
                self._sink.sync(self._attempt.fan.path(stored.key) for stored in whole)
                self._ledger.settle(self._number, whole)
        if write:
            self._ledger.drop(self._number, absent)

    def _hash(self, key: str) -> str:
        self._go_on()
        return hash_stored(self._sink, self._attempt.fan.path(key))

    def _aged(self, stored: StoredObject) -> StoredObject:
        """What a backup that was given up had brought is not new in this one."""
        brought = stored.origin in (Origin.DOWNLOADED, Origin.COPIED)
        return replace(stored, origin=Origin.HELD) if brought and not self._attempt.run.resumed else stored

    def _clear_own_folder(self) -> None:
        """Of this backup's own objects, those that are not what the notes say, or whose notes a power cut on this host took: they
        are made again."""
        uid = self._attempt.run.backup_uid
        folder = f"backup-{uid}"
        if uid not in self._backups:
            sums = f"{folder}/SHA256SUMS"  # the commit looks after it
            keys = [key for key in self._ledger.strays(self._number, folder) if key != sums]
            remove(self._attempt, self._number, self._sink, keys)

    def _go_on(self) -> None:
        if self._left.is_set():
            raise _Left


def read_sums(attempt: Attempt, stock: Stock, uid: str) -> None:
    """Gives the ledger the checksums of one of the sink's backups; those that cannot be read are warned of, and noted in the stock.
    Raises SinkError.
    """
    account = attempt.run.account.id
    strip = len(layout.account_folder(account)) + 1
    sums = ((sha256, key[strip:]) for sha256, key in AccountStore(stock.sink, account).sums(uid))
    try:
        attempt.ledger.take_sums(stock.number, sums)
    except FormatError as error:
        stock.unreadable.append(uid)
        attempt.notify(Message(f"{stock.sink.name}: {error.message}", warning=True))
