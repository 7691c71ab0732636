"""Objects on their way into the target: each appears whole and right, or not at all, and takes nothing's place."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.pipe import Behind
from wrikebackup_core.engine.restore.fetching import Flawed, pieces
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.job import Kept, Restored, RestoreJob
from wrikebackup_core.engine.restore.notes import Notes
from wrikebackup_core.engine.restore.pages import Pages
from wrikebackup_core.engine.threads import Room, each
from wrikebackup_core.errors import AlreadyExists, KeyUnfit, SinkError
from wrikebackup_core.model import Event, FileFinished, FileProgress, FileStarted, Gap
from wrikebackup_core.ports import waits
from wrikebackup_core.stored import CHUNK, hash_of, hash_stored

__all__ = ["STAGE", "Wanted", "Writing"]

STAGE = "restore"
_ROOM = (
    64 << 20
)  # bytes of what is under way: many a sink keeps an object in memory until it is whole, or a piece of it
_PIECE = 4 << 20
_NOT_WAITING = 2  # threads, where nobody waits for a network
_HOPELESS = 25  # failures in a row, without any success, that say it is not the objects
_OTHER = "something else is there, and stays as it is"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to be in the target: the decoded bytes of `origin`, or the page of `node`. `id` is the attachment's, for its gap."""

    key: str
    origin: str
    sha256: str | None
    size: int | None
    id: str
    node: int | None


class Writing:
    """Brings what the index wants. `local` are objects that were fetched before. What cannot be had is found, and in `lost`."""

    def __init__(
        self,
        job: RestoreJob,
        index: Index,
        notes: Notes,
        result: Restored,
        *,
        local: Mapping[str, IO[bytes]],
        notify: Callable[[Event], None],
    ) -> None:
        self._job, self._index, self._notes, self._result = job, index, notes, result
        self._local, self._notify, self._pages = local, notify, Pages(index)
        self._findings: list[Finding] = []
        self._kept: list[Kept] = []
        self.lost: list[Gap] = []
        self._lock, self._room = threading.Lock(), Room(_ROOM)
        self._in_vain = 0

    def all(self) -> None:
        """Files first, then pages: these are all computing, of which two threads at a time do less than one (measured: 50 s and 37 s for
        21,666 pages and 10,000 files). Raises SinkError where the target fails, or the source as a whole.
        """
        waiting = any(map(waits, (self._job.original.sink, self._job.target)))
        threads = self._job.transfers if waiting else min(self._job.transfers, _NOT_WAITING)
        for which, number in (("node IS NULL", threads), ("node IS NOT NULL", threads if waiting else 1)):
            rows = self._index.rows(
                f"SELECT key, origin, sha256, size, id, node FROM wanted WHERE key > ?1 AND {which}"
            )
            each((Wanted(*row) for row in rows), self._bring, threads=number, name=STAGE)
        self._result.findings = [*self._result.findings, *sorted(self._findings, key=lambda one: one.key)]
        self._result.kept = [*self._result.kept, *sorted(self._kept, key=lambda one: one.key)]

    def _bring(self, wanted: Wanted) -> None:
        self._notify(FileStarted(wanted.key, wanted.size))
        size, why = 0, None
        try:
            with self._room.taken(min(wanted.size or 0, _PIECE)):
                held = self._index.one("SELECT 1 FROM held WHERE key=?", wanted.key)
                size = self._compare(wanted) if held else self._write(wanted)
        except Flawed as flaw:
            why = flaw.finding.detail
            self._lose(wanted, flaw)
        except (AlreadyExists, KeyUnfit) as error:
            why = _OTHER if isinstance(error, AlreadyExists) else error.message
            self._keep(wanted, why)
        except SinkError:
            if (other := self._in_the_way(wanted.key)) is None:
                raise
            why = f"{_OTHER}: the file {other}"
            self._keep(wanted, why)
        self._notify(FileFinished(wanted.key, size, why))

    def _in_the_way(self, key: str) -> str | None:
        """A file of the target where the object needs a folder: there are stores that bear both, and those that do not."""
        parts = key.split("/")
        above = ("/".join(parts[:number]) for number in range(1, len(parts)))
        return next((one for one in above if self._index.one("SELECT 1 FROM held WHERE key=?", one)), None)

    def _lose(self, wanted: Wanted, flaw: Flawed) -> None:
        with self._lock:
            self._in_vain = self._in_vain + 1 if flaw.outage else 0
            if self._in_vain >= _HOPELESS:
                raise SinkError(flaw.finding.detail) from flaw
            self._findings.append(flaw.finding)
            self._result.refused = self._result.refused or flaw.refused
            self.lost.append(_gap(wanted, f"{flaw.finding.what} in the backup: {flaw.finding.detail}"))

    def _keep(self, wanted: Wanted, why: str) -> None:
        with self._lock:
            self._kept.append(Kept(wanted.key, why))
            self.lost.append(_gap(wanted, f"not restored: {why}"))

    def _pieces(self, wanted: Wanted) -> Iterator[bytes]:
        if wanted.node is not None:
            return self._pages.page(wanted.node)
        file = self._local.get(wanted.origin)
        if file is not None:
            file.seek(0)
            return iter(partial(file.read, CHUNK), b"")
        if wanted.size is None:
            raise Flawed(wanted.origin, "missing", "named in SHA256SUMS")
        return pieces(self._job.original, wanted.origin, wanted.size, wanted.sha256)

    def _compare(self, wanted: Wanted) -> int:
        """With what is there already. Nothing is fetched where it is known how it should read."""
        should = self._notes.sha256(wanted.key, _stored(wanted)) if wanted.node is None else None
        if should is None and wanted.node is None and not self._job.original.decoding.suffix:
            should = wanted.sha256
        if should is None:
            should = hash_of(self._pieces(wanted))
        if hash_stored(self._job.target, wanted.key) != should:
            self._keep(wanted, _OTHER)
            return 0
        row = self._index.one("SELECT size FROM held WHERE key=?", wanted.key)
        self._done(wanted, should, int(row[0]), fresh=False)
        return 0

    def _write(self, wanted: Wanted) -> int:
        digest, size = hashlib.sha256(), 0
        found = self._pieces(wanted)
        first = next(found, b"")  # before anything is created: most of what fails, fails here
        writer = self._job.target.create(wanted.key)

        def take(piece: bytes | bytearray | memoryview) -> None:
            digest.update(piece)
            writer.write(piece)

        behind = Behind(take)
        try:
            piece: bytes | None = first
            while piece is not None:
                behind.put(piece)
                size += len(piece)
                if size != wanted.size:
                    self._notify(FileProgress(wanted.key, size))
                piece = next(found, None)
            behind.finish()
            self._notes.add(wanted.key, _stored(wanted), digest.hexdigest())
            writer.commit()
        except BaseException:
            behind.stop()
            writer.discard()
            raise
        self._done(wanted, digest.hexdigest(), size, fresh=True)
        return size

    def _done(self, wanted: Wanted, sha256: str, size: int, *, fresh: bool) -> None:
        self._index.run("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", wanted.key, sha256, size)
        with self._lock:
            self._in_vain = 0
            if not fresh:
                self._result.there += 1
                return
            self._result.bytes += size
            if wanted.node is None:
                self._result.files += 1
            else:
                self._result.pages += 1


def _stored(wanted: Wanted) -> str:
    """What tells one state of the stored object from another."""
    return wanted.sha256 or f"{wanted.origin} {wanted.size}"


def _gap(wanted: Wanted, reason: str) -> Gap:
    if wanted.id:
        return Gap("attachments", wanted.id, reason)
    return Gap("files", wanted.key.rpartition("/")[2], reason)
