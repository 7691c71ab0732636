"""What small and large objects have in common on their way in: whose they are, that none replaces another, and that they arrived whole."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wrikebackup_core import AlreadyExists, SinkError
from wrikebackup_fsspec.gcs.crc import Crc
from wrikebackup_fsspec.gcs.faults import Errors, Refused, failed
from wrikebackup_fsspec.gcs.locks import NEEDS, Locks
from wrikebackup_fsspec.gcs.place import Place
from wrikebackup_fsspec.keys import is_fleeting
from wrikebackup_fsspec.options import GcsOptions

__all__ = ["CREATE_ONLY", "Claim", "Promises", "Writing"]

CREATE_ONLY = {"ifGenerationMatch": "0"}
TYPE = "application/octet-stream"
_WRITER = "wrikebackup-writer"  # metadata that tells one's own object from another's
_HEAD = (
    "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{resource}\r\n"
    "--{boundary}\r\nContent-Type: {type}\r\n\r\n"
)
# An upload that was completed is gone, or its object is there; to replace one is forbidden to who may not delete.
_IN_THE_WAY = {403, 404, 409, 410, 412}
_turns = [threading.Lock() for _ in range(64)]  # of all sinks of this program, by the hash of a key


@dataclass(slots=True)
class Promises:
    """What `prepare` found out: whether the store refuses to replace an object, sent whole (`small`) or in pieces (`large`), and
    whether a session can be asked where it stands. Google's own store keeps all three.
    """

    small: bool = True
    large: bool = True
    stands: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """A key and the mark of who is writing it."""

    key: str
    token: str = field(default_factory=lambda: secrets.token_hex(16))


class Writing:
    def __init__(self, place: Place, options: GcsOptions, locks: Locks) -> None:
        self.place, self.promises = place, Promises()
        self._locks = locks
        self._root = f"{options.prefix}/" if options.prefix else ""
        self._resource = {"contentType": TYPE} | (
            {"storageClass": options.storage_class} if options.storage_class else {}
        )
        self.query = CREATE_ONLY | ({"kmsKeyName": options.kms_key} if options.kms_key else {})

    def resource(self, claim: Claim, *, locked: bool = True) -> dict[str, Any]:
        """The metadata that a new object is to have."""
        lock = self._locks.lock() if locked and not self._is_fleeting(claim) else {}
        return {"name": claim.key, "metadata": {_WRITER: claim.token}, **self._resource, **lock}

    def put(self, claim: Claim, data: bytes, resource: Mapping[str, Any]) -> Mapping[str, Any]:
        """Sends a whole object with one request; returns what the store says of it. Raises AlreadyExists, SinkError."""
        crc = str(Crc(data))
        # Nobody who chose the data knows the boundary.
        boundary = secrets.token_hex(16)
        head = _HEAD.format(boundary=boundary, resource=json.dumps({**resource, "crc32c": crc}), type=TYPE).encode()
        body = (head, data, f"\r\n--{boundary}--\r\n".encode())
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        query = {"uploadType": "multipart", **self.query}
        wire = self.place.wire
        with self.alone(claim.key, kept=self.promises.small):
            try:
                found: Mapping[str, Any] = wire.patiently(
                    lambda: wire.ask("POST", self.place.uploads, query, headers=headers, body=body).json()
                )
            except Errors as error:
                found = self.refused(claim, error)
        self._compare(claim, found, crc, len(data))
        return found

    @contextlib.contextmanager
    def alone(self, key: str, *, kept: bool) -> Iterator[None]:
        """Sees to it that no object is replaced where the store does not (`kept`): looks first, and lets in one thread at a time of
        this program. Raises AlreadyExists, SinkError.
        """
        if kept:
            yield
            return
        with _turns[zlib.crc32(f"{self.place.name}/{key}".encode()) % len(_turns)]:
            if self.place.find(key, "name") is not None:
                raise AlreadyExists(f"{self.place.name}/{key} exists already")
            yield

    def refused(self, claim: Claim, error: Exception) -> Mapping[str, Any]:
        """The object, where the store refused it because it is there: a first try went through whose answer was lost. Raises
        AlreadyExists, SinkError.
        """
        found = self._in_the_way(claim, error)
        if found is not None and _is_of(found, claim):
            return found
        raise self._told(claim, error, found) from error

    def told(self, claim: Claim, error: Exception) -> SinkError:
        """The error to raise in place of one from which no object can have come."""
        return self._told(claim, error, self._in_the_way(claim, error))

    def _told(self, claim: Claim, error: Exception, found: Mapping[str, Any] | None) -> SinkError:
        name = f"{self.place.name}/{claim.key}"
        return failed(f"write {name}", error) if found is None else AlreadyExists(f"{name} exists already")

    def _in_the_way(self, claim: Claim, error: Exception) -> Mapping[str, Any] | None:
        possible = isinstance(error, Refused) and (error.status in _IN_THE_WAY or error.locked)
        return self._found(claim) if possible else None

    def _found(self, claim: Claim) -> Mapping[str, Any] | None:
        with contextlib.suppress(*Errors):
            return self.place.look(claim.key)
        return None

    def settle(self, claim: Claim, found: Mapping[str, Any], crc: str, size: int) -> None:
        """Compares what the store says that it holds. Raises SinkError, and takes away what is not as it should be."""
        self._compare(claim, found, crc, size)
        self.demand_lock(claim, found)

    def _compare(self, claim: Claim, found: Mapping[str, Any], crc: str, size: int) -> None:
        if found.get("crc32c") != crc or str(found.get("size")) != str(size):
            gone = self.withdraw(claim, found)
            raise SinkError(
                f"{self.place.name}/{claim.key}: the store does not hold what was sent{gone}", hint="try again"
            )

    def demand_lock(self, claim: Claim, found: Mapping[str, Any]) -> None:
        """Raises SinkError, and takes the object away, where the store locked nothing and should have."""
        if not self._is_fleeting(claim) and not self._locks.is_kept(found):
            gone = self.withdraw(claim, found)
            raise SinkError(f"{self.place.name}/{claim.key}: the store did not lock it{gone}", hint=NEEDS)

    def _is_fleeting(self, claim: Claim) -> bool:
        return is_fleeting(claim.key[len(self._root) :])

    def withdraw(self, claim: Claim, found: Mapping[str, Any]) -> str:
        """Deletes this very object, and no later one. Returns what to say where it cannot."""
        if not found.get("generation"):
            found = self._found(claim) or {}
            if not _is_of(found, claim):
                return ""
        try:
            self.place.delete(claim.key, str(found.get("generation", "")))
        except Errors:
            return ", and would not delete it"
        return ""


def _is_of(found: Mapping[str, Any], claim: Claim) -> bool:
    """Whether an object is the one that was written under this claim."""
    return bool(found.get("metadata", {}).get(_WRITER) == claim.token)
