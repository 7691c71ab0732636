"""Reading a range of an object."""

from __future__ import annotations

import re
from typing import Any

import obstore
from obstore.store import S3Store

from wrikebackup_core import SinkError
from wrikebackup_fsspec.objects.bucket import Part
from wrikebackup_fsspec.s3.faults import Errors, code_of, failed, said, status_of

__all__ = ["Reading"]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_NOT_PARTIAL = "non-partial response"  # obstore's words for an answer that is not of status 206
_SKIP = 1 << 20


class Reading:
    def __init__(self, client: Any, store: S3Store, bucket: str, name: str) -> None:
        self._client, self._store, self._bucket, self._name = client, store, bucket, name
        self._partial = True

    def read(self, key: str, offset: int, length: int) -> Part:
        """Raises KeyNotFound, SinkError."""
        try:
            return self._ask(key, offset, length)
        except Errors as error:
            if status_of(error) != 416 and code_of(error) != "InvalidRange":
                raise self._failed(key, error) from error
        try:  # there is nothing from there on, as in every empty object
            return Part(memoryview(b""), obstore.head(self._store, key)["size"])
        except Errors as error:
            raise self._failed(key, error) from error

    def _ask(self, key: str, offset: int, length: int) -> Part:
        if self._partial:
            try:
                answer = obstore.get(self._store, key, options={"range": (offset, offset + length)})
                return Part(memoryview(answer.bytes()), answer.meta["size"])
            except Errors as error:
                if _NOT_PARTIAL not in str(error):
                    raise
            self._partial = False
        return self._ask_leniently(key, offset, length)

    def _ask_leniently(self, key: str, offset: int, length: int) -> Part:
        """Of stores that send a part as if it were the whole, or the whole when they are asked for a part."""
        answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}")
        body = answer["Body"]
        try:
            if found := _CONTENT_RANGE.fullmatch(answer.get("ContentRange", "")):
                if int(found[1]) != offset:
                    raise SinkError(f"{self._name}/{key}: the store sent other bytes than it was asked for")
                return Part(memoryview(body.read()), int(found[3]))
            said(answer, "ETag")  # a web page has none
            size = int(said(answer, "ContentLength"))
            while offset > 0 and (skipped := len(body.read(min(offset, _SKIP)))):
                offset -= skipped
            return Part(memoryview(body.read(length)), size)
        finally:
            body.close()

    def _failed(self, key: str, error: Exception) -> SinkError:
        return failed(f"read {self._name}/{key}", error, f"{self._name}/{key}")
