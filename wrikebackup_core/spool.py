"""The SQLite staging area of one run: what was read so far, how far each listing got, what could not be had.

The file lives on the backup host only, readable by its owner only, and goes away when the backup is committed. It makes a run
resumable: a page's records and the cursor behind it are stored in one transaction, so that a kill loses the page in flight.
Journal mode WAL with `synchronous=NORMAL` keeps the file whole through a power cut; the newest transactions may be gone then.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from wrikebackup_core.errors import FormatError, SinkFull, SourceError, WrikeBackupError
from wrikebackup_core.format import ids
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.homes import private_folder
from wrikebackup_core.journal import Journal
from wrikebackup_core.model import Gap, Kind, Record
from wrikebackup_core.ports import Page
from wrikebackup_core.staged import CHILD_KINDS, Staged, table

__all__ = ["Spool"]

_VERSION = "1"
_WRITER_CACHE, _READER_CACHE = 16_000, 1_000  # KiB; every thread that reads has a connection of its own


class _Head(msgspec.Struct, gc=False):
    """The few fields that the spool itself looks at."""

    id: str
    taskId: str | None = None  # noqa: N815 - Wrike's name
    folderId: str | None = None  # noqa: N815
    permalink: str | None = None
    scope: str | None = None


_heads = {kind: RecordDecoder(kind, _Head) for kind in Kind}
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


class Spool(Staged):
    """What one run has read. Safe from any thread: one writer at a time, readers with connections of their own."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file. Raises WrikeBackupError where it cannot be used."""
        self.path = path
        self._local = threading.local()
        self._open: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._lock = threading.RLock()
        private_folder(path.parent)
        try:
            path.touch(mode=0o600)
            self._writer = self._connect()
            self._create()
            self.journal = Journal(path.with_name("journal"))
        except (OSError, sqlite3.Error) as error:
            raise WrikeBackupError(
                f"cannot use the spool {path}: {error}", hint="set `state:` in the profile"
            ) from error

    @property
    def name(self) -> str:
        """One that no other spool of this host has at the same time."""
        return self.path.parent.name

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA temp_store=FILE")
        connection.execute(f"PRAGMA cache_size=-{_READER_CACHE if self._open else _WRITER_CACHE}")
        self._open.append((threading.current_thread(), connection))
        return connection

    def _create(self) -> None:
        self._writer.execute("PRAGMA page_size=16384")
        with self.writing() as db:
            db.execute("CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
            db.execute(
                "CREATE TABLE IF NOT EXISTS cursors (kind TEXT, wave INTEGER, cursor TEXT NOT NULL, done INTEGER NOT NULL,"
                " PRIMARY KEY (kind, wave)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS gaps (kind TEXT, id TEXT, reason TEXT NOT NULL, hint TEXT,"
                " PRIMARY KEY (kind, id)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS volumes (kind TEXT PRIMARY KEY, records INTEGER NOT NULL, bytes INTEGER NOT NULL)"
                " WITHOUT ROWID"
            )
            db.execute("CREATE TABLE IF NOT EXISTS recycled (id TEXT PRIMARY KEY) WITHOUT ROWID")
            for kind in Kind:
                db.execute(
                    f"CREATE TABLE IF NOT EXISTS {table(kind)} (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
                    " parent TEXT, number INTEGER, binned INTEGER NOT NULL, body BLOB NOT NULL)"
                )
            db.execute("INSERT OR IGNORE INTO run VALUES ('spool', ?)", (_VERSION,))

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The one writing connection, inside a transaction. Raises SinkFull where the disk has no room."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise SinkFull(
                        f"no room left for the spool {self.path}", hint="set `state:` in the profile"
                    ) from error
                raise
            self._writer.execute("COMMIT")

    @property
    def reading(self) -> sqlite3.Connection:
        """This thread's connection for reading."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self._lock:
                connection = self._local.connection = self._connect()
        return connection

    def close(self) -> None:
        """Nothing can be written any more. A thread that Ctrl-C left at work keeps its connection: SQLite does not bear its end."""
        with self._lock:
            self._writer.close()
            for thread, connection in self._open:
                if thread is threading.current_thread() or not thread.is_alive():
                    connection.close()
            self._open.clear()
            self.journal.close()

    def remove(self) -> None:
        """Closes the file and deletes it: it holds the account in the clear."""
        self.close()
        for path in self._files():
            path.unlink(missing_ok=True)
        self.journal.remove()
        with contextlib.suppress(OSError):  # somebody else's file is in it
            self.path.parent.rmdir()

    def _files(self) -> list[Path]:
        return [self.path.with_name(self.path.name + tail) for tail in ("", "-wal", "-shm")]

    # The run

    def facts(self) -> dict[str, str]:
        """What `note` stored."""
        return dict(self.reading.execute("SELECT key, value FROM run"))

    def note(self, facts: Mapping[str, str]) -> None:
        with self.writing() as db:
            db.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", list(facts.items()))

    def reset(self) -> None:
        """Forgets the run and all that it read; what the ledger knows of the sinks stays."""
        with self.writing() as db:
            for name in ("cursors", "gaps", "recycled", "volumes", *map(table, Kind)):
                db.execute(f"DELETE FROM {name}")
            db.execute("DELETE FROM run WHERE key != 'spool'")

    # The crawl

    def cursor(self, kind: Kind, wave: int) -> tuple[str | None, bool]:
        """How far a listing got: its cursor (None: not begun) and whether it is done."""
        row = self.reading.execute("SELECT cursor, done FROM cursors WHERE kind=? AND wave=?", (kind, wave)).fetchone()
        return (row[0], bool(row[1])) if row else (None, False)

    def add(self, kind: Kind, wave: int, page: Page) -> None:
        """Stores a page and the cursor behind it, both or neither. Raises SourceError for a record without an id."""
        rows = [_row(kind, record) for record in page.records]
        with self.writing() as db:
            db.executemany(
                f"INSERT INTO {table(kind)} (id, parent, number, binned, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id)"
                " DO UPDATE SET parent=excluded.parent, number=excluded.number, binned=excluded.binned, body=excluded.body",
                rows,
            )
            db.execute(
                "INSERT INTO volumes VALUES (?, ?, ?) ON CONFLICT (kind) DO UPDATE"
                " SET records=records + excluded.records, bytes=bytes + excluded.bytes",
                (kind, len(rows), sum(map(len, page.records))),
            )
            db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, 0)", (kind, wave, page.cursor))
            db.executemany(
                "INSERT OR IGNORE INTO gaps VALUES (?, ?, ?, ?)",
                [(gap.kind, gap.id or "", gap.reason, gap.hint) for gap in page.gaps],
            )
            db.executemany("INSERT OR IGNORE INTO recycled VALUES (?)", [(id_,) for id_ in page.recycled])

    def finish(self, kind: Kind, wave: int) -> None:
        """The listing is at its end."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO cursors VALUES (?, ?, '', 1) ON CONFLICT (kind, wave) DO UPDATE SET done=1", (kind, wave)
            )

    def index(self) -> None:
        """Makes ready for `items`. Cheap when done before."""
        with self.writing() as db:
            for kind in CHILD_KINDS:
                db.execute(f"CREATE INDEX IF NOT EXISTS {table(kind)}_parent ON {table(kind)} (parent)")

    # Gaps

    def add_gap(self, gap: Gap) -> bool:
        """Whether it is new."""
        with self.writing() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO gaps VALUES (?, ?, ?, ?)", (gap.kind, gap.id or "", gap.reason, gap.hint)
            )
            return done.rowcount > 0

    def drop_gaps(self, kind: str, ids: Iterable[str]) -> None:
        """Forgets gaps that a later attempt has closed."""
        with self.writing() as db:
            db.executemany("DELETE FROM gaps WHERE kind=? AND id=?", [(kind, id_) for id_ in ids])

    def gaps(self) -> list[Gap]:
        rows = self.reading.execute("SELECT kind, id, reason, hint FROM gaps ORDER BY kind, id")
        return [Gap(kind, id_ or None, reason, hint) for kind, id_, reason, hint in rows]


def _row(kind: Kind, record: Record) -> tuple[str, str | None, int | None, bool, bytes]:
    try:
        head = _heads[kind](record)
    except FormatError as error:
        raise SourceError(f"the source gave a record that cannot be used: {error}") from None
    number, binned = None, (head.scope or "").startswith("Rb")
    if kind in (Kind.FOLDERS, Kind.TASKS) and not binned:
        number = ids.permalink_number(head.permalink)
        if number is None:
            number = ids.number(head.id)
    # A line break in JSON can only be white space between tokens.
    body: bytes = record
    if b"\n" in body or b"\r" in body:
        body = body.translate(_ONE_LINE)
    return head.id, head.taskId or head.folderId, number, binned, body
