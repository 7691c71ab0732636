"""What botocore is taught: to say what all stores understand, and to hear when what answers is no store at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wrikebackup_fsspec.s3.digests import content_md5, digest
from wrikebackup_fsspec.s3.faults import ForeignAnswer

__all__ = ["speak_plainly"]

_CHECKED = ("DeleteObjects", "PutObjectRetention")  # S3 demands a checksum with them
_CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-")
_OF_LISTINGS = {"Name", "IsTruncated", "KeyCount", "MaxKeys"}  # each store says some of these, of an empty one too
_PAGE = (b"<!doctype html", b"<html")


def speak_plainly(client: Any, address: str) -> None:
    """`address` is the bucket's, for errors."""
    for operation in _CHECKED:
        client.meta.events.register(f"before-sign.s3.{operation}", _send_md5)

    def no_page(response_dict: Mapping[str, Any], **_: Any) -> None:
        body = response_dict["body"]
        is_page = isinstance(body, bytes) and body[:1000].lstrip().lower().startswith(_PAGE)
        if is_page and response_dict["status_code"] < 400:
            raise ForeignAnswer(address=address)

    def a_listing(http_response: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        if http_response.status_code < 300 and parsed.keys().isdisjoint(_OF_LISTINGS):
            raise ForeignAnswer(address=address)

    client.meta.events.register("before-parse.s3", no_page)
    client.meta.events.register("after-call.s3.ListObjectsV2", a_listing)


def _send_md5(request: Any, **_: Any) -> None:
    """In the place of checksums that many stores do not know, and some refuse."""
    for name in list(request.headers):
        if name.lower().startswith(_CHECKSUMS):
            del request.headers[name]
    request.headers["Content-MD5"] = content_md5(digest(request.data))
