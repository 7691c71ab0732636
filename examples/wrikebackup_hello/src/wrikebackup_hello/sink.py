"""A store in one SQLite file. An object is a row in `object`, its bytes are rows in `piece`.

The pieces come while the object is written; the object itself comes with its commit, and only then the pieces belong to something.
"""

import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from wrikebackup_core import AlreadyExists, Check, Entry, KeyNotFound, SinkError, SinkFull

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (key TEXT PRIMARY KEY, token TEXT NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS piece (token TEXT, start INTEGER, data BLOB, PRIMARY KEY (token, start));
"""


class HelloSink:
    def __init__(self, path: str) -> None:
        file = Path(path).expanduser().absolute()
        self.name = f"hello:{file}"
        self.lock = threading.RLock()
        try:
            self.database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            # Every statement is a transaction of its own: a kill loses none. A power cut may, until the next checkpoint.
            self.database.execute("PRAGMA journal_mode = WAL")
            self.database.execute("PRAGMA synchronous = NORMAL")
            self.database.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise SinkError(f"cannot open {file}: {error}", hint="choose a file in a folder that is there") from error

    def run(self, statement: str, *values: object) -> list[tuple]:  # type: ignore[type-arg] # rows differ
        try:
            with self.lock:
                return self.database.execute(statement, values).fetchall()
        except sqlite3.IntegrityError:
            raise AlreadyExists(f"{self.name}: {values[0]} exists already") from None
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise (SinkFull if full else SinkError)(f"{self.name}: {error}") from error

    def create(self, key: str) -> "HelloWriter":
        if self.run("SELECT 1 FROM object WHERE key = ?", checked(key)):
            raise AlreadyExists(f"{self.name}: {key} exists already")
        return HelloWriter(self, key)

    def sync(self, others: Iterable[str] = ()) -> None:
        ((busy, _, _),) = self.run("PRAGMA wal_checkpoint(FULL)")
        if busy:
            raise SinkError(f"{self.name} is in use by another program", hint="try again when it is done")

    def open(self, key: str, offset: int = 0) -> "HelloReader":
        found = self.run("SELECT token, size FROM object WHERE key = ?", checked(key))
        if not found:
            raise KeyNotFound(f"{self.name}: there is no {key}")
        token, size = found[0]
        return HelloReader(self, token, size, offset)

    def list(self, prefix: str) -> Iterator[Entry]:
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        for key, size in self.run("SELECT key, size FROM object WHERE substr(key, 1, ?) = ?", len(folder), folder):
            yield Entry(key, size)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            # The object first: a kill in between leaves pieces without an object, which `sweep` removes.
            for (token,) in self.run("SELECT token FROM object WHERE key = ?", checked(key)):
                self.run("DELETE FROM object WHERE token = ?", token)
                self.run("DELETE FROM piece WHERE token = ?", token)

    def sweep(self, prefix: str) -> None:
        self.run("DELETE FROM piece WHERE token NOT IN (SELECT token FROM object)")

    def checks(self) -> Iterator[Check]:
        key = f"probe-{uuid.uuid4().hex}"
        try:
            writer = self.create(key)
            writer.write(b"probe")
            writer.commit()
            self.delete([key])
        except SinkError as error:
            yield Check("writable", False, error.message, hint=error.hint)
        else:
            yield Check("writable", True, "an object can be written and deleted")

    def close(self) -> None:
        self.database.close()


class HelloWriter:
    def __init__(self, sink: HelloSink, key: str) -> None:
        self.sink, self.key, self.token, self.size = sink, key, uuid.uuid4().hex, 0

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        if data:
            self.sink.run("INSERT INTO piece VALUES (?, ?, ?)", self.token, self.size, bytes(data))
            self.size += len(data)
        return len(data)

    def commit(self) -> None:
        self.sink.run("INSERT INTO object VALUES (?, ?, ?)", self.key, self.token, self.size)

    def discard(self) -> None:
        with contextlib.suppress(SinkError):
            self.sink.run("DELETE FROM piece WHERE token = ? AND token NOT IN (SELECT token FROM object)", self.token)


class HelloReader:
    def __init__(self, sink: HelloSink, token: str, size: int, start: int) -> None:
        self.sink, self.token, self.size, self.start, self.position = sink, token, size, start, start

    def read(self, size: int = -1, /) -> bytes:
        end = self.size if size < 0 else min(self.size, self.position + size)
        pieces = []
        while self.position < end:
            # The piece that holds the position is the last one that starts at it or before.
            found = self.sink.run(
                "SELECT substr(data, ? - start + 1, ?) FROM piece WHERE token = ? AND start <= ? ORDER BY start DESC LIMIT 1",
                self.position, end - self.position, self.token, self.position,
            )  # fmt: skip
            if not found or not found[0][0]:
                raise SinkError(f"{self.sink.name}: an object ended after {self.position} of {self.size} bytes")
            pieces.append(found[0][0])
            self.position += len(pieces[-1])
        return b"".join(pieces)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def checked(key: str) -> str:
    if "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise SinkError(f"{key!r} is no key: it must be a relative path")
    return key
