"""Deleting objects, and uploads that nobody will complete.

With Object Lock every object has versions, and to delete one by its name only hides it behind a marker, locked or not. There each
version is deleted, unless one is locked: then the object stays as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from wrikebackup_core import KeyLocked, SinkError
from wrikebackup_fsspec.batches import each
from wrikebackup_fsspec.s3.faults import Errors, code_of, failed, said, status_of
from wrikebackup_fsspec.s3.locks import Locks, in_words

__all__ = ["Deleting"]

_log = logging.getLogger(__name__)
_GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404"}
# How stores answer that cannot delete many objects with one request, or want another checksum with it than botocore sends.
_ONE_BY_ONE = {
    "NotImplemented",
    "MethodNotAllowed",
    "MissingContentMD5",
    "InvalidRequest",
    "InvalidDigest",
    "MalformedXML",
    "InvalidArgument",
}


class Deleting:
    def __init__(self, client: Any, bucket: str, name: str, locks: Locks) -> None:
        self._client, self._bucket, self._name, self._locks = client, bucket, name, locks

    def delete(self, keys: Sequence[str]) -> None:
        """Goes on past an object that cannot go, and then raises KeyLocked or another SinkError."""
        if not keys:
            return
        if self._locks.possible:
            self._each(self._delete_versions, keys)
            return
        try:
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        except Errors as error:
            if code_of(error) not in _ONE_BY_ONE and status_of(error) not in (405, 501):
                raise failed(f"delete objects of {self._name}", error) from error
            self._each(self._delete_one, keys)
        else:
            self._demand_none(answer.get("Errors", ()))

    def _demand_none(self, refusals: Sequence[dict[str, str]]) -> None:
        """What was refused is in an answer that is otherwise a success."""
        for refusal in refusals:
            if (code := refusal.get("Code", "")) not in _GONE:
                reason = refusal.get("Message") or "the store gives no reason"
                raise SinkError(
                    f"cannot delete {self._name}/{refusal.get('Key', '')}: {reason} ({code})",
                    hint="the key needs s3:DeleteObject here" if code == "AccessDenied" else None,
                )

    def _delete_one(self, key: str, version: str | None = None) -> None:
        which = {"VersionId": version} if version else {}
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key, **which)
        except Errors as error:
            if code_of(error) not in _GONE:
                raise failed(f"delete {self._name}/{key}", error) from error

    def _delete_versions(self, key: str) -> None:
        versions, markers = self._versions(key)
        for version in versions:
            until = self._locks.locked_until(key, version)
            if until is not None and self._locks.is_locked(until):
                raise KeyLocked(
                    f"cannot delete {self._name}/{key}: it is locked {in_words(until)}", hint="it can go after that"
                )
        for version in (*versions, *markers):
            self._delete_one(key, version)

    def _versions(self, key: str) -> tuple[list[str], list[str]]:
        """Ids of an object's versions, and of the markers that hide it."""
        versions, markers = list[str](), list[str]()
        try:
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key):
                versions += (said(one, "VersionId") for one in page.get("Versions", ()) if said(one, "Key") == key)
                markers += (said(one, "VersionId") for one in page.get("DeleteMarkers", ()) if said(one, "Key") == key)
        except Errors as error:
            raise failed(f"list the versions of {self._name}/{key}", error) from error
        return versions, markers

    def end_uploads(self, prefix: str) -> None:
        """Ends uploads in parts below `prefix`: their parts are paid for, and no listing shows them. Raises SinkError."""
        try:
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
            found = [(said(one, "Key"), said(one, "UploadId")) for page in pages for one in page.get("Uploads", ())]
        except Errors as error:
            if code_of(error) in _GONE:
                return
            if code_of(error) in (*_ONE_BY_ONE, "AccessDenied") or status_of(error) in (405, 501):
                _log.warning("%s: whether uploads were left unfinished cannot be told: %s", self._name, code_of(error))
                return
            raise failed(f"list the unfinished uploads of {self._name}", error) from error
        self._each(self._end_upload, [one for one in found if one[0].startswith(prefix)])

    def _end_upload(self, upload: tuple[str, str]) -> None:
        key, number = upload
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=number)
        except Errors as error:
            if code_of(error) not in _GONE:
                raise failed(f"end the upload of {self._name}/{key}", error) from error

    def _each(self, act: Callable[[Any], None], items: Sequence[Any]) -> None:
        """Many at a time, past those that fail. Raises the first SinkError, one of a lock only if there is no other."""
        refused: list[SinkError] = []

        def attempt(item: Any) -> None:
            try:
                act(item)
            except SinkError as error:
                refused.append(error)

        for _ in each(attempt, items):
            pass
        if refused:
            raise min(refused, key=lambda error: isinstance(error, KeyLocked))
