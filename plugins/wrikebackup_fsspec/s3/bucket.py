"""A bucket of S3, as object sinks use it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import obstore
from obstore.store import S3Store

from wrikebackup_core import Check, Entry, KeyNotFound, UsageError
from wrikebackup_fsspec.objects.bucket import Part
from wrikebackup_fsspec.objects.checks import probe_name
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3 import checks
from wrikebackup_fsspec.s3.deleting import Deleting
from wrikebackup_fsspec.s3.digests import Digests, content_md5, digest
from wrikebackup_fsspec.s3.faults import Errors, failed
from wrikebackup_fsspec.s3.locks import Locks
from wrikebackup_fsspec.s3.probing import refuses_to_replace
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
        self._parts = Parts(client, options.bucket, name, Senders())

    @property
    def conditional(self) -> bool:
        return self._publishing.conditional

    @property
    def conditional_in_pieces(self) -> bool:
        return self._publishing.conditional

    def prepare(self) -> None:
        self._locks.demand()
        try:
            self._publishing.conditional = refuses_to_replace(self._client, self._bucket, probe_name(self._root))
        except Errors as error:
            raise failed(f"write to {self.name}", error) from error

    # Writing

    def put(self, key: str, data: bytes) -> None:
        token = secrets.token_hex(8)
        request = self._put_locked if self._options.lock_days else self._put
        self._publishing.publish(key, token, lambda conditions: request(key, data, token, conditions), Digests(data))

    def _put(self, key: str, data: bytes, token: str, conditions: Mapping[str, str]) -> str:
        attributes = {WRITER: token}
        if self._options.storage_class:
            attributes["Storage-Class"] = self._options.storage_class
        mode: Literal["create", "overwrite"] = "create" if conditions else "overwrite"
        answer = obstore.put(self._writing_store, key, data, attributes=attributes, mode=mode, use_multipart=False)
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
            # Some stores keep the promise for whole objects and not for those in parts
            self._publishing.demand_absent(key)
            self._publishing.publish(key, token, request, digests)

        return PartUpload(self._parts, key, self._extra(token), publish)

    def _extra(self, token: str) -> dict[str, Any]:
        options = self._options
        extra: dict[str, Any] = {"Metadata": {WRITER: token}, **self._locks.headers()}
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
