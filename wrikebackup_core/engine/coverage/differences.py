"""Where the crawl and a witness part: two temporary tables, filled by the databases' own merging, so that memory stays flat.

`lone` has what only the witness knows: its kind, its key (a number, or an API id), its name, owner and size, the item that it belongs to
(`parent`), the space that this is in (`space`), and a state. `extra` has what only the crawl knows: its kind, and its place (`seq`) in the
spool.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from wrikebackup_core.engine.coverage.told import RECYCLED
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import ids
from wrikebackup_core.format.coverage import KindCounts
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Kind, Record
from wrikebackup_core.spool import Spool
from wrikebackup_core.staged import batches, table
from wrikebackup_core.witnesses import Part

__all__ = ["ASIDE", "ITEMS", "MISSING", "OPEN", "REFUSED", "Differences", "Moments", "moment"]

OPEN, ASIDE, MISSING, REFUSED = "open", "aside", "missing", "refused"
"""States of what only the witness knows: not looked up, set aside, missing from the backup, and looked up in vain."""

_STORED = "Wrike"
_ITEMS = (Kind.TASKS, Kind.FOLDERS)
ITEMS = "items"
"""The kind of items for which the witness has a word that is not known."""

_TABLES = """
DROP TABLE IF EXISTS temp.mine; DROP TABLE IF EXISTS temp.lone; DROP TABLE IF EXISTS temp.extra; DROP TABLE IF EXISTS temp.bin;
DROP TABLE IF EXISTS temp.sizes;
CREATE TEMP TABLE mine (number INTEGER PRIMARY KEY, kind TEXT, seq INTEGER);
CREATE TEMP TABLE bin (number INTEGER PRIMARY KEY);
CREATE TEMP TABLE lone (kind TEXT, key, name TEXT, owner INTEGER, size INTEGER, parent INTEGER, space INTEGER, state TEXT);
CREATE INDEX temp.lone_key ON lone (kind, state, key);
CREATE TEMP TABLE extra (kind TEXT, seq INTEGER, aside INTEGER);
CREATE TEMP TABLE sizes (kind TEXT, key, name TEXT, size INTEGER, crawled INTEGER);
"""


class _Dated(msgspec.Struct, gc=False):
    """What is looked at of a record that only the crawl has."""

    id: str
    createdDate: str | None = None  # noqa: N815 - Wrike's names
    updatedDate: str | None = None  # noqa: N815
    type: str | None = None
    deleted: bool | None = None
    size: int | float | None = None
    name: str | None = None


class Moments(msgspec.Struct, frozen=True):
    """When the run was begun, and when the witness was heard, in seconds since 1970."""

    started: int
    heard: int


class Differences:
    """Of one spool, from which it reads, and with tables of the thread's own connection. Used by one thread."""

    def __init__(self, spool: Spool, moments: Moments) -> None:
        self.db: sqlite3.Connection = spool.reading
        self._spool, self._moments = spool, moments
        self.counts: dict[str, KindCounts] = {}
        self.db.executescript(_TABLES)
        self._fill_bin()

    def tell(self, kind: str, **counts: int) -> None:
        """Adds to the counts of a kind."""
        known = self.counts.get(kind, KindCounts())
        more = {name: getattr(known, name) + count for name, count in counts.items()}
        self.counts[kind] = msgspec.structs.replace(known, **more)

    def _fill_bin(self) -> None:
        """Numbers of what the source has found in the recycle bin."""
        query = "SELECT id FROM recycled"
        for kind in _ITEMS:
            query += f" UNION ALL SELECT id FROM {table(kind)} WHERE binned"
        for batch in batches(row[0] for row in self.db.execute(query)):
            numbers = [(number,) for number in map(ids.number, batch) if number is not None]
            self.db.executemany("INSERT OR IGNORE INTO bin VALUES (?)", numbers)

    def _one(self, query: str, *values: object) -> int:
        return int(self.db.execute(query, values).fetchone()[0])

    # By the numbers of the BI export

    def items(self, kinds: Iterable[Kind], unfit: int) -> None:
        """Tasks and folders, whose numbers are of one sequence; spaces and projects are folders. All of them are looked at, for one may
        have become the other; only `kinds` are told of. `unfit` rows of the witness have no number."""
        chosen = tuple(kinds)
        self._take_items()
        for kind, crawled, both in self.db.execute(
            "SELECT m.kind, count(*), count(w.key) FROM mine m LEFT JOIN witness_items w ON w.key = m.number GROUP BY m.kind"
        ).fetchall():
            if kind in chosen:
                self.tell(kind, crawled=crawled, both=both)
        for kind in chosen:
            query = f"SELECT count(*) FROM {table(kind)} WHERE NOT binned AND number IS NULL"
            strange = self._one(query)
            self.tell(kind, crawled=strange, not_comparable=strange)
        own = "CASE w.kind WHEN 'tasks' THEN 'tasks' WHEN 'folders' THEN 'folders' WHEN 'spaces' THEN 'folders' ELSE ? END"
        self._take_lone(Part.ITEMS, own, "w.key", "NOT EXISTS (SELECT 1 FROM mine m WHERE m.number = w.key)", ITEMS)
        told = (*chosen, ITEMS)
        self.db.execute(f"DELETE FROM lone WHERE kind IN ('tasks', 'folders') AND kind NOT IN ({_marks(told)})", told)
        self._take_extra(Part.ITEMS)
        self.db.execute(f"DELETE FROM extra WHERE kind IN ('tasks', 'folders') AND kind NOT IN ({_marks(told)})", told)
        if unfit:
            self.tell(ITEMS, not_comparable=unfit)
        for kind in chosen:
            self._settle(kind)
        if unfit or self._one("SELECT EXISTS (SELECT 1 FROM lone WHERE kind=?)", ITEMS):
            self._settle(ITEMS)

    def _take_items(self) -> None:
        self.db.execute("DELETE FROM mine")
        for kind in _ITEMS:
            self.db.execute(
                f"INSERT OR IGNORE INTO mine SELECT number, ?, seq FROM {table(kind)} WHERE NOT binned AND number IS NOT NULL"
                " ORDER BY number",
                (kind,),
            )
        for number in map(ids.number, self._spool.ids(Kind.SPACES)):
            self.db.execute("INSERT OR IGNORE INTO mine VALUES (?, ?, NULL)", (number, Kind.FOLDERS))

    def numbered(self, kind: Kind, part: Part, unfit: int) -> None:
        """People or time logs, whose ids hold their numbers. Groups, which are contacts too, are left out."""
        self.db.execute("DELETE FROM mine")
        rows = self.db.execute(f"SELECT seq, id, {'body' if kind is Kind.CONTACTS else 'NULL'} FROM {table(kind)}")
        crawled = strange = 0
        while some := rows.fetchmany(1000):
            own = [(seq, ids.number(id_)) for seq, id_, body in some if body is None or not _is_group(kind, body)]
            crawled += len(own)
            strange += sum(number is None for _, number in own)
            self.db.executemany(
                "INSERT OR IGNORE INTO mine VALUES (?, ?, ?)",
                [(number, kind, seq) for seq, number in own if number is not None],
            )
        both = self._one(f"SELECT count(*) FROM mine m JOIN witness_{part} w ON w.key = m.number")
        self.tell(kind, crawled=crawled, both=both, not_comparable=strange + unfit)
        self._take_lone(part, "?", "w.parent", "NOT EXISTS (SELECT 1 FROM mine m WHERE m.number = w.key)", kind)
        self._take_extra(part)
        self._settle(kind)

    def _take_extra(self, part: Part) -> None:
        self.db.execute(
            "INSERT INTO extra SELECT m.kind, m.seq, 0 FROM mine m WHERE m.seq IS NOT NULL"
            f" AND NOT EXISTS (SELECT 1 FROM witness_{part} w WHERE w.key = m.number)"
        )

    # By the API's ids

    def files(self, unfit: int) -> None:
        """Attachments, with their sizes. What Wrike does not store is compared only where the witness has it too."""
        kind, decode = Kind.ATTACHMENTS, RecordDecoder(Kind.ATTACHMENTS, _Dated)
        rows = self.db.execute(
            f"SELECT r.seq, r.id, r.body, w.key IS NOT NULL, w.size FROM {table(kind)} r"
            " LEFT JOIN witness_files w ON w.key = r.id"
        )
        while some := rows.fetchmany(1000):
            heads = [(row, _read(decode, row[2])) for row in some]
            both = sum(row[3] for row in some)
            lacking = [(row, head) for row, head in heads if not row[3]]
            extra = [(kind, row[0]) for row, head in lacking if head.type in (None, "", _STORED)]
            self.tell(kind, crawled=len(some), both=both, not_comparable=len(lacking) - len(extra))
            self.db.executemany("INSERT INTO extra VALUES (?, ?, 0)", extra)
            other = [
                (kind, row[1], (head.name or "")[:300], row[4], int(head.size))
                for row, head in heads
                if row[4] is not None
                and row[4] >= 0
                and head.size is not None
                and head.size >= 0
                and head.size != row[4]
            ]
            self.db.executemany("INSERT INTO sizes VALUES (?, ?, ?, ?, ?)", other)
            self.tell(kind, other_size=len(other))
        self.tell(kind, not_comparable=unfit)
        absent = f"NOT EXISTS (SELECT 1 FROM {table(kind)} r WHERE r.id = w.key)"
        self._take_lone(Part.FILES, "?", "w.parent", absent, kind)
        self._settle(kind)

    def listed(self, kind: Kind) -> None:
        """A kind by a second listing."""
        own = table(kind)
        absent = f"NOT EXISTS (SELECT 1 FROM {own} r WHERE r.id = w.key)"
        self.db.execute(
            "INSERT INTO lone SELECT w.kind, w.key, '', NULL, NULL, NULL, NULL, CASE WHEN w.created >= ?"
            " OR EXISTS (SELECT 1 FROM recycled b WHERE b.id = w.key) THEN ? ELSE ? END"
            f" FROM witness_listed w WHERE w.kind = ? AND {absent}",
            (self._moments.started, ASIDE, OPEN, kind),
        )
        self.db.execute(
            f"INSERT INTO extra SELECT ?, seq, 0 FROM {own} r WHERE NOT binned"
            " AND NOT EXISTS (SELECT 1 FROM witness_listed w WHERE w.kind = ? AND w.key = r.id)",
            (kind, kind),
        )
        crawled = self._one(f"SELECT count(*) FROM {own} WHERE NOT binned")
        self.tell(kind, crawled=crawled, both=crawled - self._one("SELECT count(*) FROM extra WHERE kind=?", kind))
        self._settle(kind)

    # What both ways share

    def _take_lone(self, part: Part, kind: str, parent: str, absent: str, *values: object) -> None:
        """`kind` and `parent` are expressions over the witness's row `w`; `values` are for the marks in them."""
        touched = "w.deleted OR w.created >= ? OR w.changed >= ? OR EXISTS (SELECT 1 FROM bin b WHERE b.number IN (w.key, w.parent))"
        self.db.execute(
            f"INSERT INTO lone SELECT {kind}, w.key, w.name, w.owner, w.size, {parent}, NULL,"
            f" CASE WHEN {touched} THEN '{ASIDE}' ELSE '{OPEN}' END FROM witness_{part} w WHERE {absent}",
            (*values, self._moments.started, self._moments.started),
        )

    def _settle(self, kind: str) -> None:
        """What was looked up is not open any more, and what the crawl alone has is set aside where it is newer than what the witness
        says; then both are counted."""
        asked = "FROM witness_asked a WHERE a.kind = lone.kind AND a.key = lone.key"
        self.db.execute(
            f"UPDATE lone SET state = CASE (SELECT outcome {asked}) WHEN '{RECYCLED}' THEN '{ASIDE}' ELSE '{REFUSED}' END"
            f" WHERE kind = ? AND state = '{OPEN}' AND EXISTS (SELECT 1 {asked})",
            (kind,),
        )
        self._date_extra(kind)
        lone = self._one("SELECT count(*) FROM lone WHERE kind=?", kind)
        aside = self._one("SELECT count(*) FROM lone WHERE kind=? AND state=?", kind, ASIDE)
        extra, newer = self.db.execute(
            "SELECT count(*), ifnull(sum(aside), 0) FROM extra WHERE kind=?", (kind,)
        ).fetchone()
        known = self.counts.get(kind, KindCounts())
        found = "SELECT count(*) FROM witness_asked WHERE kind=? AND outcome='found'"
        self.tell(
            kind,
            witnessed=known.both + lone,
            set_aside=aside + newer,
            only_witness=lone - aside,
            only_crawl=extra - newer,
            recovered=self._one(found, kind),
        )

    def _date_extra(self, kind: str) -> None:
        """What belongs to something in the recycle bin, and what is newer than the witness."""
        if kind == ITEMS:
            return
        gone = " UNION ALL ".join(f"SELECT 1 FROM {table(of)} t WHERE t.id = r.parent AND t.binned" for of in _ITEMS)
        self.db.execute(
            f"UPDATE extra SET aside = 1 WHERE kind = ? AND EXISTS (SELECT 1 FROM {table(Kind(kind))} r WHERE r.seq = extra.seq"
            f" AND EXISTS (SELECT 1 FROM recycled WHERE id = r.parent UNION ALL {gone}))",
            (kind,),
        )
        decode = RecordDecoder(Kind(kind), _Dated)
        query = f"SELECT r.seq, r.body FROM extra e JOIN {table(Kind(kind))} r ON r.seq = e.seq WHERE e.kind = ?"
        for batch in batches(self.db.execute(query, (kind,))):
            newer = [(kind, seq) for seq, body in batch if self._is_newer(_read(decode, body))]
            self.db.executemany("UPDATE extra SET aside = 1 WHERE kind = ? AND seq = ?", newer)

    def _is_newer(self, head: _Dated) -> bool:
        dates = (moment(head.createdDate), moment(head.updatedDate))
        return bool(head.deleted) or any(date is not None and date >= self._moments.heard for date in dates)

    def refused_is_missing(self) -> None:
        """What a list shows and its id does not is missing from the backup all the same."""
        self.db.execute(f"UPDATE lone SET state = '{MISSING}' WHERE state = '{REFUSED}'")

    def final_counts(self) -> dict[str, KindCounts]:
        """With what is missing, kinds in a steady order."""
        for kind in self.counts:
            self.tell(kind, missing=self._one("SELECT count(*) FROM lone WHERE kind=? AND state=?", kind, MISSING))
        order = [*map(str, (Kind.TASKS, Kind.FOLDERS, ITEMS, Kind.ATTACHMENTS, Kind.TIMELOGS, Kind.CONTACTS))]
        return {kind: self.counts[kind] for kind in order if kind in self.counts}

    def lone(self, where: str, *values: object) -> Iterator[tuple[object, ...]]:
        """Kind, key, name, owner, size and space of what only the witness knows, for which `where` is so."""
        yield from self.db.execute(f"SELECT kind, key, name, owner, size, space FROM lone WHERE {where}", values)


def _is_group(kind: Kind, body: bytes) -> bool:
    return _read(RecordDecoder(kind, _Dated), body).type == "Group"


def _read(decode: RecordDecoder[_Dated], body: bytes) -> _Dated:
    """What is in a record, or nothing where a field has a shape that is not known: the record itself may well be whole."""
    try:
        return decode(Record(body))
    except FormatError:
        return _Dated("")


def _marks(values: tuple[object, ...]) -> str:
    return ",".join("?" * len(values))


def moment(date: str | None) -> int | None:
    """Seconds since 1970 of a date of the API; None for what is none."""
    try:
        found = datetime.fromisoformat(date) if date else None
        return None if found is None else int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
