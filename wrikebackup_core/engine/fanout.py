"""Each object goes once through hash and encoding and from there to every sink that lacks it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from wrikebackup_core.engine.pipe import Behind
from wrikebackup_core.engine.tee import TROUBLE, Tee
from wrikebackup_core.errors import AlreadyExists, KeyUnfit, SinkError, WrikeBackupError
from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.ledger import Ledger
from wrikebackup_core.model import Event, Message, SinkDropped
from wrikebackup_core.ports import Sink, Writer, waits
from wrikebackup_core.stored import hash_stored
from wrikebackup_core.transforms import Transform

__all__ = ["FanOut", "NobodyWants", "ObjectWriter"]


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
        self.waits = any(map(waits, sinks.values()))
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
        self._notify(SinkDropped(self._all[number].name, str(error), getattr(error, "hint", None)))

    def bar(self, number: int, key: str, reason: str) -> None:
        """Gives an attachment up for one sink, which is a gap of its backup, and tells of it."""
        self._ledger.bar(number, key, reason)
        self._notify(Message(f"{self.name(number)}: {key}: {reason}", warning=True))

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
        target: Writer = ObjectWriter(self, key, numbers, Origin.DOWNLOADED)
        for transform in reversed(self._transforms):
            target = transform.encode(target)
        return target

    def copier(self, key: str, numbers: Iterable[int]) -> ObjectWriter:
        """The same for bytes that come out of another sink, and are encoded already."""
        return ObjectWriter(self, key, numbers, Origin.COPIED)

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


class ObjectWriter:
    """The Writer of one object of a run: to those of its sinks that lack the object. Large ones are hashed and written in a thread
    of their own, while the next piece comes and is encoded.
    """

    def __init__(self, fan: FanOut, key: str, numbers: Iterable[int], origin: Origin) -> None:
        self._fan, self._key, self._origin = fan, key, origin
        self._intended = False
        sinks = {number: sink for number in numbers if (sink := fan.live.get(number)) is not None}
        self._tee = Tee(fan.path(key), sinks, self._lose)
        self._behind = Behind(self._write)
        self._demand_a_sink()

    @property
    def sha256(self) -> str:
        """In hex, of what was written so far."""
        self._behind.finish()
        return self._tee.sha256

    def _demand_a_sink(self) -> None:
        if not self._tee.places and not self._tee.taken:
            raise self._nobody()

    def _nobody(self) -> SinkError:
        return NobodyWants(self._key) if self._fan.live else self._fan.nothing_left()

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._behind.put(data)
        return len(data)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        self._tee.write(data)
        self._demand_a_sink()

    def commit(self) -> None:
        try:
            self._behind.finish()
        except BaseException:
            self.discard()
            raise
        tee = self._tee
        stored = {
            number: StoredObject(number, self._key, tee.sha256, tee.size, self._origin)
            for number in [*tee.places, *tee.taken]
        }
        try:
            self._fan._ledger.intend(stored.values())  # noqa: SLF001 - one class in two
        except WrikeBackupError:
            self.discard()
            raise
        self._intended = True
        done = 0
        for number in tee.commit():
            self._fan.committed(stored[number])
            done += 1
        for number, error in tee.taken.items():
            done += self._accepted(stored[number], error)
        if not done:
            raise self._nobody()

    def _accepted(self, stored: StoredObject, taken: AlreadyExists) -> bool:
        """What another run, on another machine, has stored meanwhile is taken for ours where it is the same."""
        try:
            same = self._fan.is_stored(stored.sink, self._key, stored.sha256)
        except TROUBLE as error:
            self._lose(stored.sink, error)
            return False
        if same:
            self._fan.committed(stored, by_another=True)
        else:
            self._lose(stored.sink, taken)
        return same

    def _lose(self, number: int, error: Exception) -> None:
        if self._intended:
            self._fan._ledger.drop(number, [self._key])  # noqa: SLF001 - one class in two
        if isinstance(error, KeyUnfit) and self._key.startswith("attachments/"):
            self._fan.bar(number, self._key, f"the sink cannot hold a file of this name: {error.message}")
        else:
            self._fan.drop(number, error)

    def discard(self) -> None:
        self._behind.stop()
        self._tee.discard()
