"""The sink kind `local`."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterable, Iterator

from wrikebackup_core import Check, Entry, Named, SinkError, UsageError
from wrikebackup_fsspec import keys
from wrikebackup_fsspec.checks import Promised, checks
from wrikebackup_fsspec.local import tree
from wrikebackup_fsspec.local.barrier import barrier_for
from wrikebackup_fsspec.local.checks import checks as of_folder
from wrikebackup_fsspec.local.faults import failed
from wrikebackup_fsspec.local.naming import names_below
from wrikebackup_fsspec.local.publish import Publisher
from wrikebackup_fsspec.local.reader import LocalReader
from wrikebackup_fsspec.local.writer import LocalWriter, create_temporary

__all__ = ["LocalSink"]

_TRIES = 100

_Shown = list[str]


class LocalSink:
    """A folder. It is created with the first object, not before: listing a backup that is not there makes nothing.

    Raises UsageError for a path that names no folder, SinkError for one that is something else.
    """

    waits = False

    def __init__(self, path: str, *, publisher: Publisher | None = None) -> None:
        expanded = os.path.expanduser(path)
        if expanded.startswith("~") or "\0" in expanded:
            raise UsageError(
                f"the sink path {path!r} names no folder", hint="~ is your own home; put ./ before other tildes"
            )
        self.root = os.path.abspath(expanded)
        if os.path.lexists(self.root) and not os.path.isdir(self.root):
            raise SinkError(
                f"{self.root} is not a folder", hint="choose a folder for the local sink, or a path that is free"
            )
        self.name = f"local:{self.root}"
        self.passed_over: list[str] = []
        self._publisher = publisher or Publisher()
        self._barrier = barrier_for(self.root)
        self._entered: set[str] = set()
        self._tail = secrets.token_hex(4)
        self._numbers = itertools.count()

    def create(self, key: str) -> LocalWriter:
        keys.check(key)
        target = self._path(key)
        folder, name = os.path.split(target)
        temporary = os.path.join(folder, keys.temporary_name(name, f"{self._tail}{next(self._numbers):x}"))
        try:
            descriptor = self._create_temporary(folder, temporary)
        except OSError as error:
            raise failed("write", target, error) from error
        return LocalWriter(key, temporary, target, descriptor, self._publish)

    def sync(self, others: Iterable[str] = ()) -> None:
        try:
            for key in others:
                self._barrier.taken_over(self._path(keys.check(key)))
            self._barrier.flush()
        except OSError as error:
            raise failed("flush", error.filename or self.root, error) from error

    def open(self, key: str, offset: int = 0) -> LocalReader:
        return LocalReader(self._path(keys.check(key)), offset)

    def list(self, prefix: str) -> Iterator[Entry]:
        self.passed_over = []
        return tree.entries(self.root, keys.check_prefix(prefix), self.passed_over)

    @contextlib.contextmanager
    def names(self, prefix: str) -> Iterator[Iterator[Named]]:
        passed_over = self.passed_over = _Shown()
        with names_below(self.root, keys.check_prefix(prefix), passed_over) as listed:
            yield self._told(listed, passed_over)

    def _told(self, listed: Iterator[Named], passed_over: _Shown) -> Iterator[Named]:
        """Other listings may have come in between."""
        self.passed_over = passed_over
        yield from listed

    def folders(self, prefix: str) -> Iterator[str]:
        return tree.folders(self.root, keys.check_prefix(prefix))

    def delete(self, keys_: Iterable[str]) -> None:
        tree.delete(self.root, (keys.check(key) for key in keys_))

    def sweep(self, prefix: str) -> None:
        tree.sweep(self.root, keys.check_prefix(prefix))

    def checks(self) -> Iterator[Check]:
        folder, publisher = os.path.join(self.root, keys.probe_name()), self._publisher
        promised = Promised(by_store=lambda _: True, way=lambda: f" ({publisher.way})")
        probe = LocalSink(folder, publisher=publisher)
        return of_folder(self.root, lambda: checks(self, probe, promised), folder, self._barrier.description)

    def close(self) -> None:
        pass

    def _path(self, key: str) -> str:
        return tree.path_of(self.root, key)

    def _publish(self, temporary: str, target: str) -> None:
        self._publisher(temporary, target)
        self._barrier.committed(target)

    def _create_temporary(self, folder: str, temporary: str) -> int:
        for _ in range(_TRIES):
            # Another thread may have deleted the last object of the folder, and the folder with it, at any moment.
            with contextlib.suppress(FileNotFoundError):
                if folder not in self._entered:
                    self._enter(folder)
                return create_temporary(temporary)
            self._entered.discard(folder)
        self._enter(folder)
        return create_temporary(temporary)

    def _enter(self, folder: str) -> None:
        """Makes the folder, and sees that no symbolic link on the way leads out of the root."""
        tree.refuse_links(self.root, folder)
        tree.make_folder(folder)
        self._barrier.entered(folder)
        self._entered.add(folder)
