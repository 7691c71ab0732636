"""What a comparison comes to: counts for the manifest, and the report that names things, of bounded length however much is missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from wrikebackup_core.engine.coverage.differences import ASIDE, MISSING, Differences
from wrikebackup_core.format.coverage import LISTED_GROUPS, LISTED_IDS, Group, KindDifferences, Person, Thing, Things
from wrikebackup_core.model import Kind
from wrikebackup_core.staged import table

__all__ = ["Naming"]

_LISTED_IN_ALL = 10_000
_OWNERS = 20
_HIDDEN = f"state NOT IN ('{ASIDE}', '{MISSING}')"


class Naming:
    """Names what the tables of `Differences` hold."""

    def __init__(self, differences: Differences) -> None:
        self._db: sqlite3.Connection = differences.db
        self._left = _LISTED_IN_ALL
        self._people: dict[int, Person] = {}

    def hidden_spaces(self) -> int:
        """Spaces that the witness knows, and of which the crawl has nothing at all."""
        return int(self._db.execute("SELECT count(*) FROM spaces WHERE NOT visible").fetchone()[0])

    def groups(self) -> tuple[int, tuple[Group, ...]]:
        """How many spaces have something that only the witness knows, and the first of them: hidden ones before, large ones before."""
        rows = self._db.execute(
            "SELECT l.space, ifnull(s.visible, 1), count(*) FROM lone l LEFT JOIN spaces s ON s.number = l.space"
            f" WHERE {_HIDDEN} GROUP BY l.space ORDER BY 2, l.space IS NULL, 3 DESC, 1"
        ).fetchall()
        return len(rows), tuple(self._group(space, bool(visible)) for space, visible, _ in rows[:LISTED_GROUPS])

    def _group(self, space: int | None, visible: bool) -> Group:
        where = f"space IS ? AND {_HIDDEN}"
        kinds = self._db.execute(f"SELECT kind, count(*) FROM lone WHERE {where} GROUP BY kind ORDER BY kind", (space,))
        owned = self._db.execute(
            f"SELECT owner FROM lone WHERE {where} AND owner IS NOT NULL GROUP BY owner ORDER BY count(*) DESC, owner LIMIT {_OWNERS}",
            (space,),
        ).fetchall()
        named, owners = None, [owner for (owner,) in owned]
        if space is not None:
            title, owner = self._db.execute("SELECT name, owner FROM witness_items WHERE key = ?", (space,)).fetchone()
            named = Thing(number=space, title=title, owner=self._person(owner))
            owners = [owner, *(one for one in owners if one != owner)] if owner is not None else owners
        things = {
            kind: Things(count, tuple(self._first(f"kind = ? AND {where}", kind, space)))
            for kind, count in kinds.fetchall()
        }
        return Group(named, visible, tuple(one for one in map(self._person, owners) if one is not None), things)

    def differences(self, kind: str) -> KindDifferences:
        """What of one kind is in no group."""
        missing = self._count("lone WHERE kind = ? AND state = ?", kind, MISSING)
        extra = self._count("extra WHERE kind = ? AND NOT aside", kind)
        found = self._db.execute(
            "SELECT key FROM witness_asked WHERE kind = ? AND outcome = 'found' ORDER BY key", (kind,)
        ).fetchall()
        sizes = self._count("sizes WHERE kind = ?", kind)
        return KindDifferences(
            Things(missing, tuple(self._first("kind = ? AND state = ?", kind, MISSING))),
            Things(extra, tuple(self._first_extra(kind))),
            Things(len(found), tuple(_named(key) for (key,) in found[:LISTED_IDS])),
            Things(sizes, tuple(self._first_sizes(kind))),
        )

    def missing(self, kind: str) -> tuple[int, list[str]]:
        """How many are missing of a kind, and the names of the first ones."""
        count = self._count("lone WHERE kind = ? AND state = ?", kind, MISSING)
        rows = self._db.execute(
            f"SELECT key FROM lone WHERE kind = ? AND state = ? ORDER BY key LIMIT {LISTED_IDS}", (kind, MISSING)
        )
        return count, [str(key) for (key,) in rows]

    def _count(self, rest: str, *values: object) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {rest}", values).fetchone()[0])

    def _first(self, where: str, *values: object) -> Iterator[Thing]:
        query = f"SELECT key, name, owner, size FROM lone WHERE {where} ORDER BY key LIMIT ?"
        for key, name, owner, size in self._db.execute(query, (*values, self._taken())).fetchall():
            self._left -= 1
            named = _named(key)
            yield Thing(named.id, named.number, name, self._person(owner), size)

    def _first_extra(self, kind: str) -> Iterator[Thing]:
        if kind not in {each.value for each in Kind}:
            return
        query = f"SELECT r.id FROM extra e JOIN {table(Kind(kind))} r ON r.seq = e.seq WHERE e.kind = ? AND NOT e.aside ORDER BY 1 LIMIT ?"
        for (id_,) in self._db.execute(query, (kind, self._taken())).fetchall():
            self._left -= 1
            yield Thing(id=id_)

    def _first_sizes(self, kind: str) -> Iterator[Thing]:
        query = "SELECT key, name, size, crawled FROM sizes WHERE kind = ? ORDER BY key LIMIT ?"
        for key, name, size, crawled in self._db.execute(query, (kind, self._taken())).fetchall():
            self._left -= 1
            yield Thing(id=key, title=name, size=size, crawled_size=crawled)

    def _taken(self) -> int:
        return min(LISTED_IDS, self._left)

    def _person(self, number: int | None) -> Person | None:
        if number is None:
            return None
        if number not in self._people:
            row = self._db.execute("SELECT name, email FROM witness_people WHERE key = ?", (number,)).fetchone()
            self._people[number] = Person(number, *(row or ()))
        return self._people[number]


def _named(key: str | int) -> Thing:
    return Thing(id=key) if isinstance(key, str) else Thing(number=key)
