"""A bucket of Google Cloud Storage, as object sinks use it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from wrikebackup_core import Check, Entry, KeyLocked, SinkError
from wrikebackup_fsspec.batches import each
from wrikebackup_fsspec.gcs import checks, signing
from wrikebackup_fsspec.gcs.faults import Errors, failed, not_deleted
from wrikebackup_fsspec.gcs.locks import Locks
from wrikebackup_fsspec.gcs.place import Place
from wrikebackup_fsspec.gcs.reading import Reading
from wrikebackup_fsspec.gcs.trying import promises_of
from wrikebackup_fsspec.gcs.upload import Crowd, GcsUpload, Session
from wrikebackup_fsspec.gcs.writing import Claim, Writing
from wrikebackup_fsspec.objects.bucket import Part
from wrikebackup_fsspec.objects.checks import probe_name
from wrikebackup_fsspec.options import GcsOptions

__all__ = ["GcsBucket"]


class GcsBucket:
    def __init__(self, place: Place, options: GcsOptions) -> None:
        self.name = place.name
        self._place, self._options = place, options
        self._root = f"{options.prefix}/" if options.prefix else ""
        self._locks = Locks(place, options)
        self._writing = Writing(place, options, self._locks)
        self._crowd = Crowd()
        self._reading = Reading(place)

    @property
    def conditional(self) -> bool:
        return self._writing.promises.small

    @property
    def conditional_in_pieces(self) -> bool:
        return self._writing.promises.large

    def prepare(self) -> None:
        """Begins an upload and ends it, which leaves nothing behind. What Google promises it keeps; of other servers it is tried out,
        with two probes.
        """
        self._locks.demand_possible()
        name = probe_name(self._root)
        try:
            session = Session(self._writing, Claim(name), locked=False)
            with contextlib.suppress(*Errors):
                session.cancel()
            if self._options.endpoint_url is not None:
                self._writing.promises = promises_of(self._writing, name, probe_name(self._root))
        except Errors as error:
            raise failed(f"write to {self.name}", error) from error

    # Writing

    def put(self, key: str, data: bytes) -> None:
        claim = Claim(key)
        found = self._writing.put(claim, data, self._writing.resource(claim))
        self._writing.demand_lock(claim, found)

    def begin(self, key: str) -> GcsUpload:
        return GcsUpload(self._writing, key, self._crowd)

    # Reading

    def read(self, key: str, offset: int, length: int) -> Part:
        return self._reading.read(key, offset, length)

    def list(self, prefix: str) -> Iterator[Entry]:
        for page in self._pages(prefix=prefix, fields="items(name,size),nextPageToken"):
            for found in page.get("items", ()):
                yield Entry(found["name"], int(found.get("size", 0)))

    def folders(self, prefix: str) -> Iterator[str]:
        seen = set[str]()
        for page in self._pages(prefix=prefix, delimiter="/", fields="prefixes,nextPageToken"):
            for found in page.get("prefixes", ()):
                name = found[len(prefix) :].rstrip("/")
                if name not in seen:
                    seen.add(name)
                    yield name

    def _pages(self, **query: str) -> Iterator[Mapping[str, Any]]:
        wire = self._place.wire
        while True:
            try:
                page = wire.patiently(lambda: wire.ask("GET", f"{self._place.path}/o", query).json())
            except Errors as error:
                raise failed(f"list {self.name}", error) from error
            yield page
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def sign(self, key: str, seconds: int) -> str:
        return signing.sign(self._place, key, seconds)

    # Removing and locking

    def delete(self, keys: Sequence[str]) -> None:
        refusals = [error for error in each(self._delete, keys) if error is not None]
        # What is locked is to be expected; anything else is worth more attention.
        for error in sorted(refusals, key=lambda error: isinstance(error, KeyLocked)):
            raise error

    def _delete(self, key: str) -> SinkError | None:
        try:
            self._place.delete(key)
        except Errors as error:
            return not_deleted(f"{self.name}/{key}", error)
        return None

    def sweep(self, prefix: str) -> None:
        """Nothing to do: nobody can see an upload that was not completed, and Google forgets it after a week."""

    def prolong(self, keys: Iterable[str]) -> None:
        self._locks.prolong(keys)

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        return self._locks.locked(keys)

    def without_locks(self) -> GcsBucket:
        return GcsBucket(self._place, self._options.model_copy(update={"lock_days": None}))

    def checks(self, prefix: str) -> Iterator[Check]:
        if self._options.lock_days is not None:
            yield checks.lock(self._writing, self._locks, probe_name(prefix))
        yield checks.link(self._place)

    def close(self) -> None:
        self._place.wire.close()
