"""What botocore is taught: to say what all stores understand, and to hear when what answers is no store at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.exceptions

from wrikebackup_fsspec.s3.digests import content_md5, digest
from wrikebackup_fsspec.s3.faults import ForeignAnswer

__all__ = ["speak_plainly"]

_CHECKED = ("DeleteObjects", "PutObjectRetention")  # S3 demands a checksum with them
_CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-")
_OF_LISTINGS = {"Name", "IsTruncated", "KeyCount", "MaxKeys"}  # each store says some of these, of an empty one too
_BLANK = b" \t\r\n\xef\xbb\xbf"
_ELSEWHERE = {301, 302, 303, 307, 308}
_PAGE = (b"<!doctype html", b"<html")


def speak_plainly(client: Any, address: str) -> None:
    """`address` is the bucket's, for errors."""
    for operation in _CHECKED:
        client.meta.events.register(f"before-sign.s3.{operation}", _send_md5)

    def overhear(response_dict: Mapping[str, Any], operation_model: Any, **_: Any) -> None:
        status, body = response_dict["status_code"], response_dict["body"]
        text = body[:1000].lstrip(_BLANK) if isinstance(body, bytes) else b""
        if status < 300 and text and (not text.startswith(b"<") or text.lower().startswith(_PAGE)):
            raise ForeignAnswer(address=address)
        if status in _ELSEWHERE and b"<Error" not in text and "x-amz-bucket-region" not in response_dict["headers"]:
            # Else botocore would ask for the bucket's region, be sent elsewhere again, and ask, until the stack is full.
            raise botocore.exceptions.ClientError(
                {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation_model.name
            )

    def a_listing(http_response: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        if http_response.status_code < 300 and parsed.keys().isdisjoint(_OF_LISTINGS):
            raise ForeignAnswer(address=address)

    # Widest first: botocore's own listeners would take what is no XML for a store in trouble, and ask it again.
    client.meta.events.register_first("before-parse.*.*", overhear)
    client.meta.events.register("after-call.s3.ListObjectsV2", a_listing)


def _send_md5(request: Any, **_: Any) -> None:
    """In the place of checksums that many stores do not know, and some refuse."""
    for name in list(request.headers):
        if name.lower().startswith(_CHECKSUMS):
            del request.headers[name]
    request.headers["Content-MD5"] = content_md5(digest(request.data))
