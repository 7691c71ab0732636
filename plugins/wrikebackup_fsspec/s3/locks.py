"""S3 Object Lock: a store that refuses, until a date, to delete a version of an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from wrikebackup_core import SinkError
from wrikebackup_fsspec.batches import each
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.faults import Errors, code_of, failed

__all__ = ["Locks", "in_words"]

# What stores say when there is no lock to tell of, or no such thing in the whole store.
_NO_LOCK = {
    "NoSuchObjectLockConfiguration",
    "NoSuchObjectLegalHold",  # SeaweedFS
    "ObjectLockConfigurationNotFoundError",
    "InvalidRequest",
    "NotImplemented",
    "MethodNotAllowed",
    "NoSuchKey",
    "404",
    "405",
    "501",
}


class Locks:
    """The locks that a profile asks for. Without `lock_days` none is set, but those that are there are seen."""

    def __init__(self, client: Any, bucket: str, name: str, options: S3Options) -> None:
        self._client, self._bucket, self._name = client, bucket, name
        self._days, self._mode = options.lock_days, options.lock_mode.upper()
        self._possible: bool | None = None

    @property
    def wanted(self) -> bool:
        return self._days is not None

    def headers(self) -> dict[str, Any]:
        """What a request that makes an object says besides."""
        if self._days is None:
            return {}
        return {"ObjectLockMode": self._mode, "ObjectLockRetainUntilDate": self._until()}

    def _until(self) -> datetime:
        assert self._days is not None
        return datetime.now(UTC) + timedelta(days=self._days)

    @property
    def possible(self) -> bool:
        """Whether the bucket can lock anything; asked once."""
        if self._possible is None:
            try:
                answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
            except Errors as error:
                if code_of(error) not in _NO_LOCK | {"AccessDenied"}:
                    raise failed(f"ask for the locks of {self._name}", error) from error
                # Whoever may not ask has to be told by the objects themselves, if it was locks that the profile asked for.
                self._possible = self.wanted and code_of(error) == "AccessDenied"
            else:
                self._possible = answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        return self._possible

    def demand(self) -> None:
        """Raises SinkError where the profile wants locks and the bucket is known to have none."""
        if self.wanted and not self.possible:
            hint = "make a bucket with Object Lock, or leave lock_days out"
            raise SinkError(f"{self._name}: lock_days needs Object Lock, which the bucket does not have", hint=hint)

    def prolong(self, keys: Iterable[str]) -> None:
        if self._days is None:
            return
        for _ in each(self._prolong, keys):
            pass

    def _prolong(self, key: str) -> None:
        until = self._until()
        retention = {"Mode": self._mode, "RetainUntilDate": until}
        try:
            self._client.put_object_retention(Bucket=self._bucket, Key=key, Retention=retention)
        except Errors as error:
            if code_of(error) in ("NoSuchKey", "404"):
                return
            held = self._retained(key)
            if held is None or held < until:  # else it is locked for longer, which nobody may shorten
                raise failed(f"lock {self._name}/{key}", error) from error

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        if not self.possible:
            return {}
        found = each(lambda key: (key, self.locked_until(key)), keys)
        return {key: until for key, until in found if until is not None and self.is_locked(until)}

    @staticmethod
    def is_locked(until: datetime) -> bool:
        return until > datetime.now(UTC)

    def locked_until(self, key: str, version: str | None = None) -> datetime | None:
        """Until when the newest version, or the one that is named, cannot be deleted. Raises SinkError."""
        try:
            hold = self._client.get_object_legal_hold(**self._version(key, version))
            if hold.get("LegalHold", {}).get("Status") == "ON":
                return datetime.max.replace(tzinfo=UTC)
        except Errors as error:
            if code_of(error) not in _NO_LOCK | {"AccessDenied"}:
                raise failed(f"ask for the lock of {self._name}/{key}", error) from error
        return self._retained(key, version)

    def _version(self, key: str, version: str | None) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key} | ({"VersionId": version} if version else {})

    def _retained(self, key: str, version: str | None = None) -> datetime | None:
        try:
            answer = self._client.get_object_retention(**self._version(key, version))
        except Errors as error:
            if code_of(error) in _NO_LOCK:
                return None
            raise failed(f"ask for the lock of {self._name}/{key}", error) from error
        until: datetime | None = answer.get("Retention", {}).get("RetainUntilDate")
        return until


def in_words(until: datetime) -> str:
    """`until 2027-01-31`, for messages."""
    return "without an end" if until.year == 9999 else f"until {until:%Y-%m-%d %H:%M} UTC"
