"""The sink kind `sftp`."""

from __future__ import annotations

import contextlib
import posixpath
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wrikebackup_core import Check, Entry, SinkError
from wrikebackup_fsspec import keys
from wrikebackup_fsspec.batches import batches
from wrikebackup_fsspec.checks import Promised, checks
from wrikebackup_fsspec.sftp import tree
from wrikebackup_fsspec.sftp.barrier import Barrier
from wrikebackup_fsspec.sftp.checks import Doctor
from wrikebackup_fsspec.sftp.faults import Lost, failed
from wrikebackup_fsspec.sftp.folders import remove_empty
from wrikebackup_fsspec.sftp.login import Login
from wrikebackup_fsspec.sftp.loop import Loop
from wrikebackup_fsspec.sftp.place import Place
from wrikebackup_fsspec.sftp.pool import Pool
from wrikebackup_fsspec.sftp.publish import WAYS, Publisher, Way
from wrikebackup_fsspec.sftp.reader import Download, SftpReader
from wrikebackup_fsspec.sftp.upload import Store, Upload
from wrikebackup_fsspec.sftp.writer import SftpWriter

__all__ = ["SftpSink"]

_BLOCKS = 96  # of all writers together that may be in flight: 24 MB
_KEYS = 1000  # deleted at a time


@dataclass(frozen=True, slots=True)
class Line:
    """The way to one server."""

    loop: Loop
    pool: Pool
    publisher: Publisher


class SftpSink:
    """A folder of a server. Nothing is connected before the first call that needs it; the folder is created with the first object."""

    def __init__(
        self, login: Login, place: Place, connections: int, ways: Sequence[Way] = WAYS, *, line: Line | None = None
    ) -> None:
        """`line` is that of another sink, which closes it."""
        self.name = place.name
        self._login, self._place, self._connections = login, place, connections
        self._line = line or Line(
            Loop(place.name), Pool(login.connect, connections), Publisher(place.server, tuple(ways))
        )
        self._loop, self._pool = self._line.loop, self._line.pool
        self._store = Store(self._pool, place, self._line.publisher, Barrier(self._pool, place, connections))
        self._room = threading.Semaphore(_BLOCKS)

    def create(self, key: str) -> SftpWriter:
        target = self._place.path(keys.check(key))
        upload = Upload(self._store, target)
        self._loop.check()
        if not self._store.folders.known(posixpath.dirname(target)):
            self._loop.run(upload.opened())
        # else the usual case costs the caller no waiting: what goes wrong is told by `write` or `commit`.
        return SftpWriter(key, self._loop, upload, self._room)

    def sync(self, others: Iterable[str] = ()) -> None:
        paths = [self._place.path(keys.check(key)) for key in others]
        self._loop.run(self._store.barrier.flush(paths))

    def open(self, key: str, offset: int = 0) -> SftpReader:
        path = self._place.path(keys.check(key))
        return SftpReader(self._loop, Download(self._pool, self._place, path, offset), offset)

    def list(self, prefix: str) -> Iterator[Entry]:
        walk = tree.Walk(self._pool, self._place, keys.check_prefix(prefix))
        try:
            while (found := self._loop.run(walk.next())) is not None:
                yield from found.files
        finally:
            with contextlib.suppress(SinkError):
                self._loop.run(walk.close())

    def delete(self, keys_: Iterable[str]) -> None:
        folders: set[bytes] = set()
        first: SinkError | None = None
        for batch in batches((keys.check(key) for key in keys_), _KEYS):
            trouble = self._loop.run(tree.delete(self._pool, self._place, batch, folders))
            first = first or trouble
        try:
            self._loop.run(remove_empty(self._pool, self._place, folders))
        except Lost as error:
            first = first or failed("delete in", self._place, self._place.root, error)
        if first is not None:
            raise first

    def sweep(self, prefix: str) -> None:
        folder = keys.check_prefix(prefix)
        self._loop.run(self._store.settle())
        self._loop.run(tree.sweep(self._pool, self._place, folder))
        self._loop.run(tree.sweep_probes(self._pool, self._place))

    def checks(self) -> Iterator[Check]:
        # A folder below this one that no listing shows, over the same connections.
        place = replace(self._place, root=self._place.path(keys.probe_name()))
        probe = SftpSink(self._login, place, self._connections, line=self._line)
        doctor = Doctor(self._store, self._login.known_hosts, place.root)
        check = self._loop.run(doctor.connected())
        yield check
        if not check.ok:
            return
        try:
            check = self._loop.run(doctor.folder())
            yield check
            if not check.ok:
                return
            promised = Promised(by_store=lambda _: True, way=lambda: f" ({self._line.publisher.way})")
            if (yield from checks(self, probe, promised)):
                yield self._loop.run(doctor.durable())
            yield self._loop.run(doctor.room())
        finally:
            with contextlib.suppress(SinkError):
                self._loop.run(doctor.clear())

    def close(self) -> None:
        with contextlib.suppress(SinkError):
            self._loop.run(self._close())
        self._loop.stop()

    async def _close(self) -> None:
        await self._store.settle()
        await self._pool.close()
