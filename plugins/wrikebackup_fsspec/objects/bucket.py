"""What an object store must be able to, to be a sink."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wrikebackup_core import Check, Entry

__all__ = ["PIECE", "Bucket", "Part", "Upload"]

PIECE = 8 << 20  # bytes; up to this size an object is sent with one request, and no store's pieces may be below 5 MiB


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an object and the size of the whole."""

    data: memoryview
    size: int


class Upload(Protocol):
    """An object on its way in pieces. One thread at a time."""

    def send(self, piece: bytes) -> int:
        """Takes the next piece, which is not the last; returns how large the one after it shall be. May send it behind the caller's
        back, but never holds more than a few. Raises SinkError, also for a piece before.
        """

    def complete(self, rest: bytes) -> None:
        """Sends the last piece; the object exists from here on. Raises AlreadyExists, SinkError."""

    def abort(self) -> None:
        """Nothing of it stays in the store, unless it was completed. Never raises; may be called more than once."""


class Bucket(Protocol):
    """A bucket. Keys are whole names of objects, the sink's prefix included. Safe from any thread."""

    @property
    def name(self) -> str:
        """Kind and place, for people: `s3:acme-backups`."""

    @property
    def conditional(self) -> bool:
        """Whether the store itself refuses to replace an object with one that is sent whole, as far as `prepare` has found out."""

    @property
    def conditional_in_pieces(self) -> bool:
        """The same for one that is sent in pieces."""

    def prepare(self) -> None:
        """Called ahead of the first object: finds out, by trying, whether one can be written and what the store promises. Raises
        SinkError.
        """

    def put(self, key: str, data: bytes) -> None:
        """The whole object at once. Raises AlreadyExists, SinkError."""

    def begin(self, key: str) -> Upload:
        """Raises SinkError, and AlreadyExists here already where the store says so."""

    def read(self, key: str, offset: int, length: int) -> Part:
        """Up to `length` bytes from `offset` on; none at the object's end. Raises KeyNotFound, SinkError."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects whose names start with `prefix`. Raises SinkError."""

    def folders(self, prefix: str) -> Iterator[str]:
        """What follows `prefix` in names, up to the next slash, where there is one; each once. Raises SinkError."""

    def delete(self, keys: Sequence[str]) -> None:
        """Up to a thousand. Those that are not there are fine. Raises SinkError when any is still there, KeyLocked when by a lock."""

    def sweep(self, prefix: str) -> None:
        """Ends uploads below `prefix` that nobody completed. Raises SinkError."""

    def prolong(self, keys: Iterable[str]) -> None:
        """See `wrikebackup_core.Locking`."""

    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        """See `wrikebackup_core.Locking`."""

    def sign(self, key: str, seconds: int) -> str:
        """See `wrikebackup_core.Signing`."""

    def without_locks(self) -> Bucket:
        """The same bucket, in which objects are not locked: for those that are only there to try things out."""

    def checks(self, prefix: str) -> Iterator[Check]:
        """What only this kind of store can be asked; `prefix` is the sink's own, with a slash at its end."""

    def close(self) -> None: ...
