"""From a sink that holds the bytes: what one sink of a run lacks and another one holds is copied, and the source is not asked.

Copied are the stored bytes as they are, encoded already, and only if they have the length and the SHA-256 that the holder's checksums
say: else the next holder is asked, and in the end the source.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.fanout import NobodyWants
from wrikebackup_core.engine.object_locks import until
from wrikebackup_core.errors import KeyLocked, KeyNotFound, SinkError
from wrikebackup_core.journal import Origin, StoredObject
from wrikebackup_core.ledger import Wanted
from wrikebackup_core.model import FileProgress, Message
from wrikebackup_core.ports import Locking, waits
from wrikebackup_core.stored import chunks

__all__ = ["Copied", "Holders"]

_HOPELESS = 25  # failures in a row, without any success, that say it is not the objects but the store

Desk = Callable[[bool], contextlib.AbstractContextManager[object]]
"""What storing a file may have to wait for, given whether all of it is here already."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one file: its bytes, None where no holder could give it; and holders whose own copy is no good."""

    size: int | None
    bad: Sequence[StoredObject] = ()


class _Unusable(Exception):
    """What a holder has is not to be had; `bad` where it is not the object that it should be."""

    def __init__(self, reason: str, *, bad: bool = False) -> None:
        super().__init__(reason)
        self.bad = bad


class Holders:
    """The sinks of a run as sources for each other. Safe from any thread. Only those that are still in the run are asked."""

    def __init__(self, attempt: Attempt, desk: Desk) -> None:
        self._attempt, self._desk = attempt, desk
        self._fan, self._ledger = attempt.fan, attempt.ledger
        self._in_vain = Counter[int]()
        self._lock = threading.Lock()
        self.given = Counter[int]()
        """How many files each sink gave to others."""

    def copy(self, wanted: Wanted) -> Copied:
        """Brings a file to the sinks that lack it. A holder that fails is warned of. Raises NobodyWants, SinkError as writers do."""
        bad: list[StoredObject] = []
        for held in self._holding(wanted):
            try:
                size = self._copy(held, wanted, wanted.sinks)
            except _Unusable as error:
                if error.bad:
                    bad.append(held)
                self._failed(held, error)
            except NobodyWants:
                self.give_up(bad)
                raise
            else:
                self._gave(held.sink)
                return Copied(size, bad)
        return Copied(None, bad)

    def mend(self, wanted: Wanted, bad: Sequence[StoredObject]) -> None:
        """Puts right what holders had of a file that the run has brought to others meanwhile.

        Only by exactly the bytes that their checksums promise, so that older backups gain by it too; what cannot be put right so is
        a gap of that sink's backup.
        """
        for held in bad:
            if held.sink in self._fan.live:
                with contextlib.suppress(NobodyWants):  # the sink was dropped on the way
                    self._mend(held, wanted)

    def give_up(self, bad: Sequence[StoredObject]) -> None:
        """Where nothing came with which a holder's own copy could be put right, it is a gap of that sink's backup."""
        for held in bad:
            self._bar(held, "nothing else was stored")

    def _holding(self, wanted: Wanted) -> list[StoredObject]:
        """Those that can be asked: first those whose bytes a checksum vouches for, and that wait for nobody."""
        live = dict(self._fan.live)  # another thread may drop one
        found = (self._ledger.find(number, wanted.key) for number in wanted.holders if number in live)
        usable = [held for held in found if held is not None and self._in_vain[held.sink] < _HOPELESS]
        return sorted(usable, key=lambda held: (held.origin is Origin.ADOPTED, waits(live[held.sink])))

    def _copy(self, held: StoredObject, wanted: Wanted, numbers: Sequence[int]) -> int:
        with contextlib.closing(self._pieces(held)) as pieces:
            first = next(pieces, b"")  # before anything is created: most of what fails, fails here
            with self._desk(len(first) == held.size):
                return self._write(held, wanted, numbers, chain([first], pieces))

    def _write(self, held: StoredObject, wanted: Wanted, numbers: Sequence[int], pieces: Iterable[bytes]) -> int:
        writer, copied = self._fan.copier(wanted.key, numbers), 0
        try:
            for piece in pieces:
                writer.write(piece)
                copied += len(piece)
                if copied < held.size:
                    self._attempt.notify(FileProgress(wanted.file, copied))
                elif copied > held.size:
                    break
            if (copied, writer.sha256) != (held.size, held.sha256):
                raise _Unusable("not the bytes that its checksum says", bad=True)  # noqa: TRY301 - discarded as after any other
        except BaseException:
            writer.discard()
            raise
        writer.commit()
        return copied

    def _pieces(self, held: StoredObject) -> Generator[bytes]:
        """What fails here fails at the holder, not at the sinks that are written to."""
        sink = self._fan.live.get(held.sink)
        if sink is None:
            raise _Unusable("the sink takes no further part")
        try:
            yield from chunks(sink, self._fan.path(held.key))
        except KeyNotFound:
            self._ledger.forget(held.sink, held.key)
            raise _Unusable("it is not there any more", bad=True) from None
        except SinkError as error:
            raise _Unusable(error.message.removeprefix(f"{sink.name}: ")) from error

    def _mend(self, held: StoredObject, wanted: Wanted) -> None:
        brought = (self._ledger.find(number, held.key) for number in wanted.sinks)
        good = [one for one in brought if one and one.sink in self._fan.live]
        if self._ledger.find(held.sink, held.key) is not None:  # it is still there
            good = [one for one in good if (one.sha256, one.size) == (held.sha256, held.size)]
            if not good:
                self._bar(held, "nothing that was stored now has the checksum that it should have")
                return
            if not self._removed(held):
                return
        for one in good:
            try:
                self._copy(one, wanted, [held.sink])
            except _Unusable as error:
                self._failed(one, error)
            else:
                return

    def _removed(self, held: StoredObject) -> bool:
        sink, path = self._fan.live.get(held.sink), self._fan.path(held.key)
        if sink is None:
            return False
        try:
            sink.delete([path])
        except KeyLocked:
            end = sink.locked([path]).get(path) if isinstance(sink, Locking) else None
            self._bar(held, f"it is locked {until(end)}")
            return False
        except SinkError as error:
            self._fan.drop(held.sink, error)
            return False
        self._ledger.forget(held.sink, held.key)
        return True

    def _bar(self, held: StoredObject, reason: str) -> None:
        self._attempt.fan.bar(held.sink, held.key, f"what is stored is damaged, and stays so: {reason}")

    def _failed(self, held: StoredObject, error: _Unusable) -> None:
        name = self._fan.name(held.sink)
        self._warn(f"{name}: {held.key} cannot be copied from there: {error}")
        if error.bad:
            return
        with self._lock:
            self._in_vain[held.sink] += 1
            hopeless = self._in_vain[held.sink] == _HOPELESS
        if hopeless:
            self._warn(f"{name}: nothing more is copied from there")

    def _gave(self, number: int) -> None:
        with self._lock:
            self._in_vain[number] = 0
            self.given[number] += 1

    def _warn(self, text: str) -> None:
        self._attempt.notify(Message(text, warning=True))
