"""A bucket on a server, and the requests about one object that more than one part of the sink needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from wrikebackup_fsspec.gcs.faults import Errors, Refused, failed
from wrikebackup_fsspec.gcs.wire import Wire

__all__ = ["Place", "is_absent"]


FIELDS = "name,size,crc32c,generation,metadata,retention"


class Place:
    """`name` is for people: `gcs:acme-backups`."""

    def __init__(self, wire: Wire, bucket: str, name: str) -> None:
        self.wire, self.bucket, self.name = wire, bucket, name
        self.path = f"/storage/v1/b/{quote(bucket, safe='')}"
        self.uploads = f"/upload{self.path}/o"

    def object(self, key: str) -> str:
        return f"{self.path}/o/{quote(key, safe='')}"

    def find(self, key: str, fields: str = FIELDS) -> dict[str, Any] | None:
        """What the store says of the object; None where there is none. Raises SinkError."""
        try:
            return self.look(key, fields)
        except Errors as error:
            raise failed(f"look for {self.name}/{key}", error) from error

    def look(self, key: str, fields: str = FIELDS) -> dict[str, Any] | None:
        """The same. Raises Lost, Refused, GoogleAuthError."""
        query = {"fields": fields}
        try:
            return self.wire.patiently(lambda: self.wire.ask("GET", self.object(key), query).json())
        except Refused as error:
            if is_absent(error):
                return None
            raise

    def change(self, key: str, query: Mapping[str, str], resource: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Lost, Refused, GoogleAuthError."""
        body = json.dumps(resource).encode()
        headers = {"Content-Type": "application/json"}
        return self.wire.patiently(
            lambda: self.wire.ask("PATCH", self.object(key), query, headers=headers, body=[body]).json()
        )

    def delete(self, key: str, generation: str = "") -> None:
        """Fine where it is not there. Raises Lost, Refused, GoogleAuthError."""
        query = {"ifGenerationMatch": generation} if generation else None
        try:
            self.wire.patiently(lambda: self.wire.ask("DELETE", self.object(key), query, good=frozenset({200, 204})))
        except Refused as error:
            if not is_absent(error) and not (generation and error.status == 412):
                raise


def is_absent(error: Refused) -> bool:
    """Whether it is the object that is missing, and not, as far as the store says so, its bucket."""
    return error.status == 404 and "bucket does not exist" not in error.message
