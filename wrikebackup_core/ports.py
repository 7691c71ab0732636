"""The ports: what a source and a sink are, and what parts are handed. Everything is synchronous; the engine brings the threads.

Implementations need not inherit from these classes, but may: what has a body here is a default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, Self, runtime_checkable

from wrikebackup_core.model import Account, Attachment, Gap, Kind, Record
from wrikebackup_core.witnesses import Witness

__all__ = [
    "Browsing",
    "Check",
    "Column",
    "Context",
    "Crawled",
    "Entry",
    "Export",
    "Listed",
    "Locking",
    "Page",
    "Reader",
    "Recounting",
    "Run",
    "Signing",
    "Sink",
    "Source",
    "Table",
    "Writer",
    "waits",
]


class Reader(Protocol):
    """Bytes coming out of a source or a sink. A context manager; closing twice is fine."""

    @property
    def size(self) -> int | None:
        """Length in bytes of the whole object, not only of what is left; None where it is not known."""

    @property
    def start(self) -> int:
        """The offset at which this reader really began: the one asked for, or 0 where the server could not skip."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all that is left for -1; `b""` at the end only.

        Raises Interrupted (a source) or SinkError when the bytes end before the announced length.
        """

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Writer(Protocol):
    """One object on its way into a sink: whole on `commit`, absent on `discard`. Either may be called once only.

    Leaving it to the garbage collector, or to a kill, is like `discard`: the key does not exist.
    """

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Takes all of `data`; returns its length. Raises SinkError."""

    def commit(self) -> None:
        """The key exists from here on, with exactly the bytes written. Raises AlreadyExists, SinkError."""

    def discard(self) -> None:
        """Nothing of it stays behind. Never raises."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a sink: `key` relative to the sink's root with `/` between parts, `size` in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a `doctor` report. `ok` None means: could not be told."""

    name: str
    ok: bool | None
    detail: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a crawl: the records of one API answer, and where to go on after it.

    `gaps` are single things inside the kind that could not be read (a task whose comments are refused), while the rest could.
    `recycled` are ids of tasks and folders that the source found in the recycle bin while it looked up what other records
    name: they are no records of the backup, and the files attached to them are not fetched.
    `cursor` is opaque to everybody but the source and must be enough, with the kind and what earlier waves brought, to go on
    after a kill without asking for anything again. `total` is how many records the kind has in all, where the source knows.
    """

    records: Sequence[Record]
    cursor: str = ""
    total: int | None = None
    gaps: Sequence[Gap] = ()
    recycled: Sequence[str] = ()


class Crawled(Protocol):
    """What the run has read so far; safe to use from any thread."""

    def ids(self, kind: Kind) -> Iterator[str]:
        """Ids in the order in which they came."""

    def records(self, kind: Kind) -> Iterator[Record]:
        """Records in the order in which they came."""

    def missing(self, kind: Kind, ids: Iterable[str]) -> Sequence[str]:
        """Those of `ids`, each once, that are not among the records of `kind`."""

    def parents(self, kind: Kind) -> Iterator[str]:
        """Distinct task and folder ids that records of `kind` (comments, attachments, timelogs) name as theirs."""

    def reached(self, kind: Kind, wave: int) -> str | None:
        """The cursor behind the last page that `wave` brought of `kind`; None where it brought none."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of the BI export: `name` as the schema has it, `data_type` one of Number, String, Date and Boolean.

    `alias` is another name that the table's first row may give it; `refers_to` the table and the column whose values it holds.
    """

    name: str
    data_type: str
    alias: str = ""
    refers_to: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a BI export. `open(offset)` gives its CSV from that byte on where the server can, else from 0.

    `name` is what the source says: hostile input. `columns` are those of the schema, in its order; None where it has no such table.
    """

    name: str
    open: Callable[[int], Reader]
    columns: tuple[Column, ...] | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A finished BI export. `edition` is opaque, and another one for each export that the source makes; `completed` is in UTC.

    `schema` is a JSON array, as the source gave it, and `schema_version` what the source calls it.
    """

    edition: str
    completed: datetime | None
    tables: Sequence[Table]
    schema: bytes = b"[]"
    schema_version: str = ""


class Source(Protocol):
    """Where records come from. It yields API v4 records; a custom source speaks the same language."""

    def account(self) -> Account:
        """The account. Raises Unauthorized, SourceError."""

    def waves(self) -> Sequence[Sequence[Kind]]:
        """The kinds that this source has, in crawling order: those of one wave may be read at the same time, each in a thread
        of its own, and may look at what earlier waves brought. A kind may stand in a later wave once more, to fetch what
        the records of others name and the first listing did not bring.
        """

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        """The records of a kind, an API answer at a time, after `cursor` (None: from the start).

        The same id may come twice: the later record wins.

        Raises Forbidden where plan or token do not allow the kind (the run goes on, with a gap); other SourceErrors end the run.
        """

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        """The file's bytes from `offset` on where the server can, else from 0: see `Reader.start`.

        Raises Forbidden, NotFound (a gap), Interrupted (tried again by the engine).
        """

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta(hours=1)) -> Export:
        """The newest finished BI export. If it is older than `max_age`, the source is asked for a new one first; if it cannot make
        one yet, the newest is given all the same, and that told. `wait` is how long one that is being made is waited for.

        Raises NotOffered where there is no such thing, Forbidden with the right that it takes, Interrupted where it is not ready in time,
        and SourceError for an export that cannot be this account's.
        """

    def export_edition(self) -> str:
        """The edition of the export that is the newest one now. Waits for nothing; raises what `export` raises."""

    def checks(self) -> Iterator[Check]:
        """What `doctor` asks: host, token, rights by kind, clock. Never raises for a failed check."""

    def close(self) -> None: ...


class Listed(NamedTuple):
    """What a second listing says of a record: its id, and when the thing was created, None where that is not said."""

    id: str
    created: datetime | None = None


@runtime_checkable
class Recounting(Protocol):
    """What a source has besides that can list a kind in another way than `pages` did, and look up single records."""

    def recount(self, kind: Kind, crawled: Crawled) -> Iterator[Sequence[Listed]]:
        """All records of a kind, in another order or over another endpoint than the crawl's, in about as many requests.

        Raises NotOffered where there is no other way, and SourceError.
        """

    def look_up(self, kind: Kind, names: Sequence[str | int], crawled: Crawled) -> Iterator[tuple[Kind, Page]]:
        """The records with these ids, or numbers as the BI export has them, and what belongs to them, each page with its kind.

        What is in the recycle bin comes as `recycled`; what the source does not show does not come. Raises SourceError.
        """


class Sink(Protocol):
    """Where backups go. Keys are relative paths with `/`; every key is written once and never changed.

    A sink whose writers wait for nobody else, as on a disk, may say so with an attribute `waits = False`: a few writers at a time
    are then as fast as many. One whose store holds names that no key can have passes over them in `list`, and may give the last
    listing's in an attribute `passed_over`, as they can be shown.
    """

    @property
    def name(self) -> str:
        """For people, and the same for the same place in every run: `local:/backups`. Never holds a secret."""

    def create(self, key: str) -> Writer:
        """A writer for a new key; folders on the way need not exist. Safe from any thread. Raises SinkError.

        Raises, here or in `commit`, AlreadyExists when the key is there, and KeyUnfit where the store can hold no object of this name,
        though it can hold others.
        """

    def sync(self, others: Iterable[str] = ()) -> None:
        """A barrier: when it returns, all that this sink committed before it survives a power cut, and so do the keys `others`,
        whoever committed them: a run takes over what a killed one has stored. One that is not there is fine. Raises SinkError.
        """

    def open(self, key: str, offset: int = 0) -> Reader:
        """Reads from `offset` on. Raises KeyNotFound, SinkError."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys below the folder `prefix` (`""` for all), in any order, committed ones only. An absent folder has none."""

    def delete(self, keys: Iterable[str]) -> None:
        """Removes keys, and folders left empty; a key that is not there is fine. Raises SinkError if any is still there: KeyLocked
        if it is the store's lock that keeps it, after all others are gone.
        """

    def sweep(self, prefix: str) -> None:
        """Removes below `prefix` what killed writers left behind. Called while no other run writes there."""

    def checks(self) -> Iterator[Check]:
        """What `doctor` asks: reachable, writable, atomic, room. Leaves nothing behind; never raises for a failed check."""

    def close(self) -> None: ...


def waits(sink: Sink) -> bool:
    """Whether who reads or writes there waits for somebody's answer, as with all that do not say otherwise."""
    return bool(getattr(sink, "waits", True))


@runtime_checkable
class Browsing(Protocol):
    """What a sink has besides that can name the folders in a folder without listing all that is below them."""

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below the folder `prefix` (`""` for all), each once, in any order. All that hold
        a committed key are among them; empty ones may be. An absent folder has none. Raises SinkError.
        """


Named = tuple[Sequence[str], Callable[[Sequence[int]], Iterable[int]]]
"""Names, and what asks for the bytes of some by their places among them."""


@runtime_checkable
class Naming(Protocol):
    """What a sink has besides whose store must be asked once more for the size of each object: it can name them without."""

    def names(self, prefix: str) -> AbstractContextManager[Iterator[Named]]:
        """What `list` gives for the folder `prefix` (`""` for all), many together, and of each key only what follows the folder's
        `/`. With them comes what asks for the bytes of some by their places among them, until the next come; 0 for one that is gone.
        Both raise SinkError.

        Names that come together should lie near each other, where that costs nothing: they are found sooner among others. The
        listing may begin as the context is entered: what is written later may be missing. Sizes that were asked for may be on
        their way until somebody goes through them, then or after the next names.
        """


@runtime_checkable
class Locking(Protocol):
    """What a sink has besides, whose store can refuse until a date to delete an object: `create` then locks what it writes, and
    `delete` raises KeyLocked. Keys with a part that begins with a dot are never locked: such is the lease, which is gone after a run.
    """

    def prolong(self, keys: Iterable[str]) -> None:
        """Sees that each of the keys stays locked at least as long as one that is written now, and never shorter than before.
        Keys that are not there are passed over. There may be a million: they are gone through once, and not kept. Nothing to
        do where the profile asks for no lock. Raises SinkError.
        """

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        """Those of the keys that cannot be deleted now, and until when (UTC; the year 9999 for a hold without an end). Keys that
        are not there are passed over. Raises SinkError.
        """


@runtime_checkable
class Signing(Protocol):
    """What a sink has besides, whose store can let others read an object for a while without an account of theirs."""

    def sign(self, key: str, seconds: int) -> str:
        """An address from which anybody can read the object for so long; it is a secret. Raises KeyNotFound, SinkError, and
        UsageError for a longer time than the store allows.
        """


@runtime_checkable
class Run(Protocol):
    """What a transform and a hook may know of the run that is going on."""

    @property
    def profile(self) -> str:
        """The profile's name, for people."""

    @property
    def account(self) -> Account: ...
    @property
    def backup_uid(self) -> str: ...
    @property
    def started(self) -> datetime:
        """When the backup was begun, UTC; a resumed run keeps it."""

    @property
    def source(self) -> Source: ...
    @property
    def crawled(self) -> Crawled: ...
    @property
    def witness(self) -> Witness:
        """Takes down what a transform learns of what the account has, for the run to compare it with what was crawled."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a factory may need besides its options. `secret` resolves a reference; `state` is a folder of the profile's own."""

    secret: Callable[[str], str]
    state: str = ""
    extras: Mapping[str, object] = field(default_factory=dict)
