"""A bucket as a sink."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime

from wrikebackup_core import Check, Entry, KeyLocked, KeyUnfit, SinkError
from wrikebackup_fsspec import keys
from wrikebackup_fsspec.batches import batches
from wrikebackup_fsspec.objects.bucket import Bucket
from wrikebackup_fsspec.objects.checks import checks
from wrikebackup_fsspec.objects.reader import ObjectReader
from wrikebackup_fsspec.objects.writer import ObjectWriter

__all__ = ["ObjectSink"]

_BATCH = 1000  # keys; what S3 deletes with one request
_MAX_NAME = 1024  # bytes of a whole name; S3 and GCS alike


class ObjectSink:
    """`prefix` is the folder inside the bucket, without slashes around it; empty for the bucket itself."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self.name = f"{bucket.name}/{prefix}" if prefix else bucket.name
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._preparing: Future[None] | None = None
        self._lock = threading.Lock()

    def create(self, key: str) -> ObjectWriter:
        name = self._named(key)
        self._prepare()
        return ObjectWriter(self._bucket, name)

    def _prepare(self) -> None:
        """By the first thread that comes; those that come meanwhile share what comes of it. After a failure the next one tries anew."""
        with self._lock:
            attempt, first = self._preparing or Future[None](), self._preparing is None
            self._preparing = attempt
        if not first:
            attempt.result()
            return
        try:
            self._bucket.prepare()
        except BaseException as error:
            self._preparing = None
            attempt.set_exception(error)
            raise
        attempt.set_result(None)

    def sync(self, others: Iterable[str] = ()) -> None:
        """What an object store has acknowledged is durable, whoever wrote it."""

    def open(self, key: str, offset: int = 0) -> ObjectReader:
        return ObjectReader(self._bucket, self._named(key), offset)

    def list(self, prefix: str) -> Iterator[Entry]:
        for entry in self._bucket.list(self._folder(prefix)):
            key = entry.key[len(self._root) :]
            if keys.is_key(key):
                yield Entry(key, entry.size)

    def folders(self, prefix: str) -> Iterator[str]:
        """Names directly below a folder that have something below them."""
        return filter(keys.is_key, self._bucket.folders(self._folder(prefix)))

    def delete(self, keys_: Iterable[str]) -> None:
        first: SinkError | None = None
        for batch in batches(map(self._named, keys_), _BATCH):
            try:
                self._bucket.delete(batch)
            except SinkError as error:
                first = first or error
        if first is not None:
            raise first

    def sweep(self, prefix: str) -> None:
        for folder in (self._folder(prefix), self._root + keys.PROBE):
            self._bucket.sweep(folder)
        found = (entry.key for entry in self._bucket.list(self._root + keys.PROBE))
        for probes in batches((name for name in found if self._is_probe(name)), _BATCH):
            with contextlib.suppress(KeyLocked):  # by a rule of the bucket: they go when it lets them
                self._bucket.delete(probes)

    def prolong(self, keys_: Iterable[str]) -> None:
        self._bucket.prolong(map(self._named, keys_))

    def locked(self, keys_: Iterable[str]) -> Mapping[str, datetime]:
        found = self._bucket.locked(map(self._named, keys_))
        return {name[len(self._root) :]: until for name, until in found.items()}

    def sign(self, key: str, seconds: int) -> str:
        return self._bucket.sign(self._named(key), seconds)

    def checks(self) -> Iterator[Check]:
        bucket = self._bucket.without_locks()
        probe = ObjectSink(bucket, self._root + keys.probe_name())
        if (yield from checks(self, probe, bucket)):
            yield from self._bucket.checks(self._root)

    def close(self) -> None:
        self._bucket.close()

    def _named(self, key: str) -> str:
        name = self._root + keys.check(key)
        if len(name.encode()) > _MAX_NAME:
            raise KeyUnfit(
                f"{key!r} is no key: with the prefix it is longer than the {_MAX_NAME} bytes of an object's name"
            )
        return name

    def _is_probe(self, name: str) -> bool:
        return keys.is_probe(name[len(self._root) :].partition("/")[0])

    def _folder(self, prefix: str) -> str:
        folder = keys.check_prefix(prefix)
        return f"{self._root}{folder}/" if folder else self._root
