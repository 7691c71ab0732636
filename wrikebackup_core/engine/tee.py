"""One stream of bytes into several sinks at once, none of which holds up the others."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from wrikebackup_core.errors import AlreadyExists, SinkError
from wrikebackup_core.ports import Sink, Writer

__all__ = ["TROUBLE", "Tee"]

TROUBLE = (SinkError, OSError)
"""What a sink raises; the second is what a plugin may let slip."""

_Place = TypeVar("_Place")


class Tee(Generic[_Place]):
    """Writers of one key. What it counts and hashes is what is stored.

    A sink that fails is told to `lost` and takes no further part. `taken` are those where the key turned out to be there already.
    """

    def __init__(self, key: str, sinks: Mapping[_Place, Sink], lost: Callable[[_Place, Exception], None]) -> None:
        self._lost = lost
        self._hash = hashlib.sha256()
        self._writers: dict[_Place, Writer] = {}
        self.size = 0
        self.taken: dict[_Place, AlreadyExists] = {}
        for place, sink in sinks.items():
            try:
                self._writers[place] = sink.create(key)
            except AlreadyExists as error:
                self.taken[place] = error
            except TROUBLE as error:
                lost(place, error)

    @property
    def sha256(self) -> str:
        """In hex, of what was written so far."""
        return self._hash.hexdigest()

    @property
    def places(self) -> list[_Place]:
        """Those that are written to."""
        return list(self._writers)

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._hash.update(data)
        for place, writer in list(self._writers.items()):
            try:
                writer.write(data)
            except TROUBLE as error:
                self._give_up(place)
                self._lost(place, error)
        self.size += len(data)
        return len(data)

    def commit(self) -> Iterator[_Place]:
        """One sink after the other; those that have the object now."""
        for place, writer in list(self._writers.items()):
            try:
                writer.commit()
            except AlreadyExists as error:
                self._give_up(place)
                self.taken[place] = error
            except TROUBLE as error:
                self._give_up(place)
                self._lost(place, error)
            else:
                del self._writers[place]
                yield place

    def discard(self) -> None:
        for place in self.places:
            self._give_up(place)

    def _give_up(self, place: _Place) -> None:
        with contextlib.suppress(*TROUBLE):
            self._writers.pop(place).discard()
