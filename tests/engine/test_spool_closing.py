"""A spool is closed while Ctrl-C has left threads at work."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from wrikebackup_core.spool import Spool

_LONG = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000) SELECT x, told(x) FROM n"


def test_a_thread_that_reads_is_not_cut_off(tmp_path: Path) -> None:
    """Closed under it, SQLite ends the whole program with a segmentation fault."""
    spool = Spool(tmp_path / "spool.sqlite")
    reading, closed = threading.Event(), threading.Event()
    rows: list[int] = []

    def read() -> None:
        connection = spool.reading
        connection.create_function("told", 1, lambda _: reading.set() or closed.wait(10))
        rows.extend(x for x, _ in connection.execute(_LONG + " LIMIT 2000"))
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(10)
    spool.close()
    closed.set()
    thread.join()
    assert len(rows) == 2000


def test_what_ended_threads_have_opened_is_closed(tmp_path: Path) -> None:
    """Windows deletes no file that is open."""
    spool = Spool(tmp_path / "spool.sqlite")
    opened: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: opened.append(spool.reading))
    thread.start()
    thread.join()
    opened.append(spool.reading)
    spool.close()
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
    spool.remove()
    assert not list(tmp_path.glob("*"))
