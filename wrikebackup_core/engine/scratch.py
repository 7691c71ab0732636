"""What does not fit into memory, for as long as a command runs: a database in a temporary file, which goes with its connection."""

from __future__ import annotations

import sqlite3

__all__ = ["scratch"]


def scratch(schema: str = "", *, any_thread: bool = False) -> sqlite3.Connection:
    """An empty database with the tables of `schema`. It is never rolled back: who fails throws it away.

    With `any_thread` several threads may use it, one at a time.
    """
    db = sqlite3.connect("", isolation_level=None, check_same_thread=not any_thread)
    db.execute("PRAGMA journal_mode=OFF")
    db.executescript(schema)
    return db
