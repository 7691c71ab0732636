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
DROP TABLE IF EXISTS temp.spaces; DROP TABLE IF EXISTS temp.place;
CREATE TEMP TABLE spaces (number INTEGER PRIMARY KEY, visible INTEGER);
CREATE TEMP TABLE place (number INTEGER PRIMARY KEY, space INTEGER, depth INTEGER);
CREATE INDEX temp.place_depth ON place (depth);
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
    if db.execute("SELECT NOT EXISTS (SELECT 1 FROM lone)").fetchone()[0]:
        return
    depth = 0
    for visible in (1, 0):
        depth += 1
        db.execute(
            "INSERT OR IGNORE INTO place SELECT number, number, ? FROM spaces WHERE visible = ?", (depth, visible)
        )
        while True:
            # Each item is placed once, so that a tree that bites its tail comes to an end.
            found = db.execute(
                "INSERT OR IGNORE INTO place SELECT p.key, s.space, ? FROM place s CROSS JOIN witness_parents p ON p.parent = s.number"
                " WHERE s.depth = ?",
                (depth + 1, depth),
            )
            depth += 1
            if found.rowcount == 0:
                break
    db.execute("UPDATE lone SET space = (SELECT space FROM place WHERE number = lone.parent) WHERE parent IS NOT NULL")


def mark_missing(db: sqlite3.Connection) -> None:
    """What nobody has looked up, and is not in a hidden space, is missing from the backup."""
    db.execute(f"UPDATE lone SET state = '{MISSING}' WHERE state = '{OPEN}' AND (space IS NULL OR NOT {HIDDEN})")
