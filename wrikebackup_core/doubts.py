"""What a run's notes say of a sink, and another may have made untrue since: it is read back before it is relied on.

Three signs tell that somebody else has written to a sink: on this host a note beside its lock (engine/locking.py); from anywhere
another lease than the one that this run left there (engine/leases), and backups that were not there at the last look. Checksums of a
committed backup count more than notes; what neither they nor a look at the object bear out is forgotten. It matters where files are
encoded: the same file has then other bytes each time, under the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.spool import Spool

__all__ = ["Doubts"]

_READ = 1000  # rows read at a time


class Doubts:
    """In the spool's database, beside the ledger, whose tables `objects`, `listed` and `known` are there before this one's."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        with spool.writing() as db:
            db.execute("CREATE TABLE IF NOT EXISTS strange (sink INTEGER PRIMARY KEY)")
            db.execute(
                "CREATE TABLE IF NOT EXISTS seen (sink INTEGER, uid TEXT, PRIMARY KEY (sink, uid)) WITHOUT ROWID"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS doubted (sink INTEGER, key TEXT, sha256 TEXT NOT NULL, size INTEGER NOT NULL,"
                " new INTEGER NOT NULL, PRIMARY KEY (sink, key)) WITHOUT ROWID"
            )

    # The signs

    def suspect(self, sinks: Iterable[int]) -> None:
        """Somebody else was the last to write to these."""
        with self._spool.writing() as db:
            db.executemany("INSERT OR IGNORE INTO strange VALUES (?)", [(sink,) for sink in sinks])

    def unseen(self, sink: int, backups: Collection[str]) -> list[str]:
        """Of the uids of the sink's backups, those that were committed since the last look, oldest first. None where there are no
        notes that they could make untrue."""
        db = self._spool.reading
        if db.execute("SELECT 1 FROM objects WHERE sink=? LIMIT 1", (sink,)).fetchone() is None:
            return []
        return sorted(
            set(backups).difference(uid for (uid,) in db.execute("SELECT uid FROM seen WHERE sink=?", (sink,)))
        )

    def matters(self, sink: int) -> bool:
        """Whether there are notes of the sink at all."""
        if self._spool.journal.pending(sink):
            return True
        return self._spool.reading.execute("SELECT 1 FROM objects WHERE sink=? LIMIT 1", (sink,)).fetchone() is not None

    def seen(self, sink: int) -> Iterator[str]:
        """The uids of the backups that were in the sink at the last look, newest first."""
        for (uid,) in self._spool.reading.execute("SELECT uid FROM seen WHERE sink=? ORDER BY uid DESC", (sink,)):
            yield uid

    def weigh(self, sink: int, backups: Sequence[str], *, lost: bool) -> None:
        """Sets aside what the notes say of a sink and the checksums that were taken down contradict; where somebody else has written
        there, or some checksums are `lost`, all that they do not confirm. `backups` are the uids of those that have been seen now.
        """
        with self._spool.writing() as db:
            strange = db.execute("SELECT 1 FROM strange WHERE sink=?", (sink,)).fetchone() is not None
            doubtful = (
                f"SELECT o.key FROM objects o {'LEFT ' if strange or lost else ''}JOIN known k ON k.sink=o.sink AND k.key=o.key"
                " WHERE o.sink=?1 AND k.sha256 IS NOT o.sha256"
            )
            db.execute(
                f"INSERT OR REPLACE INTO doubted SELECT * FROM objects WHERE sink=?1 AND new != {Origin.HELD:d}"
                f" AND key IN ({doubtful})",
                (sink,),
            )
            # What was there before is told by the checksums of the backup that it came from, if it is still there.
            db.execute(f"DELETE FROM objects WHERE sink=?1 AND key IN ({doubtful})", (sink,))
            db.execute("DELETE FROM strange WHERE sink=?", (sink,))
            db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", [(sink, uid) for uid in backups])

    # What is to be read back

    def listed(self, sink: int) -> Iterator[StoredObject]:
        """What was set aside and the sink lists with its size."""
        last = ""
        while rows := self._spool.reading.execute(
            "SELECT d.key, d.sha256, d.size, d.new FROM doubted d JOIN listed l ON l.sink=d.sink AND l.key=d.key AND l.size=d.size"
            f" WHERE d.sink=? AND d.key > ? ORDER BY d.key LIMIT {_READ}",
            (sink, last),
        ).fetchall():
            last = rows[-1][0]
            for key, sha256, size, new in rows:
                yield StoredObject(sink, key, sha256, size, Origin(new))

    def over(self, sink: int) -> None:
        """All that was set aside has been looked at, and what came of it is written down."""
        with self._spool.writing() as db:
            db.execute("DELETE FROM doubted WHERE sink=?", (sink,))
