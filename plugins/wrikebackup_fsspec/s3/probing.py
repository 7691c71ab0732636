"""What a store promises, found out by trying: headers are ignored by some, refused by others, and demanded by a few."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import Any

from wrikebackup_core import AlreadyExists
from wrikebackup_fsspec.s3.digests import content_md5, digest
from wrikebackup_fsspec.s3.faults import Errors, failed, said, status_of

__all__ = ["Promises", "promises_of", "refuses_parts"]

_UNKNOWN_HEADER = {400, 405, 501}
_BODY = b"probe"
_MD5 = content_md5(digest(_BODY))


@dataclass(frozen=True, slots=True)
class Promises:
    """`conditional`: the store can be told not to replace an object. `digested`: it takes one only with its Content-MD5, as S3 does where
    a bucket locks everything by default.
    """

    conditional: bool = True
    digested: bool = False


def promises_of(client: Any, bucket: str, name: str) -> Promises:
    """Writes a probe twice, and takes it away again. Raises one of `Errors` where nothing can be written at all."""
    probe = _Probe(client, bucket, name)
    try:
        promises = _first(probe)
        return Promises(promises.conditional and not probe.put(promises), promises.digested)
    finally:
        probe.remove()


def _first(probe: _Probe) -> Promises:
    """The most that the store can be told, by which a probe was written."""
    refusal: Exception | None = None
    for conditional, digested in itertools.product((True, False), (False, True)):
        promises = Promises(conditional, digested)
        try:
            probe.put(promises)
        except Errors as error:
            if status_of(error) not in _UNKNOWN_HEADER:
                raise
            refusal = error
        else:
            return promises
    assert refusal is not None
    raise refusal


def refuses_parts(client: Any, bucket: str, name: str, promises: Promises) -> bool:
    """Whether one that is sent in parts cannot replace an object either: not all stores that know conditions know them there too. Raises
    one of `Errors`.
    """
    probe = _Probe(client, bucket, name)
    try:
        probe.put(promises)
        return not probe.put_in_parts()
    finally:
        probe.remove()


class _Probe:
    """An object of a name that nobody else has."""

    def __init__(self, client: Any, bucket: str, name: str) -> None:
        self._client, self._which = client, {"Bucket": bucket, "Key": name}
        self._versions: list[str | None] = []

    def put(self, promises: Promises) -> bool:
        """Whether it was written; not where the store refused because it is there, by an earlier request whose answer may be lost."""
        extra = {"ContentMD5": _MD5} if promises.digested else {}
        if promises.conditional:
            extra["IfNoneMatch"] = "*"
        return self._made(lambda: self._client.put_object(**self._which, Body=_BODY, **extra))

    def put_in_parts(self) -> bool:
        upload = {**self._which, "UploadId": said(self._client.create_multipart_upload(**self._which), "UploadId")}
        try:
            part = self._client.upload_part(**upload, PartNumber=1, Body=_BODY, ContentMD5=_MD5)
            parts = {"Parts": [{"PartNumber": 1, "ETag": said(part, "ETag")}]}
            return self._made(
                lambda: self._client.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")
            )
        finally:
            with contextlib.suppress(*Errors):
                self._client.abort_multipart_upload(**upload)

    def _made(self, request: Any) -> bool:
        try:
            answer = request()
        except Errors as error:
            if isinstance(failed("", error), AlreadyExists):
                return False
            raise
        said(answer, "ETag")
        self._versions.append(answer.get("VersionId"))
        return True

    def remove(self) -> None:
        """Where there are versions, each by its own: to delete the name would leave them. A lock of the bucket's own keeps it."""
        for version in self._versions or [None]:
            with contextlib.suppress(*Errors):
                self._client.delete_object(**self._which, **({"VersionId": version} if version else {}))
