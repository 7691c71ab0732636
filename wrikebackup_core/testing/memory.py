"""A complete sink that keeps its objects in memory, and fails when a test wants it to."""

# ruff: noqa: SLF001 - a writer is a part of its sink

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Self

from wrikebackup_core.errors import AlreadyExists, KeyLocked, KeyNotFound, KeyUnfit, SinkError, SinkFull
from wrikebackup_core.ports import Check, Entry

__all__ = ["MemoryReader", "MemorySink"]


class MemoryReader:
    """A Reader over bytes. `size` may be given as None, for a server that does not announce a length."""

    def __init__(
        self, data: bytes, start: int = 0, *, size: int | None = -1, before: Callable[[], None] | None = None
    ) -> None:
        self.size = len(data) if size == -1 else size
        self.start = start
        self._stream = io.BytesIO(data)
        self._stream.seek(start)
        self._before = before

    def read(self, size: int = -1, /) -> bytes:
        if self._before is not None:
            self._before()
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@dataclass
class _Fault:
    operation: str
    keys: str
    error: Callable[[], BaseException]
    skip: int
    times: int | None


class MemorySink:
    """A Sink in memory, safe from any thread.

    `objects` holds what is committed, `durable` the keys that a `sync` made safe, `calls` how often each operation (`create`,
    `write`, `commit`, `discard`, `sync`, `open`, `read`, `list` (`folders` too), `delete`, `sweep`, `prolong`, `locked`) was asked
    for. With a `capacity` in bytes the store can be full. With `lock_days` it locks what it takes, but for dot
    files; `locks` holds until when.
    `before(operation, key)`, where it is set, is called ahead of each operation, outside any lock: it may block or raise.
    """

    def __init__(
        self,
        name: str = "memory",
        objects: Mapping[str, bytes] | None = None,
        *,
        capacity: int | None = None,
        lock_days: int | None = None,
        before: Callable[[str, str], None] | None = None,
    ) -> None:
        self.name = f"memory:{name}"
        self.objects: dict[str, bytes] = dict(objects or {})
        self.durable: set[str] = set(self.objects)
        self.calls: Counter[str] = Counter()
        self.capacity = capacity
        self.lock_days = lock_days
        self.locks: dict[str, datetime] = {}
        self.before = before
        self.closed = False
        self._faults: list[_Fault] = []
        self._committed: set[str] = set()
        self._writers: dict[int, _Writer] = {}
        self._lock = threading.Lock()

    # What a test does to the store

    def fail(
        self,
        operation: str,
        error: Callable[[], BaseException] | None = None,
        *,
        keys: str = "*",
        skip: int = 0,
        times: int | None = 1,
    ) -> None:
        """Makes `operation` raise `error()` (a SinkError by default) for keys that match the pattern.

        The first `skip` such calls still work, then `times` calls fail (None: all of them).
        """
        fault = _Fault(operation, keys, error or (lambda: SinkError(f"told to fail at {operation}")), skip, times)
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        """Forgets all that `fail` asked for."""
        with self._lock:
            self._faults.clear()

    def unfinished(self) -> list[str]:
        """Keys of the writers that were neither committed nor discarded, as a killed run leaves them."""
        with self._lock:
            return sorted(writer.key for writer in self._writers.values())

    def kill(self) -> None:
        """Ends the process that wrote: what it committed is there, and only a `sync` that names it makes it safe now."""
        with self._lock:
            self._committed.clear()

    def power_cut(self) -> None:
        """Loses what no `sync` made safe, and every writer's bytes."""
        with self._lock:
            self.objects = {key: data for key, data in self.objects.items() if key in self.durable}
            self._writers.clear()

    # What the port says

    def create(self, key: str) -> _Writer:
        self._step("create", _checked(key))
        with self._lock:
            if key in self.objects:
                raise AlreadyExists(f"{self.name}: {key} exists already")
            writer = _Writer(self, key)
            self._writers[id(writer)] = writer
        return writer

    def sync(self, others: Iterable[str] = ()) -> None:
        with self._lock:
            committed = self._committed | set(others)
        self._step("sync", "")
        with self._lock:
            self.durable |= committed & set(self.objects)

    def open(self, key: str, offset: int = 0) -> MemoryReader:
        self._step("open", key)
        with self._lock:
            data = self.objects.get(key)
        if data is None:
            raise KeyNotFound(f"{self.name}: there is no {key}")
        return MemoryReader(data, offset, before=lambda: self._step("read", key))

    def list(self, prefix: str) -> Iterator[Entry]:
        self._step("list", prefix)
        folder = _folder(prefix)
        with self._lock:
            entries = [Entry(key, len(data)) for key, data in self.objects.items() if key.startswith(folder)]
        yield from entries

    def folders(self, prefix: str) -> Iterator[str]:
        self._step("list", prefix)
        folder = _folder(prefix)
        with self._lock:
            below = [key.removeprefix(folder) for key in self.objects if key.startswith(folder)]
        yield from sorted({key.partition("/")[0] for key in below if "/" in key})

    def delete(self, keys: Iterable[str]) -> None:
        kept: dict[str, datetime] = {}
        for key in keys:
            self._step("delete", key)
            with self._lock:
                locks = self._locked([key])
                if not locks:
                    self.objects.pop(key, None)
                    self.durable.discard(key)
            kept |= locks
        for key, until in kept.items():
            raise KeyLocked(f"{self.name}: {key} is locked until {until:%Y-%m-%d}")

    def prolong(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._step("prolong", key)
            with self._lock:
                if key in self.objects:
                    self._lock_now(key)

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        keys = list(keys)
        for key in keys:
            self._step("locked", key)
        with self._lock:
            return self._locked(keys)

    def sweep(self, prefix: str) -> None:
        self._step("sweep", prefix)
        folder = _folder(prefix)
        with self._lock:
            self._writers = {
                number: writer for number, writer in self._writers.items() if not writer.key.startswith(folder)
            }

    def checks(self) -> Iterator[Check]:
        yield Check("writable", True, "objects are kept in memory")

    def close(self) -> None:
        self.closed = True

    def _step(self, operation: str, key: str) -> None:
        if self.before is not None:
            self.before(operation, key)
        with self._lock:
            self.calls[operation] += 1
            for fault in self._faults:
                if fault.operation != operation or not fnmatchcase(key, fault.keys):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times is None or fault.times > 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    raise fault.error()

    def _lock_now(self, key: str) -> None:
        if self.lock_days is not None and "/." not in f"/{key}":
            until = datetime.now(UTC) + timedelta(days=self.lock_days)
            self.locks[key] = max(until, self.locks.get(key, until))

    def _locked(self, keys: Iterable[str]) -> dict[str, datetime]:
        now = datetime.now(UTC)
        return {
            key: self.locks[key] for key in keys if key in self.objects and key in self.locks and self.locks[key] > now
        }

    def _used(self) -> int:
        return sum(map(len, self.objects.values())) + sum(len(writer.data) for writer in self._writers.values())


class _Writer:
    def __init__(self, sink: MemorySink, key: str) -> None:
        self.key = key
        self.data = bytearray()
        self._sink = sink
        self._open = True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        sink = self._sink
        sink._step("write", self.key)
        if not self._open:
            raise SinkError(f"{sink.name}: {self.key} was committed or discarded before")
        if sink.capacity is not None:
            with sink._lock:
                if sink._used() + len(data) > sink.capacity:
                    raise SinkFull(f"{sink.name}: no room left for {self.key}")
        self.data += data
        return len(data)

    def commit(self) -> None:
        sink = self._sink
        sink._step("commit", self.key)
        if not self._open:
            raise SinkError(f"{sink.name}: {self.key} was committed or discarded before")
        with sink._lock:
            self._finish()
            if self.key in sink.objects:
                raise AlreadyExists(f"{sink.name}: {self.key} exists already")
            sink.objects[self.key] = bytes(self.data)
            sink._committed.add(self.key)
            sink._lock_now(self.key)

    def discard(self) -> None:
        sink = self._sink
        with sink._lock:
            sink.calls["discard"] += 1
            self._finish()

    def _finish(self) -> None:
        self._open = False
        self._sink._writers.pop(id(self), None)


def _folder(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/" if prefix else ""


def _checked(key: str) -> str:
    if "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise KeyUnfit(f"{key!r} is no key: keys are relative paths with / between their parts")
    return key
