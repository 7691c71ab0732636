"""The sink kind `url`."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Self

from wrikebackup_core import AlreadyExists, Check, Entry, SinkError
from wrikebackup_fsspec import keys
from wrikebackup_fsspec.checks import Promised, checks, demand_names
from wrikebackup_fsspec.url.faults import failed
from wrikebackup_fsspec.url.files import Files

__all__ = ["UrlSink"]

_CHUNK = 1 << 20
_TURNS = 64


class UrlSink:
    """`root` is the folder's path as the file system knows it."""

    def __init__(self, name: str, files: Files, root: str, *, probe: bool = False) -> None:
        """`probe`: to try things out in, whatever comes of it."""
        self.name, self.root = name, root
        self._prepared = probe
        self._preparing = threading.Lock()
        self._files = files
        self._tail = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._turns = [threading.Lock() for _ in range(_TURNS)]
        self._entered: set[str] = set()
        self._writers: Counter[str] = Counter()  # by folder
        self._folders = threading.RLock()  # a writer may be collected while it is held

    def create(self, key: str) -> UrlWriter:
        target = self._path(key)
        self._prepare()
        folder, _, name = target.rpartition("/")
        temporary = f"{folder}/{keys.temporary_name(name, f'{self._tail}{next(self._numbers):x}')}"
        with self._folders:
            self._writers[folder] += 1
        try:
            if folder not in self._entered:
                self._files.make_folder(folder)
                self._entered.add(folder)
            return UrlWriter(self, self._files.write(temporary), temporary, target)
        except BaseException:
            self.leave(folder)
            raise

    def _prepare(self) -> None:
        """Nobody has tried this kind of store out with names such as people give to files."""
        with self._preparing:
            if not self._prepared:
                with self._probe() as probe:
                    demand_names(probe)
                self._prepared = True

    @contextlib.contextmanager
    def _probe(self) -> Iterator[UrlSink]:
        """An empty folder of the store that nobody else knows; gone afterwards, if it was left empty."""
        probe = UrlSink(self.name, self._files, f"{self.root}/{keys.probe_name()}", probe=True)
        try:
            yield probe
        finally:
            self._remove_empty([probe.root])

    def leave(self, folder: str) -> None:
        """A writer in it has ended."""
        with self._folders:
            self._writers[folder] -= 1
            if not self._writers[folder]:
                del self._writers[folder]

    def sync(self, others: Iterable[str] = ()) -> None:
        """What a store behind fsspec has acknowledged can be made no safer from here."""

    def open(self, key: str, offset: int = 0) -> UrlReader:
        path = self._path(key)
        file, size = self._files.read(path)
        return UrlReader(file, path, size, offset)

    def list(self, prefix: str) -> Iterator[Entry]:
        for path, size in self._files.below(self._folder(prefix)):
            key = path[len(self.root) + 1 :]
            if keys.is_key(key):
                yield Entry(key, size)

    def folders(self, prefix: str) -> Iterator[str]:
        """Names of the folders directly below one."""
        for path in self._files.folders(self._folder(prefix)):
            name = path.rpartition("/")[2]
            if keys.is_key(name):
                yield name

    def delete(self, keys_: Iterable[str]) -> None:
        first: SinkError | None = None
        folders = set[str]()
        for path in map(self._path, keys_):
            folders.add(path.rpartition("/")[0])
            try:
                self._files.remove(path)
            except SinkError as error:
                first = first or error
        self._remove_empty(folders)
        if first is not None:
            raise first

    def sweep(self, prefix: str) -> None:
        folders = set[str]()
        for path, _ in self._files.below(self._folder(prefix), folders):
            if keys.is_temporary(path.rpartition("/")[2]):
                self._files.remove(path)
        for probe in self._files.folders(self._folder("")):
            if keys.is_probe(probe.rpartition("/")[2]):
                folders.add(probe)
                for path, _ in self._files.below(probe):
                    self._files.remove(path)
        self._remove_empty(folders)

    def checks(self) -> Iterator[Check]:
        with self._probe() as probe:
            if (yield from checks(self, probe, Promised(by_store=lambda _: None))):
                hint = "what the store does with what it has acknowledged is between you and it"
                yield Check("durable", None, "fsspec has no way to ask a store to flush", hint=hint)

    def close(self) -> None:
        pass

    def publish(self, temporary: str, target: str, size: int) -> None:
        """The object appears, unless there is one. Raises AlreadyExists, SinkError."""
        with self._turns[hash(target) % _TURNS]:  # of two writers of one name, one at a time
            if self._files.size(target) is not None:
                raise AlreadyExists(f"{target} exists already")
            if (stored := self._files.size(temporary)) != size:
                raise SinkError(f"{target}: the store holds {stored} bytes of {size}", hint="try again")
            try:
                self._move(temporary, target, size)
            except BaseException:
                with contextlib.suppress(SinkError):
                    self._files.remove(target)  # it was not there before: what is there now is half of ours
                raise

    def _move(self, temporary: str, target: str, size: int) -> None:
        self._files.move(temporary, target)
        if (stored := self._files.size(target)) != size:
            raise SinkError(f"{target}: the store holds {stored} bytes of {size} after it was moved")

    def remove(self, path: str) -> None:
        self._files.remove(path)

    def _remove_empty(self, folders: Iterable[str]) -> None:
        """And those above them, except where somebody writes: some stores make a file only when it is closed."""
        for start in sorted(folders, key=len, reverse=True):
            folder = start
            while len(folder) > len(self.root):
                with self._folders:
                    if any(f"{busy}/".startswith(f"{folder}/") for busy in self._writers):
                        break
                    if not self._files.remove_folder(folder):
                        break
                    self._entered.discard(folder)
                folder = folder.rpartition("/")[0]

    def _path(self, key: str) -> str:
        return f"{self.root}/{keys.check(key)}"

    def _folder(self, prefix: str) -> str:
        folder = keys.check_prefix(prefix)
        return f"{self.root}/{folder}" if folder else self.root or "/"


class UrlWriter:
    """A Writer under a temporary name."""

    def __init__(self, sink: UrlSink, file: Any, temporary: str, target: str) -> None:
        self._sink, self._file, self._temporary, self._target = sink, file, temporary, target
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        try:
            self._opened().write(bytes(data))
        except Exception as error:
            raise failed("write", self._target, error) from error
        self._size += len(data)
        return len(data)

    def commit(self) -> None:
        file, self._file = self._opened(), None
        try:
            try:
                file.close()
            except Exception as error:
                raise failed("write", self._target, error) from error
            self._sink.publish(self._temporary, self._target, self._size)
        except BaseException:
            self._remove()
            raise
        finally:
            self._leave()

    def discard(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(Exception):
                file.close()
            self._remove()
            self._leave()

    def _leave(self) -> None:
        self._sink.leave(self._target.rpartition("/")[0])

    def _opened(self) -> Any:
        if self._file is None:
            raise SinkError(f"{self._target} was committed or discarded before")
        return self._file

    def _remove(self) -> None:
        with contextlib.suppress(SinkError):
            self._sink.remove(self._temporary)

    def __del__(self) -> None:
        self.discard()


class UrlReader:
    """A Reader."""

    def __init__(self, file: Any, path: str, size: int, offset: int) -> None:
        self.size, self.start = size, offset
        self._file, self._path = file, path
        try:
            file.seek(offset)
        except Exception as error:
            raise failed("read", path, error) from error
        self._left = max(0, self.size - offset)

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        wanted = min(size, self._left)
        if not wanted:
            return b""
        try:
            data: bytes = self._file.read(wanted)
        except Exception as error:
            raise failed("read", self._path, error) from error
        if not data:
            raise SinkError(f"{self._path} ends {self._left} bytes early")
        self._left -= len(data)
        return data

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
