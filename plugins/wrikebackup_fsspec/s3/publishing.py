"""The moment at which an object appears, and that it is the first of its name and the one that was sent."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wrikebackup_core import AlreadyExists, KeyNotFound, SinkError
from wrikebackup_fsspec.s3.digests import Digests
from wrikebackup_fsspec.s3.faults import Errors, failed, status_of, unsettled
from wrikebackup_fsspec.s3.locks import Locks
from wrikebackup_fsspec.s3.reading import Reading

__all__ = ["WRITER", "Publishing", "Request"]

WRITER = "wrikebackup-writer"  # metadata that tells one's own object from another's
_TURNS = 64
_WAITS = (1.0, 2.0, 4.0)  # seconds ahead of another attempt, where no answer came in time
_READ = 16 << 20
_ANY_LENGTH = 1 << 20
_LONG = 200  # bytes of the last part of a name

Request = Callable[[Mapping[str, str]], str]
"""Makes an object appear under conditions (`IfNoneMatch`); returns its ETag."""


class Publishing:
    """`conditional`: whether the store can be told not to replace an object."""

    def __init__(self, client: Any, bucket: str, name: str, locks: Locks, reading: Reading) -> None:
        self.conditional = True
        self._client, self._bucket, self._name = client, bucket, name
        self._locks, self._reading = locks, reading
        self._etags_are_md5 = True
        self._too_long = _ANY_LENGTH
        self._turns = [threading.Lock() for _ in range(_TURNS)]

    def publish(self, key: str, token: str, request: Request, digests: Digests, *, look: bool = False) -> None:
        """The object appears, unless there is one; with `look` it is looked for whatever the store promises. `token` is among its
        metadata. Raises AlreadyExists, SinkError.
        """
        waits = iter(_WAITS)
        etag: str | None = None
        while etag is None:
            try:
                etag = self._appear(key, request, look)
            except (*Errors, AlreadyExists) as error:
                # Where an answer was lost and the request sent again, the object in the way may be this very one.
                if self._is_of(key, token):
                    break
                if isinstance(error, AlreadyExists):
                    raise
                wait = next(waits, None) if unsettled(error) else None
                if wait is None:
                    raise failed(f"write {self._name}/{key}", error) from error
                time.sleep(wait)
        self._compare(key, etag or "", digests)

    def _appear(self, key: str, request: Request, look: bool) -> str:
        length = len(key.rpartition("/")[2].encode())
        if self.conditional and length < self._too_long:
            if look:
                self.demand_absent(key)
            try:
                return request({"IfNoneMatch": "*"})
            except Errors as error:
                # SeaweedFS does so with long names in a bucket that keeps versions. There nothing is lost by a replacement.
                if status_of(error) != 500 or length < _LONG or not self._keeps_versions():
                    raise
            self._too_long = min(self._too_long, length)
        with self._turns[hash(key) % _TURNS]:  # among the threads of this program, where the store does not see to it
            self.demand_absent(key)
            return request({})

    def _keeps_versions(self) -> bool:
        if self._locks.possible:
            return True
        try:
            answer = self._client.get_bucket_versioning(Bucket=self._bucket)
        except Errors:
            return False
        return bool(answer.get("Status") == "Enabled")

    def demand_absent(self, key: str) -> None:
        """Raises AlreadyExists, SinkError."""
        if self.exists(key):
            raise AlreadyExists(f"{self._name}/{key} exists already")

    def exists(self, key: str) -> bool:
        """Raises SinkError."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except Errors as error:
            if isinstance(found := failed(f"look for {self._name}/{key}", error, key), KeyNotFound):
                return False
            raise found from error
        return True

    def _is_of(self, key: str, token: str) -> bool:
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=key)
        except Errors:
            return False
        return bool(answer.get("Metadata", {}).get(WRITER) == token)

    def _compare(self, key: str, etag: str, digests: Digests) -> None:
        """What the store says that it has got, and where that says nothing what it really has. Raises SinkError."""
        if etag.strip('"') == digests.etag or (etag and not self._etags_are_md5):
            return
        if not digests.same_as(lambda offset, length: self._pieces(key, offset, length)):
            with contextlib.suppress(*Errors):
                self._client.delete_object(Bucket=self._bucket, Key=key)
            raise SinkError(f"{self._name}/{key}: the store does not hold what was sent", hint="try again")
        if etag:
            self._etags_are_md5 = False

    def _pieces(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        while length > 0 and (data := self._reading.read(key, offset, min(length, _READ)).data):
            yield bytes(data)
            offset += len(data)
            length -= len(data)
