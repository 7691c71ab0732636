"""The rules that Google's documentation gives for buckets and objects, in memory: conditions, sessions, checksums, retentions, holds."""

from __future__ import annotations

import base64
import itertools
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import google_crc32c

__all__ = ["Bucket", "Object", "Refusal", "Session", "crc32c"]

QUANTUM = 256 << 10
_generations = itertools.count(1_700_000_000_000_000)


class Refusal(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def crc32c(data: bytes) -> str:
    make: Any = google_crc32c.Checksum
    return base64.b64encode(make(data).digest()).decode()


@dataclass
class Object:
    data: bytes
    resource: dict[str, Any]


@dataclass
class Session:
    """A resumable upload. `takes` is how many bytes of each piece stay, for a server that keeps less than it is sent."""

    resource: dict[str, Any]
    once: bool
    data: bytearray = field(default_factory=bytearray)
    done: Object | None = None


@dataclass
class Bucket:
    """With a `room` in bytes it can be full, which it says with `full`."""

    name: str
    retention: bool = False
    room: int | None = None
    full: Refusal = field(default_factory=lambda: Refusal(507, "", "Insufficient Storage."))
    objects: dict[str, Object] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: Any = field(default_factory=itertools.count)

    def store(self, resource: dict[str, Any], data: bytes, once: bool, crc: str | None) -> Object:
        if crc is not None and crc != crc32c(data):
            raise Refusal(400, "invalid", f'Provided CRC32C "{crc}" doesn\'t match calculated CRC32C "{crc32c(data)}".')
        with self.lock:
            self.demand_free(resource["name"], once)
            self._demand_retention(resource.get("retention"))
            self._demand_room(len(data))
            generation = str(next(_generations))
            told = {"bucket": self.name, "size": str(len(data)), "crc32c": crc32c(data), "generation": generation}
            found = Object(data, {**resource, **told, "metageneration": "1"})
            self.objects[resource["name"]] = found
            return found

    def demand_free(self, name: str, once: bool) -> None:
        if name in self.objects:
            if once:
                raise Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
            self._demand_unlocked(name)

    def find(self, name: str) -> Object:
        try:
            return self.objects[name]
        except KeyError:
            raise Refusal(404, "notFound", f"No such object: {self.name}/{name}") from None

    def delete(self, name: str, generation: str | None) -> None:
        with self.lock:
            found = self.find(name)
            if generation not in (None, found.resource["generation"]):
                raise Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
            self._demand_unlocked(name)
            del self.objects[name]

    def patch(self, name: str, change: dict[str, Any], metageneration: str | None, override: bool) -> Object:
        with self.lock:
            resource = self.find(name).resource
            if metageneration not in (None, resource["metageneration"]):
                raise Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
            if "retention" in change:
                self._demand_retention(change["retention"])
                self._demand_stronger(resource.get("retention"), change["retention"], override)
            resource.update(change)
            resource["metageneration"] = str(int(resource["metageneration"]) + 1)
            return self.objects[name]

    def begin(self, resource: dict[str, Any], once: bool) -> str:
        with self.lock:
            self.demand_free(resource["name"], once)
            self._demand_retention(resource.get("retention"))
            identifier = f"session-{next(self._numbers)}"
            self.sessions[identifier] = Session(resource, once)
            return identifier

    def add(self, identifier: str, data: bytes, content_range: str, crc: str | None) -> Session:
        """Takes a piece, the last one too, or a question where the session stands."""
        with self.lock:
            session = self.sessions.get(identifier)
            if session is None:
                raise Refusal(404, "notFound", "The upload session does not exist.")
            found = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", content_range)
            if found is None:
                raise Refusal(400, "invalid", f"Invalid Content-Range: {content_range}")
            if session.done is not None:
                return session
            if found[1] is not None:
                start = int(found[1])
                if start > len(session.data):
                    raise Refusal(503, "backendError", "Invalid request: bytes are missing.")
                fresh = data[len(session.data) - start :]
                if found[3] == "*":
                    fresh = fresh[: (len(session.data) + len(fresh)) // QUANTUM * QUANTUM - len(session.data)]
                self._demand_room(len(session.data) + len(fresh))
                session.data += fresh
            if found[3] != "*" and len(session.data) == int(found[3]):
                session.done = self.store(session.resource, bytes(session.data), session.once, crc)
            return session

    def cancel(self, identifier: str) -> None:
        with self.lock:
            self.sessions.pop(identifier, None)

    def _demand_room(self, size: int) -> None:
        if self.room is not None and sum(len(found.data) for found in self.objects.values()) + size > self.room:
            raise self.full

    def _demand_retention(self, retention: dict[str, str] | None) -> None:
        if retention is None:
            return
        if not self.retention:
            raise Refusal(400, "invalid", "Object retention is not enabled on the bucket.")
        if _time(retention["retainUntilTime"]) <= datetime.now(UTC):
            raise Refusal(400, "invalid", "The retention time must be in the future.")

    def _demand_stronger(self, old: dict[str, str] | None, new: dict[str, str] | None, override: bool) -> None:
        if old is None:
            return
        shorter = new is None or _time(new["retainUntilTime"]) < _time(old["retainUntilTime"])
        if old["mode"] == "Locked" and (shorter or (new or {}).get("mode") != "Locked"):
            raise Refusal(403, "forbidden", "A locked retention cannot be shortened, removed or unlocked.")
        changed = old["mode"] == "Unlocked" and (shorter or (new or {}).get("mode") != "Unlocked")
        if changed and not override:
            raise Refusal(403, "forbidden", "overrideUnlockedRetention must be true for this change of a retention.")

    def _demand_unlocked(self, name: str) -> None:
        resource = self.objects[name].resource
        for hold, words in (("eventBasedHold", "Event-Based"), ("temporaryHold", "Temporary")):
            if resource.get(hold):
                message = (
                    f"Object '{self.name}/{name}' is under active {words} hold and cannot be deleted or overwritten."
                )
                raise Refusal(403, "objectUnderActiveHold", message)
        ends = (resource.get("retention", {}).get("retainUntilTime"), resource.get("retentionExpirationTime"))
        for end in filter(None, ends):
            if _time(end) > datetime.now(UTC):
                message = f"Object '{self.name}/{name}' is subject to a retention and cannot be deleted until {end}."
                raise Refusal(403, "retentionPolicyNotMet", message)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
