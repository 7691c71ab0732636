"""Each object goes once through hash and encoding and from there to every sink that lacks it."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from wrikebackup_core.errors import AlreadyExists, SinkError, WrikeBackupError
from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Event, SinkDropped
from wrikebackup_core.ports import Sink, Transform, Writer
from wrikebackup_core.stored import hash_stored

__all__ = ["FanOut", "NobodyWants", "Tee"]

_TROUBLE = (SinkError, OSError)  # the second is what a plugin may let slip


class NobodyWants(SinkError):
    """The sinks that an object was for have been dropped. Others are still in the run: they have it already."""


class FanOut:
    """The sinks of a run. One that fails is dropped and takes no further part; the others go on."""

    def __init__(
        self,
        sinks: Mapping[int, Sink],
        ledger: Ledger,
        transforms: Sequence[Transform],
        folder: str,
        notify: Callable[[Event], None],
    ) -> None:
        """`folder` is the account's folder, which all keys given below are relative to."""
        self.live = dict(sinks)
        self.dropped: dict[int, str] = {}
        self.unsettled_bytes = self.unsettled_count = 0
        self.suffix = "".join(transform.suffix for transform in transforms)
        self.waits = any(getattr(sink, "waits", True) for sink in sinks.values())
        self._all = dict(sinks)
        self._ledger = ledger
        self._transforms = transforms
        self._folder = folder
        self._notify = notify
        self._lock = threading.Lock()
        self._last_error: Exception | None = None
        self._committed: dict[int, list[StoredObject]] = {number: [] for number in sinks}
        self._others: dict[int, list[str]] = {number: [] for number in sinks}

    def drop(self, number: int, error: Exception) -> None:
        """Takes a sink out of the run. Raises SinkError when it was the last."""
        with self._lock:
            if self.live.pop(number, None) is None:
                return
            self.dropped[number] = str(error)
            self._last_error = error
            nothing_left = not self.live
        if nothing_left:
            raise self.nothing_left()  # the run ends with this error: no need to tell of it twice
        self._notify(SinkDropped(self._all[number].name, str(error)))

    def nothing_left(self) -> SinkError:
        """What to raise when no sink is in the run any more: the reason why the last one was dropped."""
        error = self._last_error
        if isinstance(error, SinkError):
            return error
        return SinkError(str(error) if error else "no sink is left")

    def name(self, number: int) -> str:
        return self._all[number].name

    def path(self, key: str) -> str:
        """The sink's key of an object."""
        return f"{self._folder}/{key}"

    def writer(self, key: str, numbers: Iterable[int]) -> Writer:
        """A writer of `key` into those of the sinks that are still in the run, through all transforms.

        The key must have the transforms' suffix already. Raises SinkError when no sink is left, and NobodyWants when none of `numbers` is.
        """
        target: Writer = Tee(self, key, numbers, Origin.DOWNLOADED)
        for transform in reversed(self._transforms):
            target = transform.encode(target)
        return target

    def copier(self, key: str, numbers: Iterable[int]) -> Tee:
        """The same for bytes that come out of another sink, and are encoded already."""
        return Tee(self, key, numbers, Origin.COPIED)

    def committed(self, stored: StoredObject, *, by_another: bool = False) -> None:
        """It is stored whole, and durable after the next barrier; `by_another` where another run has stored it."""
        with self._lock:
            self._committed[stored.sink].append(stored)
            if by_another:
                self._others[stored.sink].append(self.path(stored.key))
            self.unsettled_bytes += stored.size
            self.unsettled_count += 1

    def is_stored(self, number: int, key: str, sha256: str) -> bool:
        """Whether a sink holds just these bytes, read back. Raises SinkError."""
        sink = self.live.get(number)
        return sink is not None and hash_stored(sink, self.path(key)) == sha256

    def barrier(self) -> None:
        """When it returns, what was committed before is durable in each sink that is still in the run."""
        with self._lock:
            batches, self._committed = self._committed, {number: [] for number in self._all}
            others, self._others = self._others, {number: [] for number in self._all}
            self.unsettled_bytes = self.unsettled_count = 0
        for number, sink in list(self.live.items()):
            try:
                sink.sync(others[number])
            except (WrikeBackupError, OSError) as error:
                self.drop(number, error)
            else:
                self._ledger.settle(number, batches[number])


class Tee:
    """A writer to several sinks; what it counts and hashes is what is stored."""

    def __init__(self, fan: FanOut, key: str, numbers: Iterable[int], origin: Origin) -> None:
        self._fan, self._key, self._origin = fan, key, origin
        self._hash = hashlib.sha256()
        self._size = 0
        self._writers: dict[int, Writer] = {}
        self._taken: dict[int, AlreadyExists] = {}
        for number in numbers:
            sink = fan.live.get(number)
            if sink is not None:
                try:
                    self._writers[number] = sink.create(fan.path(key))
                except AlreadyExists as error:
                    self._taken[number] = error
                except _TROUBLE as error:
                    self._drop(number, error)
        self._demand_a_sink()

    @property
    def sha256(self) -> str:
        """In hex, of what was written so far."""
        return self._hash.hexdigest()

    def _drop(self, number: int, error: Exception) -> None:
        self._writers.pop(number, None)
        self._fan.drop(number, error)

    def _demand_a_sink(self) -> None:
        if not self._writers and not self._taken:
            raise NobodyWants(self._key) if self._fan.live else self._fan.nothing_left()

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._hash.update(data)
        for number, writer in list(self._writers.items()):
            try:
                writer.write(data)
            except _TROUBLE as error:
                with contextlib.suppress(*_TROUBLE):
                    writer.discard()
                self._drop(number, error)
                self._demand_a_sink()
        self._size += len(data)
        return len(data)

    def commit(self) -> None:
        sha256, size, origin = self.sha256, self._size, self._origin
        numbers = [*self._writers, *self._taken]
        objects = {number: StoredObject(number, self._key, sha256, size, origin) for number in numbers}
        try:
            self._fan._ledger.intend(objects.values())  # noqa: SLF001 - one class in two
        except WrikeBackupError:
            self.discard()
            raise
        for number, writer in list(self._writers.items()):
            try:
                writer.commit()
            except AlreadyExists as error:
                self._taken[number] = error
            except _TROUBLE as error:
                self._lose(number, error)
            else:
                self._fan.committed(objects[number])
        for number in list(self._taken):
            self._accept(objects[number])
        self._demand_a_sink()

    def _accept(self, stored: StoredObject) -> None:
        """What another run, on another machine, has stored meanwhile is taken for ours where it is the same."""
        number = stored.sink
        try:
            same = self._fan.is_stored(number, self._key, stored.sha256)
        except _TROUBLE as error:
            self._lose(number, error)
        else:
            if same:
                self._fan.committed(stored, by_another=True)
            else:
                self._lose(number, self._taken[number])

    def _lose(self, number: int, error: Exception) -> None:
        self._fan._ledger.drop(number, [self._key])  # noqa: SLF001 - one class in two
        self._taken.pop(number, None)
        self._drop(number, error)

    def discard(self) -> None:
        for writer in self._writers.values():
            with contextlib.suppress(*_TROUBLE):
                writer.discard()
