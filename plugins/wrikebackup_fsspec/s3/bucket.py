"""A bucket of S3, as object sinks use it."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import obstore
from obstore.store import S3Store

from wrikebackup_core import AlreadyExists, Check, Entry, KeyNotFound, SinkError, UsageError
from wrikebackup_fsspec.objects.bucket import Part
from wrikebackup_fsspec.objects.checks import probe_name
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3 import checks
from wrikebackup_fsspec.s3.deleting import Deleting
from wrikebackup_fsspec.s3.digests import Digests, content_md5, digest
from wrikebackup_fsspec.s3.faults import Errors, failed
from wrikebackup_fsspec.s3.locks import Locks
from wrikebackup_fsspec.s3.probing import refuses_to_replace
from wrikebackup_fsspec.s3.reading import Reading
from wrikebackup_fsspec.s3.upload import Parts, PartUpload, Senders

__all__ = ["S3Bucket"]

_WRITER = "wrikebackup-writer"  # metadata that tells one's own object from another's
_SIGNED_SECONDS = 7 * 24 * 3600  # what signatures of version 4 allow
_READ = 16 << 20

Request = Callable[[Mapping[str, str]], str]
"""Makes an object appear under conditions (`IfNoneMatch`); returns its ETag."""


class S3Bucket:
    """Small objects through obstore's `store`, everything else through botocore's `client`."""

    def __init__(self, name: str, client: Any, store: S3Store, options: S3Options) -> None:
        self.name = name
        self.conditional = True
        self._client, self._store, self._options = client, store, options
        self._bucket = options.bucket
        self._root = f"{options.prefix}/" if options.prefix else ""
        self._locks = Locks(client, options.bucket, name, options)
        self._deleting = Deleting(client, options.bucket, name, self._locks)
        self._reading = Reading(client, store, options.bucket, name)
        self._parts = Parts(client, options.bucket, name, Senders())
        self._etags_are_md5 = True
        self._turns: dict[str, threading.Lock] = {}
        self._turn = threading.Lock()

    def prepare(self) -> None:
        self._locks.demand()
        try:
            self.conditional = refuses_to_replace(self._client, self._bucket, probe_name(self._root))
        except Errors as error:
            raise failed(f"write to {self.name}", error) from error

    # Writing

    def put(self, key: str, data: bytes) -> None:
        token = secrets.token_hex(8)
        request = self._put_locked if self._options.lock_days else self._put
        self._publish(key, token, lambda conditions: request(key, data, token, conditions), Digests(data))

    def _put(self, key: str, data: bytes, token: str, conditions: Mapping[str, str]) -> str:
        attributes = {_WRITER: token}
        if self._options.storage_class:
            attributes["Storage-Class"] = self._options.storage_class
        mode: Literal["create", "overwrite"] = "create" if conditions else "overwrite"
        answer = obstore.put(self._store, key, data, attributes=attributes, mode=mode, use_multipart=False)
        return answer["e_tag"] or ""

    def _put_locked(self, key: str, data: bytes, token: str, conditions: Mapping[str, str]) -> str:
        """obstore does not sign the headers that a lock needs."""
        answer = self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=data,
            ContentMD5=content_md5(digest(data)),
            **self._extra(token),
            **conditions,
        )
        return str(answer.get("ETag", ""))

    def begin(self, key: str) -> PartUpload:
        token = secrets.token_hex(8)

        def publish(request: Request, digests: Digests) -> None:
            if self._exists(key):  # there are stores that keep the promise for whole objects and not for those in parts
                raise AlreadyExists(f"{self.name}/{key} exists already")
            self._publish(key, token, request, digests)

        return PartUpload(self._parts, key, self._extra(token), publish)

    def _extra(self, token: str) -> dict[str, Any]:
        options = self._options
        extra: dict[str, Any] = {"Metadata": {_WRITER: token}, **self._locks.headers()}
        if options.storage_class:
            extra["StorageClass"] = options.storage_class
        if options.sse:
            extra["ServerSideEncryption"] = options.sse
        if options.sse_kms_key_id:
            extra["SSEKMSKeyId"] = options.sse_kms_key_id
        return extra

    def _publish(self, key: str, token: str, request: Request, digests: Digests) -> None:
        """The object appears, unless there is one. Raises AlreadyExists, SinkError."""
        try:
            if self.conditional:
                etag = request({"IfNoneMatch": "*"})
            else:
                with self._alone(key):
                    if self._exists(key):
                        raise AlreadyExists(f"{self.name}/{key} exists already")
                    etag = request({})
        except Errors as error:
            # Where an answer was lost and the request sent again, the object in the way may be this very one.
            if not self._is_of(key, token):
                raise failed(f"write {self.name}/{key}", error) from error
            etag = ""
        self._compare(key, etag, digests)

    @contextlib.contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Among the threads of this program, where the store does not see to it."""
        with self._turn:
            lock = self._turns.setdefault(key, threading.Lock())
        with lock:
            yield

    def _compare(self, key: str, etag: str, digests: Digests) -> None:
        """What the store says that it has got, and where that says nothing what it really has. Raises SinkError."""
        if etag.strip('"') == digests.etag or (etag and not self._etags_are_md5):
            return
        if not digests.same_as(lambda offset, length: self._pieces(key, offset, length)):
            with contextlib.suppress(SinkError):
                self.delete([key])
            raise SinkError(f"{self.name}/{key}: the store does not hold what was sent", hint="try again")
        if etag:
            self._etags_are_md5 = False

    def _pieces(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        while length > 0 and (data := self.read(key, offset, min(length, _READ)).data):
            yield bytes(data)
            offset += len(data)
            length -= len(data)

    def _is_of(self, key: str, token: str) -> bool:
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=key)
        except Errors:
            return False
        return bool(answer.get("Metadata", {}).get(_WRITER) == token)

    def _exists(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except Errors as error:
            if isinstance(found := failed(f"look for {self.name}/{key}", error, key), KeyNotFound):
                return False
            raise found from error
        return True

    # Reading

    def read(self, key: str, offset: int, length: int) -> Part:
        return self._reading.read(key, offset, length)

    def list(self, prefix: str) -> Iterator[Entry]:
        for page in self._pages(Prefix=prefix):
            for found in page.get("Contents", ()):
                yield Entry(found["Key"], found["Size"])

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"][len(prefix) :].rstrip("/")

    def _pages(self, **what: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **what)
        try:
            yield from pages
        except Errors as error:
            raise failed(f"list {self.name}", error) from error

    def sign(self, key: str, seconds: int) -> str:
        if seconds > _SIGNED_SECONDS:
            raise UsageError(f"{self.name}: an address can be valid for {_SIGNED_SECONDS // 86400} days at most")
        if not self._exists(key):
            raise KeyNotFound(f"{self.name}/{key} does not exist")
        address: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )
        return address

    # Removing and locking

    def delete(self, keys: Sequence[str]) -> None:
        self._deleting.delete(keys)

    def sweep(self, prefix: str) -> None:
        self._deleting.end_uploads(prefix)

    def prolong(self, keys: Iterable[str]) -> None:
        self._locks.prolong(keys)

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        return self._locks.locked(keys)

    def without_locks(self) -> S3Bucket:
        return S3Bucket(self.name, self._client, self._store, self._options.model_copy(update={"lock_days": None}))

    def checks(self, prefix: str) -> Iterator[Check]:
        return checks.checks(self._client, self._bucket, prefix, self._options)

    def close(self) -> None:
        self._parts.senders.close()
        self._client.close()
