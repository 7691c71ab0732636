"""What a backup holds and what of it is wanted, in a temporary SQLite file, since there may be millions of things."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.staged import batches

__all__ = ["Index"]

_PAGE = 1000
# `nodes` are folders and tasks; `ref` is how records name them. Node 0 is the top of the tree. `links` say what is in what.
# `files` are all that records name, `stored` those that Wrike stores and the backup should hold.
# Of a file, `origin` is its key in the backup, `plain` the one in the layout of Wrike's tool, `shown` its name in the tree.
# `vouched` is what checksums say that the target held before, where they had to be asked.
# `wanted` is what is to be in the target; `origin` is empty for a page, which is made of the node.
_SCHEMA = """
CREATE TABLE listed (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sums (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes (n INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, task INTEGER NOT NULL, number INTEGER, title TEXT NOT NULL,
    project INTEGER NOT NULL, created TEXT NOT NULL, body BLOB, located INTEGER NOT NULL DEFAULT 0, chosen INTEGER NOT NULL DEFAULT 0);
CREATE INDEX by_number ON nodes (number);
CREATE TABLE authors (ref TEXT NOT NULL, person TEXT NOT NULL);
CREATE TABLE named_links (parent TEXT NOT NULL, child TEXT NOT NULL, place INTEGER NOT NULL);
CREATE TABLE links (parent INTEGER, child INTEGER, place INTEGER NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID;
CREATE INDEX above ON links (child, place);
CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, mail TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE words (id TEXT PRIMARY KEY, word TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE comments (ref TEXT NOT NULL, created TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE hours (ref TEXT NOT NULL, day TEXT NOT NULL, person TEXT NOT NULL, hours REAL NOT NULL, category TEXT NOT NULL, comment TEXT NOT NULL);
CREATE TABLE files (id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, author TEXT NOT NULL, created TEXT NOT NULL, size INTEGER,
    ref TEXT NOT NULL, stored INTEGER NOT NULL, url TEXT NOT NULL, origin TEXT, plain TEXT, shown TEXT, chosen INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE placed (n INTEGER PRIMARY KEY, parent INTEGER NOT NULL, depth INTEGER NOT NULL, round INTEGER NOT NULL, name TEXT);
CREATE INDEX by_round ON placed (round);
CREATE TABLE taken (parent INTEGER, name TEXT, PRIMARY KEY (parent, name)) WITHOUT ROWID;
CREATE TABLE held (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE wanted (key TEXT PRIMARY KEY, origin TEXT NOT NULL, sha256 TEXT, size INTEGER, id TEXT NOT NULL, node INTEGER) WITHOUT ROWID;
CREATE TABLE done (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE vouched (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX files_of ON files (ref);
CREATE INDEX files_from ON files (origin);
CREATE INDEX comments_of ON comments (ref, created);
CREATE INDEX hours_of ON hours (ref, day);
CREATE INDEX authors_of ON authors (ref);
"""


class Index:
    """One database of statements that the modules beside this one know. A context manager; safe from any thread."""

    def __init__(self) -> None:
        self._db = scratch(_SCHEMA, any_thread=True)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._db.close()

    def filled(self) -> None:
        """All records are in: from here on they are looked up. A folder in a task is none of Wrike's."""
        with self._lock:
            self._db.executescript(_INDEXES)
            self._db.execute(
                "INSERT OR IGNORE INTO links SELECT p.n, c.n, l.place FROM named_links l JOIN nodes p ON p.ref = l.parent"
                " JOIN nodes c ON c.ref = l.child WHERE NOT (p.task AND NOT c.task) ORDER BY l.place"
            )
            self._db.execute("DROP TABLE named_links")

    def function(self, name: str, arguments: int, call: Any) -> None:
        """Makes a Python function known to statements."""
        with self._lock:
            self._db.create_function(name, arguments, call, deterministic=True)

    def run(self, statement: str, *values: object) -> int:
        """Runs one statement; the number of rows that it changed."""
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def insert(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for many rows, some at a time."""
        for some in batches(rows, _PAGE):
            with self._lock:
                self._db.execute("BEGIN")
                try:
                    self._db.executemany(statement, some)
                finally:  # without a journal there is no way back
                    self._db.execute("COMMIT")

    def one(self, query: str, *values: object) -> Any:
        """The first row, None where there is none."""
        with self._lock:
            return self._db.execute(query, values).fetchone()

    def rows(self, query: str, *values: object, after: object = "") -> Iterator[Any]:
        """The rows of a query by its first column, a page at a time: others may read and write between two. The column is distinct, the
        query wants it above `?1`, which begins with `after`, and `values` are `?2` and so on.
        """
        while rows := self._all(f"{query} ORDER BY 1 LIMIT {_PAGE}", (after, *values)):
            after = rows[-1][0]
            yield from rows

    def _all(self, query: str, values: Sequence[object]) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()
