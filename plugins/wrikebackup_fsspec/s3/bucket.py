"""A bucket of S3, as object sinks use it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import obstore
from obstore.store import S3Store

from wrikebackup_core import Check, Entry, KeyNotFound, UsageError
from wrikebackup_fsspec.keys import is_fleeting
from wrikebackup_fsspec.objects.bucket import Part
from wrikebackup_fsspec.objects.checks import probe_name
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3 import checks
from wrikebackup_fsspec.s3.deleting import Deleting
from wrikebackup_fsspec.s3.digests import Digests, content_md5, digest
from wrikebackup_fsspec.s3.faults import Errors, failed, said
from wrikebackup_fsspec.s3.locks import Locks
from wrikebackup_fsspec.s3.probing import Promises, promises_of, refuses_parts
from wrikebackup_fsspec.s3.publishing import WRITER, Publishing, Request
from wrikebackup_fsspec.s3.reading import Reading
from wrikebackup_fsspec.s3.upload import Parts, PartUpload, Senders

__all__ = ["S3Bucket"]

_SIGNED_SECONDS = 7 * 24 * 3600  # what signatures of version 4 allow


class S3Bucket:
    """Small objects through obstore, by one store for writing and one for reading, everything else through botocore's `client`."""

    def __init__(self, name: str, client: Any, writing: S3Store, reading: S3Store, options: S3Options) -> None:
        self.name = name
        self._client, self._writing_store, self._reading_store, self._options = client, writing, reading, options
        self._bucket = options.bucket
        self._root = f"{options.prefix}/" if options.prefix else ""
        self._locks = Locks(client, options.bucket, name, options)
        self._deleting = Deleting(client, options.bucket, name, self._locks)
        self._reading = Reading(client, reading, options.bucket, name)
        self._publishing = Publishing(client, options.bucket, name, self._locks, self._reading)
        self._promises = Promises()
        self._parts = Parts(client, options.bucket, name, Senders())

    @property
    def conditional(self) -> bool:
        return self._promises.conditional

    @property
    def conditional_in_pieces(self) -> bool:
        """Tried out when it is asked for: a run looks for each large object first, whatever the store promises."""
        if not self._promises.conditional:
            return False
        try:
            return refuses_parts(self._client, self._bucket, probe_name(self._root), self._promises)
        except Errors as error:
            raise failed(f"write to {self.name}", error) from error

    def prepare(self) -> None:
        self._locks.demand()
        try:
            self._promises = promises_of(self._client, self._bucket, probe_name(self._root))
        except Errors as error:
            raise failed(f"write to {self.name}", error) from error
        self._publishing.conditional = self._promises.conditional

    # Writing

    def put(self, key: str, data: bytes) -> None:
        token = secrets.token_hex(8)
        request = self._put_digested if self._locks.wanted or self._promises.digested else self._put
        self._publishing.publish(key, token, lambda conditions: request(key, data, token, conditions), Digests(data))

    def _put(self, key: str, data: bytes, token: str, conditions: Mapping[str, str]) -> str:
        attributes = {WRITER: token}
        if self._options.storage_class:
            attributes["Storage-Class"] = self._options.storage_class
        mode: Literal["create", "overwrite"] = "create" if conditions else "overwrite"
        answer = obstore.put(self._writing_store, key, data, attributes=attributes, mode=mode, use_multipart=False)
        return answer["e_tag"] or ""

    def _put_digested(self, key: str, data: bytes, token: str, conditions: Mapping[str, str]) -> str:
        """obstore cannot send the headers that a lock needs, by whoever asks for it."""
        answer = self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=data,
            ContentMD5=content_md5(digest(data)),
            **self._extra(key, token),
            **conditions,
        )
        return str(answer.get("ETag", ""))

    def begin(self, key: str) -> PartUpload:
        token = secrets.token_hex(8)

        def publish(request: Request, digests: Digests) -> None:
            # Some stores keep the promise for whole objects and not for those in parts
            self._publishing.publish(key, token, request, digests, look=True)

        return PartUpload(self._parts, key, self._extra(key, token), publish)

    def _extra(self, key: str, token: str) -> dict[str, Any]:
        options = self._options
        locks = {} if is_fleeting(key[len(self._root) :]) else self._locks.headers()
        extra: dict[str, Any] = {"Metadata": {WRITER: token}, **locks}
        if options.storage_class:
            extra["StorageClass"] = options.storage_class
        if options.sse:
            extra["ServerSideEncryption"] = options.sse
        if options.sse_kms_key_id:
            extra["SSEKMSKeyId"] = options.sse_kms_key_id
        return extra

    # Reading

    def read(self, key: str, offset: int, length: int) -> Part:
        return self._reading.read(key, offset, length)

    def list(self, prefix: str) -> Iterator[Entry]:
        for key, size in self._listed("Contents", "Key", "Size", Prefix=prefix):
            yield Entry(key, size)

    def folders(self, prefix: str) -> Iterator[str]:
        for (name,) in self._listed("CommonPrefixes", "Prefix", Prefix=prefix, Delimiter="/"):
            yield name[len(prefix) :].rstrip("/")

    def _listed(self, kind: str, *parts: str, **what: str) -> Iterator[tuple[Any, ...]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **what)
        try:
            for page in pages:
                for found in page.get(kind, ()):
                    yield tuple(said(found, part) for part in parts)
        except Errors as error:
            raise failed(f"list {self.name}", error) from error

    def sign(self, key: str, seconds: int) -> str:
        if seconds > _SIGNED_SECONDS:
            raise UsageError(f"{self.name}: an address can be valid for {_SIGNED_SECONDS // 86400} days at most")
        if not self._publishing.exists(key):
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
        return S3Bucket(
            self.name,
            self._client,
            self._writing_store,
            self._reading_store,
            self._options.model_copy(update={"lock_days": None}),
        )

    def checks(self, prefix: str) -> Iterator[Check]:
        return checks.checks(self._client, self._bucket, prefix, self._options)

    def close(self) -> None:
        self._parts.senders.close()
        self._client.close()
