"""Which files a run wants and which objects each sink holds, in the spool's database.

An object is appended to the spool's journal *before* its writer commits, with the hash of what is stored. So a run that finds it in
the sink's listing after a kill can tell by reading it back that it is whole, and nothing stored is ever downloaded again. After
a barrier it moves into the table `objects` and needs no second look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from wrikebackup_core.doubts import Doubts
from wrikebackup_core.errors import WrikeBackupError
from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.model import Attachment
from wrikebackup_core.ports import Entry
from wrikebackup_core.spool import Spool
from wrikebackup_core.staged import batches

__all__ = ["Ledger", "Planned", "Wanted"]

_ATTACHMENTS = "attachments/"
_READ = 1000  # rows read at a time
_WRITE = 1000  # rows written in one transaction, while others wait to write


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is lacking: which, under which name in `attachments/`, and the numbers of the sinks that lack it and that hold it."""

    attachment: Attachment
    file: str
    sinks: tuple[int, ...]
    holders: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Relative to the account's folder."""
        return _ATTACHMENTS + self.file


@dataclass(frozen=True, slots=True)
class Planned:
    """Number and bytes (as the records say) of the files that no sink holds, and of those that only some hold."""

    downloads: int
    download_bytes: int
    copies: int
    copy_bytes: int


class Ledger:
    """Sinks are numbers here: their place in the list given at the start."""

    def __init__(self, spool: Spool, sinks: Sequence[str]) -> None:
        self._spool, self._journal = spool, spool.journal
        with spool.writing() as db:
            db.execute("CREATE TABLE IF NOT EXISTS sinks (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")
            db.execute(
                "CREATE TABLE IF NOT EXISTS objects (sink INTEGER, key TEXT, sha256 TEXT NOT NULL, size INTEGER NOT NULL,"
                " new INTEGER NOT NULL, PRIMARY KEY (sink, key)) WITHOUT ROWID"
            )
            for table in ("files", "listed", "known", "other", "barred", "todo"):
                db.execute(f"DROP TABLE IF EXISTS {table}")
            db.execute(
                "CREATE TABLE files (id TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER, version INTEGER NOT NULL,"
                " key TEXT NOT NULL UNIQUE) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE listed (sink INTEGER, key TEXT, size INTEGER, PRIMARY KEY (sink, key)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE known (sink INTEGER, key TEXT, sha256 TEXT NOT NULL, PRIMARY KEY (sink, key)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE other (sink INTEGER, key TEXT, sha256 TEXT NOT NULL, explained INTEGER NOT NULL DEFAULT 0,"
                " PRIMARY KEY (sink, key)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE barred (sink INTEGER, key TEXT, reason TEXT NOT NULL, PRIMARY KEY (sink, key)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE todo (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, sinks TEXT NOT NULL, holders TEXT)"
            )
            db.executemany("INSERT OR IGNORE INTO sinks (name) VALUES (?)", [(name,) for name in sinks])
            rows = dict(db.execute("SELECT name, number FROM sinks").fetchall())
        self.numbers = [rows[name] for name in sinks]
        self.doubts = Doubts(spool)

    # What is wanted

    def want(self, files: Iterable[tuple[Attachment, str]]) -> None:
        """The files that the backup is to hold, each with its name in `attachments/`."""
        rows = ((a.id, a.name, a.size, a.version, _ATTACHMENTS + file) for a, file in files)
        with self._spool.writing() as db:
            db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)

    def wanted(self) -> tuple[int, int]:
        """Number and bytes of all files wanted."""
        row = self._spool.reading.execute("SELECT count(*), coalesce(sum(size), 0) FROM files").fetchone()
        return int(row[0]), int(row[1])

    # What a sink holds

    def take_listing(self, sink: int, entries: Iterable[Entry], strip: int) -> None:
        """Takes down what the sink lists; `strip` characters of each key lead to the account's folder."""
        self._take_down("listed", sink, ((entry.key[strip:], entry.size) for entry in entries))

    def forget_absent(self, sink: int) -> None:
        """Drops the rows of objects that the sink does not list, or lists with another size."""
        with self._spool.writing() as db:
            db.execute(
                "DELETE FROM objects WHERE sink=?1 AND NOT EXISTS (SELECT 1 FROM listed l WHERE l.sink=?1 AND"
                " l.key=objects.key AND l.size=objects.size)",
                (sink,),
            )

    def unsure(self, sink: int) -> tuple[list[StoredObject], list[str]]:
        """Of what the journal holds: objects that the sink lists with their size, and the keys of all others."""
        listed: list[StoredObject] = []
        absent: list[str] = []
        for stored in self._journal.pending(sink):
            row = self._spool.reading.execute(
                "SELECT size FROM listed WHERE sink=? AND key=?", (sink, stored.key)
            ).fetchone()
            if row is not None and row[0] == stored.size:
                listed.append(stored)
            else:
                absent.append(stored.key)
        return listed, absent

    def differ(self, sink: int, found: Iterable[tuple[str, str]]) -> None:
        """These were read back and are not what the notes say: (key, SHA-256 in hex of what is there)."""
        with self._spool.writing() as db:
            db.executemany("INSERT OR REPLACE INTO other VALUES (?, ?, ?, 0)", [(sink, *one) for one in found])

    def found(self, sink: int, key: str) -> str | None:
        """SHA-256 in hex of what is there, where that was read back and is not what the notes say."""
        row = self._spool.reading.execute("SELECT sha256 FROM other WHERE sink=? AND key=?", (sink, key)).fetchone()
        return row[0] if row else None

    def astray(self, sink: int) -> list[str]:
        """Keys of the attachments that were read back, wanted or not, and that no checksum that was taken down so far explains either."""
        rows = self._spool.reading.execute("SELECT key FROM other WHERE sink=? AND NOT explained ORDER BY key", (sink,))
        return [key for (key,) in rows if key.startswith(_ATTACHMENTS)]

    def resolve(self, sink: int) -> None:
        """What became of all that was read back is written down, and stored where it is not as it should be."""
        rows = self._spool.reading.execute("SELECT key FROM other WHERE sink=?", (sink,))
        self.drop(sink, [key for (key,) in rows])
        self.doubts.over(sink)

    def unexplained(self, sink: int, *, sizes: bool) -> Iterator[tuple[str, int, int | None]]:
        """Wanted files that the sink lists and whose hash is not known: key, stored size, the record's size.

        With `sizes`, only those of the record's size (or where the record gives none). Those that are explained meanwhile may
        come or not.
        """
        same = "AND (f.size IS NULL OR f.size = l.size)" if sizes else ""
        last = ""
        while rows := self._spool.reading.execute(
            "SELECT f.key, l.size, f.size FROM files f JOIN listed l ON l.sink=?1 AND l.key=f.key"
            " LEFT JOIN objects o ON o.sink=?1 AND o.key=f.key LEFT JOIN barred b ON b.sink=?1 AND b.key=f.key"
            f" WHERE f.key > ?2 AND o.key IS NULL AND b.key IS NULL {same}"
            f" ORDER BY f.key LIMIT {_READ}",
            (sink, last),
        ).fetchall():
            last = rows[-1][0]
            yield from rows

    def take_sums(self, sink: int, sums: Iterable[tuple[str, str]]) -> None:
        """Takes down the checksums of one of the sink's backups: (hex, key). Where `sums` raises, none of them are kept."""
        try:
            self._take_down("known", sink, ((key, sha256) for sha256, key in sums))
        except WrikeBackupError:
            self._forget_sums(sink)
            raise

    def explain(self, sink: int, *, sizes: bool) -> None:
        """Takes files for what the checksums say that was taken down. With `sizes`, only where stored and recorded sizes agree."""
        same = "AND (f.size IS NULL OR f.size = l.size)" if sizes else ""
        with self._spool.writing() as db:
            db.execute(
                f"INSERT OR IGNORE INTO objects SELECT ?1, f.key, k.sha256, l.size, {Origin.HELD:d} FROM files f"
                f" JOIN listed l ON l.sink=?1 AND l.key=f.key {same} JOIN known k ON k.sink=?1 AND k.key=f.key"
                " LEFT JOIN other x ON x.sink=?1 AND x.key=f.key WHERE x.sha256 IS NULL OR x.sha256=k.sha256",
                (sink,),
            )
            db.execute(
                "UPDATE other SET explained=1 WHERE sink=?1 AND EXISTS"
                " (SELECT 1 FROM known k WHERE k.sink=?1 AND k.key=other.key AND k.sha256=other.sha256)",
                (sink,),
            )
        self._forget_sums(sink)

    def _take_down(self, table: str, sink: int, pairs: Iterable[tuple[str, str | int]]) -> None:
        """Many rows in one statement: SQLite's module lets go of the interpreter lock for each row that it is handed, and while the
        account is crawled, many threads want it."""
        for batch in batches(pairs, _WRITE):
            with self._spool.writing() as db:
                db.execute(
                    f"INSERT OR REPLACE INTO {table} SELECT ?, json_extract(value, '$[0]'), json_extract(value, '$[1]')"
                    " FROM json_each(?)",
                    (sink, msgspec.json.encode(batch).decode()),
                )

    def _forget_sums(self, sink: int) -> None:
        with self._spool.writing() as db:
            db.execute("DELETE FROM known WHERE sink=?", (sink,))

    # What is stored

    def intend(self, objects: Collection[StoredObject]) -> None:
        """Writes down what is about to be committed. Raises WrikeBackupError."""
        self._journal.append(objects)

    def know(self, objects: Iterable[StoredObject]) -> None:
        """These are stored and whole."""
        rows = [(one.sink, one.key, one.sha256, one.size, int(one.origin)) for one in objects]
        with self._spool.writing() as db:
            db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", rows)

    def settle(self, sink: int, objects: Collection[StoredObject]) -> None:
        """A barrier has passed since these were committed."""
        self.know(objects)
        self._journal.settle(sink, [one.key for one in objects])

    def drop(self, sink: int, keys: Collection[str]) -> None:
        """Forgets what was intended and did not come about."""
        self._journal.settle(sink, keys)

    def drop_folder(self, folder: str) -> None:
        """Forgets what lies below `folder/` in every sink."""
        for sink in self.numbers:
            pending = [one.key for one in self._journal.pending(sink) if one.key.startswith(folder + "/")]
            self._journal.settle(sink, pending)
        with self._spool.writing() as db:
            for table in ("objects", "doubted"):
                db.execute(f"DELETE FROM {table} WHERE substr(key, 1, ?) = ?", (len(folder) + 1, folder + "/"))

    def forget(self, sink: int, key: str) -> None:
        """The object is there no more."""
        with self._spool.writing() as db:
            db.execute("DELETE FROM objects WHERE sink=? AND key=?", (sink, key))

    def age(self) -> None:
        """What was brought so far belongs to a backup that is given up: for the next one it was there before."""
        with self._spool.writing() as db:
            for table in ("objects", "doubted"):
                brought = f"{Origin.DOWNLOADED:d}, {Origin.COPIED:d}"
                db.execute(f"UPDATE {table} SET new={Origin.HELD:d} WHERE new IN ({brought})")

    def find(self, sink: int, key: str) -> StoredObject | None:
        """The object as it is stored, durable or not; None where the sink does not hold it."""
        query = "SELECT sha256, size, new FROM objects WHERE sink=? AND key=?"
        if (stored := self._journal.find(sink, key)) is not None:
            return stored
        row = self._spool.reading.execute(query, (sink, key)).fetchone()
        return StoredObject(sink, key, row[0], row[1], Origin(row[2])) if row else None

    def holds(self, sink: int, key: str) -> bool:
        """Whether the object is stored, durable or not."""
        return self.find(sink, key) is not None

    def elsewhere(self, sink: int, key: str) -> dict[str, int]:
        """What the checksums and notes of other sinks say that an object is: SHA-256 in hex, and bytes."""
        query = f"SELECT sha256, size FROM objects WHERE sink=? AND key=? AND new != {Origin.ADOPTED:d}"
        others = (number for number in self.numbers if number != sink)
        rows = (self._spool.reading.execute(query, (other, key)).fetchone() for other in others)
        return {row[0]: row[1] for row in rows if row}

    # What cannot be had

    def bar(self, sink: int, key: str, reason: str) -> None:
        """What the sink holds under a key is not the file that belongs there, and stays there: nothing else can be stored."""
        with self._spool.writing() as db:
            db.execute("INSERT OR REPLACE INTO barred VALUES (?, ?, ?)", (sink, key, reason))

    def wanting(self, sink: int) -> Iterator[tuple[str, str]]:
        """Ids of the wanted files that the sink does not hold as they should be, and why."""
        yield from self._spool.reading.execute(
            "SELECT f.id, coalesce(b.reason, 'not stored in this sink') FROM files f"
            " LEFT JOIN objects o ON o.sink=?1 AND o.key=f.key LEFT JOIN barred b ON b.sink=?1 AND b.key=f.key"
            " WHERE o.key IS NULL OR b.key IS NOT NULL",
            (sink,),
        )

    def sums(self, sink: int, folder: str) -> Iterator[tuple[str, str]]:
        """Of one sink's backup: (hex, key) of everything wanted and of all below `folder/`, in the order of the keys."""
        yield from self._spool.reading.execute(
            "SELECT sha256, key FROM (SELECT o.sha256, o.key FROM objects o JOIN files f ON f.key=o.key WHERE o.sink=?1"
            " UNION SELECT sha256, key FROM objects WHERE sink=?1 AND substr(key, 1, ?2) = ?3) ORDER BY key",
            (sink, len(folder) + 1, folder + "/"),
        )

    def standing(self, sink: int) -> Iterator[str]:
        """Keys of the wanted files that the sink held before this backup was begun."""
        last = ""
        while rows := self._spool.reading.execute(
            "SELECT o.key FROM objects o JOIN files f ON f.key=o.key WHERE o.sink=? AND o.key > ?"
            f" AND o.new IN ({Origin.HELD:d}, {Origin.ADOPTED:d}) ORDER BY o.key LIMIT {_READ}",
            (sink, last),
        ).fetchall():
            last = rows[-1][0]
            for (key,) in rows:
                yield key

    def strays(self, sink: int, folder: str) -> list[str]:
        """Keys below `folder/` that the sink lists and nobody knows anything of."""
        rows = self._spool.reading.execute(
            "SELECT l.key FROM listed l LEFT JOIN objects o ON o.sink=l.sink AND o.key=l.key"
            " WHERE l.sink=? AND l.key > ? AND l.key < ? AND o.key IS NULL",
            (sink, f"{folder}/", f"{folder}0"),  # the character after the slash
        )
        return [key for (key,) in rows]

    # What is to do

    def plan(self, sinks: Sequence[int]) -> Planned:
        """Works out what these sinks lack, and which of them hold it."""
        marks = ",".join("?" * len(sinks))
        with self._spool.writing() as db:
            db.execute("DELETE FROM todo")
            db.execute(
                "INSERT INTO todo (id, sinks, holders) SELECT f.id,"
                " group_concat(CASE WHEN o.key IS NULL AND b.key IS NULL THEN s.number END) AS lacking,"
                " group_concat(CASE WHEN o.key IS NOT NULL AND b.key IS NULL THEN s.number END) FROM files f CROSS JOIN sinks s"
                " LEFT JOIN objects o ON o.sink=s.number AND o.key=f.key"
                " LEFT JOIN barred b ON b.sink=s.number AND b.key=f.key"
                f" WHERE s.number IN ({marks}) GROUP BY f.id HAVING lacking IS NOT NULL ORDER BY f.size",
                tuple(sinks),
            )
            rows = db.execute(
                "SELECT t.holders IS NULL, count(*), coalesce(sum(f.size), 0) FROM todo t JOIN files f ON f.id=t.id GROUP BY 1"
            ).fetchall()
        found = {bool(row[0]): (int(row[1]), int(row[2])) for row in rows}
        return Planned(*found.get(True, (0, 0)), *found.get(False, (0, 0)))

    def lacking(self, sink: int) -> int:
        """How many of the planned files this sink lacks."""
        row = self._spool.reading.execute(
            "SELECT count(*) FROM todo WHERE instr(',' || sinks || ',', ?)", (f",{sink},",)
        ).fetchone()
        return int(row[0])

    def todo(self, least: int, below: int | None) -> Iterator[Wanted]:
        """The planned files of at least `least` and less than `below` bytes, small first."""
        last = 0
        upper = 1 << 62 if below is None else below
        while True:
            rows = self._spool.reading.execute(
                "SELECT t.seq, t.sinks, t.holders, f.id, f.name, f.size, f.version, f.key FROM todo t JOIN files f ON f.id=t.id"
                " WHERE t.seq > ? AND coalesce(f.size, 0) >= ? AND coalesce(f.size, 0) < ? ORDER BY t.seq LIMIT ?",
                (last, least, upper, _READ),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            for _, sinks, holders, id_, name, size, version, key in rows:
                attachment = Attachment(id_, name, size, version)
                yield Wanted(attachment, key[len(_ATTACHMENTS) :], _numbers(sinks), _numbers(holders))

    def arrived(self, sink: int) -> tuple[int, int]:
        """Number and bytes (as the records say) of the wanted files that came into the sink with this backup."""
        return self._brought([sink], Origin.DOWNLOADED, Origin.COPIED)

    def downloaded(self, sinks: Sequence[int]) -> tuple[int, int]:
        """Of the wanted files that came into any of the sinks with this backup, those that came out of the source."""
        return self._brought(sinks, Origin.DOWNLOADED)

    def copied(self, sinks: Sequence[int]) -> tuple[int, int]:
        """Of the wanted files that came into any of the sinks with this backup, those that came out of another sink."""
        return self._brought(sinks, Origin.COPIED)

    def _brought(self, sinks: Sequence[int], *origins: Origin) -> tuple[int, int]:
        here, so = ",".join("?" * len(sinks)), ",".join("?" * len(origins))
        row = self._spool.reading.execute(
            "SELECT count(*), coalesce(sum(f.size), 0) FROM files f WHERE EXISTS"
            f" (SELECT 1 FROM objects o WHERE o.sink IN ({here}) AND o.key=f.key AND o.new IN ({so}))",
            (*sinks, *origins),
        ).fetchone()
        return int(row[0]), int(row[1])

    def present(self, sink: int) -> tuple[int, int]:
        """Number and bytes (as the records say) of the wanted files that the sink holds."""
        row = self._spool.reading.execute(
            "SELECT count(*), coalesce(sum(f.size), 0) FROM files f JOIN objects o ON o.key=f.key AND o.sink=?", (sink,)
        ).fetchone()
        return int(row[0]), int(row[1])


def _numbers(text: str | None) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()
