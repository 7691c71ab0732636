"""Retentions of objects, and holds: what nobody can delete before its time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from wrikebackup_core import SinkError
from wrikebackup_fsspec.batches import each
from wrikebackup_fsspec.gcs.faults import Errors, Refused, failed
from wrikebackup_fsspec.gcs.place import Place
from wrikebackup_fsspec.options import GcsOptions

__all__ = ["NEEDS", "Locks"]

_FIELDS = "metageneration,retention,retentionExpirationTime,eventBasedHold,temporaryHold"
_RACES = 5  # times that somebody else may change an object's metadata just before we do
_MODES = {"locked": "Locked", "unlocked": "Unlocked"}
NEEDS = "lock_days needs a bucket that was created with object retention: `gcloud storage buckets create --enable-per-object-retention`"


class Locks:
    def __init__(self, place: Place, options: GcsOptions) -> None:
        self._place, self._days = place, options.lock_days
        self.mode = _MODES[options.lock_mode]

    def lock(self) -> dict[str, Any]:
        """What the metadata of a new object says of its lock."""
        return {} if self._days is None else self.lock_until(self._until(self._days))

    def lock_until(self, until: datetime) -> dict[str, Any]:
        return {"retention": _retention(self.mode, until)}

    def is_kept(self, found: Mapping[str, Any]) -> bool:
        """Whether the store took down the lock that the profile asks for."""
        return self._days is None or found.get("retention", {}).get("retainUntilTime") is not None

    def demand_possible(self) -> None:
        """Raises SinkError for a bucket that cannot lock; who may not ask is told by the objects."""
        if self._days is None:
            return
        wire = self._place.wire
        try:
            bucket = wire.patiently(lambda: wire.ask("GET", self._place.path, {"fields": "objectRetention"}).json())
        except Refused as error:
            if error.status == 403:
                return
            raise failed(f"use {self._place.name}", error) from error
        except Errors as error:
            raise failed(f"use {self._place.name}", error) from error
        if str(bucket.get("objectRetention", {}).get("mode", "")).lower() != "enabled":
            raise SinkError(f"{self._place.name} cannot lock objects", hint=NEEDS)

    def prolong(self, keys: Iterable[str]) -> None:
        if self._days is not None:
            days = self._days
            for _ in each(lambda key: self._prolong(key, days), keys):
                pass

    def _prolong(self, key: str, days: int) -> None:
        """Only ever later. Raises SinkError."""
        until = self._until(days)
        try:
            for last in (*[False] * (_RACES - 1), True):
                found = self._place.look(key, _FIELDS)
                if found is None:
                    return
                held = found.get("retention", {})
                if held.get("retainUntilTime") and _time(held["retainUntilTime"]) >= until:
                    return
                if self._set(key, found, held.get("mode"), until, last=last):
                    return
        except Errors as error:
            raise failed(f"lock {self._place.name}/{key}", error) from error

    def _set(self, key: str, found: Mapping[str, Any], held: str | None, until: datetime, *, last: bool) -> bool:
        """False where somebody changed the metadata since. Raises Lost, Refused, GoogleAuthError."""
        mode = "Locked" if held == "Locked" else self.mode
        query = {"ifMetagenerationMatch": str(found["metageneration"])} if "metageneration" in found else {}
        if held == "Unlocked" and mode == "Locked":
            query["overrideUnlockedRetention"] = "true"  # the store asks for it to make a lock stronger, too
        try:
            self._place.change(key, query, {"retention": _retention(mode, until)})
        except Refused as error:
            if error.status == 404 or (error.status == 412 and not last):
                return error.status == 404
            raise
        return True

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        now = datetime.now(UTC)
        return {key: until for key, until in each(lambda key: (key, self._end(key)), keys) if until and until > now}

    def _end(self, key: str) -> datetime | None:
        found = self._place.find(key, _FIELDS) or {}
        if found.get("eventBasedHold") or found.get("temporaryHold"):
            return datetime.max.replace(tzinfo=UTC)
        ends = (found.get("retention", {}).get("retainUntilTime"), found.get("retentionExpirationTime"))
        return max((_time(end) for end in ends if end), default=None)

    @staticmethod
    def _until(days: int) -> datetime:
        return datetime.now(UTC) + timedelta(days=days)


def _retention(mode: str, until: datetime) -> dict[str, str]:
    return {"mode": mode, "retainUntilTime": until.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def _time(text: str) -> datetime:
    """RFC 3339, with as many digits of a second as the store likes. Raises SinkError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SinkError(f"the store tells a time that is none: {text!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
