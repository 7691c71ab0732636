"""Whether a store can be told not to replace an object: the header for it is ignored by some, and refused by others."""

from __future__ import annotations

import contextlib
from typing import Any

from wrikebackup_core import AlreadyExists
from wrikebackup_fsspec.s3.faults import Errors, failed, status_of

__all__ = ["refuses_to_replace"]

_UNKNOWN_HEADER = {400, 405, 501}


def refuses_to_replace(client: Any, bucket: str, name: str) -> bool:
    """Writes a probe twice, and takes it away again. Raises what botocore raises where nothing can be written at all."""
    versions: list[str | None] = []

    def put(**conditions: str) -> None:
        answer = client.put_object(Bucket=bucket, Key=name, Body=b"probe", **conditions)
        versions.append(answer.get("VersionId"))

    try:
        try:
            put(IfNoneMatch="*")
        except Errors as error:
            if isinstance(
                failed("", error), AlreadyExists
            ):  # nobody else has the name: an answer was lost, and this is ours
                return True
            if status_of(error) not in _UNKNOWN_HEADER:
                raise
            put()
            return False
        try:
            put(IfNoneMatch="*")
        except Errors as error:
            if isinstance(failed("", error), AlreadyExists):
                return True
            raise
        return False
    finally:
        for version in versions or [
            None
        ]:  # where there are versions, each by its own: to delete the name would leave them
            with contextlib.suppress(*Errors):
                client.delete_object(Bucket=bucket, Key=name, **({"VersionId": version} if version else {}))
