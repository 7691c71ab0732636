"""What `wrikebackup doctor` asks of Google Cloud Storage alone."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta

from wrikebackup_core import Check, KeyLocked, SinkError
from wrikebackup_fsspec.gcs.faults import Errors, not_deleted
from wrikebackup_fsspec.gcs.locks import NEEDS, Locks
from wrikebackup_fsspec.gcs.place import Place
from wrikebackup_fsspec.gcs.signing import demand_signer
from wrikebackup_fsspec.gcs.writing import Claim, Writing

__all__ = ["link", "lock"]

_LOCK_SECONDS = 10


def link(place: Place) -> Check:
    try:
        demand_signer(place)
    except SinkError as error:
        return Check("links", None, error.message, hint=error.hint)
    return Check("links", True, "an address can be signed, for up to 7 days")


def lock(writing: Writing, locks: Locks, name: str) -> Check:
    """An object is locked for some seconds, and must be refused to whoever deletes it, until they are over."""
    until = datetime.now(UTC) + timedelta(seconds=_LOCK_SECONDS)
    claim = Claim(name)
    try:
        locks.demand_possible()
        writing.put(claim, b"", writing.resource(claim, locked=False) | locks.lock_until(until))
    except SinkError as error:
        return Check("lock", False, error.message, hint=error.hint or NEEDS)
    try:
        writing.place.delete(name)
    except Errors as error:
        if isinstance(refusal := not_deleted("a locked object", error), KeyLocked):
            return Check("lock", True, f"a locked object cannot be deleted ({locks.mode.lower()})")
        return Check("lock", None, refusal.message, hint=refusal.hint)
    finally:
        with contextlib.suppress(*Errors):
            time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds() + 1))
            writing.place.delete(name)
    return Check("lock", False, "a locked object could be deleted", hint=NEEDS)
