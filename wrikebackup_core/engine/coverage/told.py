"""What a witness has told of the account, kept in the spool: a table that is stored and encrypted cannot be read again after a kill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.model import Kind
from wrikebackup_core.ports import Listed
from wrikebackup_core.spool import Spool
from wrikebackup_core.witnesses import Part, Seen

__all__ = ["BI_EXPORT", "FOUND", "LISTING", "RECYCLED", "UNSEEN", "Told"]

BI_EXPORT, LISTING = "bi-export", "listing"
FOUND, RECYCLED, UNSEEN = "found", "recycled", "unseen"
"""What came of looking something up that a witness names and the crawl lacks."""

_FACT = "witness"
_LONGEST = 300  # characters of a name that are kept
_LARGEST = 2**63 - 1
_COLUMNS = "kind TEXT, name TEXT, email TEXT, owner INTEGER, parent INTEGER, created INTEGER, changed INTEGER, size INTEGER, deleted INTEGER"
_KEYS = dict.fromkeys(Part, "INTEGER PRIMARY KEY") | {Part.FILES: "TEXT PRIMARY KEY"}
_TABLES = ["listed", "asked", *Part]


class _Facts(msgspec.Struct):
    """Which edition was told of, and of the parts that are whole what could not be told by a key."""

    edition: str
    completed: datetime | None
    unfit: dict[str, int] = {}
    whole: list[str] = []


class Told:
    """A Witness; see there. Safe from any thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        with spool.writing() as db:
            for part in Part:
                if part is not Part.PARENTS:
                    db.execute(f"CREATE TABLE IF NOT EXISTS witness_{part} (key {_KEYS[part]}, {_COLUMNS})")
            db.execute(
                "CREATE TABLE IF NOT EXISTS witness_parents (key INTEGER, parent INTEGER, PRIMARY KEY (key, parent))"
                " WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS witness_listed (kind TEXT, key TEXT, created INTEGER, PRIMARY KEY (kind, key))"
                " WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS witness_asked (kind TEXT, key, outcome TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )
        if not any(key.startswith(_FACT) for key in spool.facts()):
            self._forget()  # they are of a run that is given up

    def _forget(self) -> None:
        with self._spool.writing() as db:
            for name in _TABLES:
                db.execute(f"DELETE FROM witness_{name}")

    # What a transform tells

    def begin(self, edition: str, completed: datetime | None) -> None:
        facts = self.facts()
        if facts is None or facts.edition != edition:
            self._forget()
            self._note(_Facts(edition, completed))

    def start(self, part: Part) -> None:
        facts = self._known()
        facts.whole = [name for name in facts.whole if name != part]
        facts.unfit[part] = 0
        self._note(facts)
        with self._spool.writing() as db:
            db.execute(f"DELETE FROM witness_{part}")

    def add(self, part: Part, rows: Iterable[Seen], unfit: int = 0) -> None:
        if part is Part.PARENTS:
            values: list[tuple[Any, ...]] = [(row.key, row.parent) for row in rows if row.parent is not None]
        else:
            fit = [row for row in rows if isinstance(row.key, str) or abs(row.key) <= _LARGEST]
            values = [(row.key, row.kind, row.name[:_LONGEST], row.email[:_LONGEST], *row[4:]) for row in fit]
        if values:
            marks = ",".join("?" * len(values[0]))
            with self._spool.writing() as db:
                db.executemany(f"INSERT OR REPLACE INTO witness_{part} VALUES ({marks})", values)
        if unfit:
            facts = self._known()
            facts.unfit[part] = facts.unfit.get(part, 0) + unfit
            self._note(facts)

    def finish(self, part: Part) -> None:
        facts = self._known()
        facts.whole = sorted({*facts.whole, part})
        self._note(facts)

    # What a second listing tells

    def listing(self, kind: Kind) -> bool | None:
        """Whether the second listing of a kind is whole; None where there is none yet."""
        state = self._spool.facts().get(f"{_FACT} {kind}")
        return None if state is None else state == "whole"

    def start_listing(self, kind: Kind) -> None:
        self._spool.note({f"{_FACT} {kind}": "begun"})
        with self._spool.writing() as db:
            db.execute("DELETE FROM witness_listed WHERE kind=?", (kind,))

    def add_listed(self, kind: Kind, listed: Iterable[Listed]) -> None:
        rows = [(kind, one.id, None if one.created is None else int(one.created.timestamp())) for one in listed]
        with self._spool.writing() as db:
            db.executemany("INSERT OR REPLACE INTO witness_listed VALUES (?, ?, ?)", rows)

    def finish_listing(self, kind: Kind) -> None:
        self._spool.note({f"{_FACT} {kind}": "whole"})

    # What came of looking up

    def asked(self, kind: str, outcomes: Mapping[int | str, str]) -> None:
        with self._spool.writing() as db:
            rows = [(kind, key, outcome) for key, outcome in outcomes.items()]
            db.executemany("INSERT OR REPLACE INTO witness_asked VALUES (?, ?, ?)", rows)

    def facts(self) -> _Facts | None:
        """None where no transform has told anything."""
        text = self._spool.facts().get(_FACT)
        return None if text is None else json_decoder(_Facts)(text)

    def _known(self) -> _Facts:
        return self.facts() or _Facts("", None)

    def _note(self, facts: _Facts) -> None:
        if facts.completed is not None:
            facts.completed = facts.completed.astimezone(UTC)
        self._spool.note({_FACT: msgspec.json.encode(facts).decode()})
