"""Which leases lie in an account's folder, and what is to be thought of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wrikebackup_core.engine.leases.bearer import is_gone
from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format.leases import Lease, generation_of, lease_folder, lease_key
from wrikebackup_core.ports import Sink
from wrikebackup_core.stored import chunks

__all__ = ["LASTS", "SKEW", "Lying", "at_work", "generations", "lying", "made_out", "now", "read"]

LASTS = timedelta(minutes=15)
"""How long a lease holds that is not renewed."""
SKEW = timedelta(minutes=5)
"""How far clocks of two hosts may differ without one taking a living run of the other for dead."""
_LONGEST = 64 << 10  # bytes


@dataclass(frozen=True, slots=True)
class Lying:
    """The newest lease of an account's folder: `lease` is None where it cannot be made out."""

    key: str
    data: bytes
    lease: Lease | None

    def is_over(self, now: datetime) -> bool:
        """Whether it says itself that nobody holds it any more: by then a living holder would have renewed it."""
        return self.lease is not None and (self.lease.released or now > self.lease.expires + SKEW)


def generations(sink: Sink, account: str) -> list[int]:
    """Of the leases that lie there, in ascending order. Raises SinkError."""
    found = (generation_of(account, entry.key) for entry in sink.list(lease_folder(account)))
    return sorted(number for number in found if number is not None)


def read(sink: Sink, account: str, generation: int) -> bytes | None:
    """A lease as it is stored; None where it is gone. Raises SinkError."""
    data = bytearray()
    try:
        for piece in chunks(sink, lease_key(account, generation)):
            data += piece
            if len(data) > _LONGEST:
                break  # whatever that is, it is no lease, and need not be read to its end
    except KeyNotFound:
        return None
    return bytes(data[:_LONGEST])


def made_out(account: str, generation: int, data: bytes) -> Lying:
    key = lease_key(account, generation)
    try:
        return Lying(key, data, Lease.decode(data, key))
    except FormatError:
        return Lying(key, data, None)


def lying(sink: Sink, account: str) -> Lying | None:
    """The newest lease; None where there is none. Raises SinkError."""
    for _ in range(3):  # it may be renewed meanwhile
        found = generations(sink, account)
        if not found:
            return None
        if (data := read(sink, account, found[-1])) is not None:
            return made_out(account, found[-1], data)
    return None


def at_work(sink: Sink, account: str) -> str | None:
    """One line on the run that has the account's lease now, as far as anybody can tell; None where there is none. Raises SinkError."""
    found = lying(sink, account)
    if found is None or found.lease is None or found.is_over(now()) or is_gone(found.lease):
        return None
    return f"{found.lease.who}, since {found.lease.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def now() -> datetime:
    return datetime.now(UTC)
