"""In which space each thing lies that only the witness knows, by the witness's own tree of items.

What is in a space that the token's user sees, and in another one too, counts as in that one.
"""

from __future__ import annotations

import sqlite3

from wrikebackup_core.engine.coverage.differences import MISSING, OPEN

__all__ = ["HIDDEN", "mark_missing", "place", "take_spaces"]

HIDDEN = "space IN (SELECT number FROM temp.spaces WHERE NOT visible)"
"""The condition on a row of `lone` that its space is hidden."""

_TABLES = """
DROP TABLE IF EXISTS temp.spaces; DROP TABLE IF EXISTS temp.place; DROP TABLE IF EXISTS temp.above; DROP TABLE IF EXISTS temp.edges;
CREATE TEMP TABLE spaces (number INTEGER PRIMARY KEY, visible INTEGER);
CREATE TEMP TABLE place (number INTEGER PRIMARY KEY, space INTEGER, depth INTEGER);
CREATE INDEX temp.place_depth ON place (depth);
CREATE TEMP TABLE above (number INTEGER PRIMARY KEY, depth INTEGER);
CREATE INDEX temp.above_depth ON above (depth);
CREATE TEMP TABLE edges (parent INTEGER, key INTEGER, PRIMARY KEY (parent, key)) WITHOUT ROWID;
"""


def take_spaces(db: sqlite3.Connection) -> None:
    """Which spaces the witness knows, and whether the crawl has them: while `mine` holds the items of the crawl."""
    db.executescript(_TABLES)
    db.execute(
        "INSERT INTO spaces SELECT w.key, EXISTS (SELECT 1 FROM mine m WHERE m.number = w.key) FROM witness_items w"
        " WHERE w.kind = 'spaces' AND NOT w.deleted"
    )


def place(db: sqlite3.Connection) -> None:
    """Fills `space` in `lone`."""
    _climb(db)
    depth = 0
    for visible in (1, 0):
        depth += 1
        db.execute(
            "INSERT OR IGNORE INTO place SELECT number, number, ? FROM spaces WHERE visible = ?", (depth, visible)
        )
        depth = _spread(
            db,
            "INSERT OR IGNORE INTO place SELECT e.key, s.space, ? FROM place s CROSS JOIN edges e ON e.parent = s.number"
            " WHERE s.depth = ?",
            depth,
        )
    db.execute("UPDATE lone SET space = (SELECT space FROM place WHERE number = lone.parent) WHERE parent IS NOT NULL")


def _climb(db: sqlite3.Connection) -> None:
    """The part of the tree that lies above what only the witness knows: mostly a small one."""
    db.execute("INSERT OR IGNORE INTO above SELECT parent, 0 FROM lone WHERE parent IS NOT NULL")
    parents = "FROM above a CROSS JOIN witness_parents p ON p.key = a.number"
    _spread(db, f"INSERT OR IGNORE INTO above SELECT p.parent, ? {parents} WHERE a.depth = ?", 0)
    db.execute(f"INSERT OR IGNORE INTO edges SELECT p.parent, p.key {parents}")


def _spread(db: sqlite3.Connection, step: str, depth: int) -> int:
    """Goes on from what is at `depth` until nothing is new; returns a depth at which there is nothing. Each item is met once, so that
    a tree that bites its tail comes to an end."""
    while db.execute(step, (depth + 1, depth)).rowcount:
        depth += 1
    return depth + 1


def mark_missing(db: sqlite3.Connection) -> None:
    """What nobody has looked up, and is not in a hidden space, is missing from the backup."""
    db.execute(f"UPDATE lone SET state = '{MISSING}' WHERE state = '{OPEN}' AND (space IS NULL OR NOT {HIDDEN})")
