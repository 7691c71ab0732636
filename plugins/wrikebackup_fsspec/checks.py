"""What `wrikebackup doctor` asks of a store: a setting only claims it, so each promise is tried, with objects of our own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass

from wrikebackup_core import AlreadyExists, Check, KeyLocked, KeyNotFound, Sink, SinkError

__all__ = ["Promised", "checks", "demand_names"]

_PAYLOAD = b"wrikebackup checks whether it can write here\n"
_SMALL, _OTHER = "object", "other"
_AWKWARD = "100%25 %2F;a=b+c&d#e[f]\u00fc"

Answer = tuple[bool | None, str] | tuple[bool | None, str, str]


@dataclass(frozen=True, slots=True)
class Promised:
    """How a store keeps objects from being replaced, as a sink knows it once it has written.

    `by_store` says whether the store itself refuses, of objects sent whole (False) and in pieces (True), and None where nobody knows;
    unless it does, this program looks first. `pieces` is how many bytes are sent whole at most; None where no object is sent in pieces.
    """

    by_store: Callable[[bool], bool | None]
    pieces: int | None = None
    way: Callable[[], str] = lambda: ""


def checks(sink: Sink, probe: Sink, promised: Promised) -> Generator[Check, None, bool]:
    """One Check after the other: of `sink`, whether it can be reached, and the rest of `probe`, an empty sink in the same place that
    nobody else knows. Returns whether it can be written to. Never raises for a check that fails, and takes away what it wrote.
    """
    check = _answer("reachable", lambda: _reachable(sink))
    yield check
    if not check.ok:
        return False
    asked = _Checks(probe, promised)
    try:
        check = _answer("writable", asked.writable)
        yield check
        if not check.ok:
            return False
        yield _answer("listed at once", asked.listed)
        yield _answer("names kept", asked.named)
        yield _answer("whole or absent", asked.whole)
        yield _answer("written once", asked.once)
        if promised.pieces is not None:
            yield _answer("large ones once", asked.large_once)
        yield _answer("deleted", asked.deleted)
        return True
    finally:
        asked.clear()


def demand_names(probe: Sink) -> None:
    """Raises SinkError for a store that makes others of names, as those do whose library does not escape them: what it is given is
    lost, although it says that it has it. `probe` has nothing else in it.
    """
    listed: list[str] = []
    try:
        _put(probe, _AWKWARD, _PAYLOAD)
        listed = [entry.key for entry in probe.list("") if entry.key not in (_SMALL, _OTHER)]
    finally:
        with contextlib.suppress(SinkError):
            probe.delete({_AWKWARD, *listed})
    if listed != [_AWKWARD]:
        names = " and ".join(map(repr, listed)) or "nothing"
        raise SinkError(f"{probe.name} lists {names} where {_AWKWARD!r} was stored", hint="use another store")


def _reachable(sink: Sink) -> Answer:
    next(iter(sink.list("")), None)
    return True, f"{sink.name} can be listed"


def _answer(name: str, ask: Callable[[], Answer]) -> Check:
    try:
        ok, detail, *hint = ask()
    except SinkError as error:
        return Check(name, False, error.message, hint=error.hint)
    return Check(name, ok, detail, hint=hint[0] if hint else None)


class _Checks:
    """Each answers with `ok`, what was seen, and a hint where one helps."""

    def __init__(self, probe: Sink, promised: Promised) -> None:
        self._probe, self._promised = probe, promised

    def writable(self) -> Answer:
        _put(self._probe, _SMALL, _PAYLOAD)
        if self._read() != _PAYLOAD:
            return False, "an object reads back other than it was written", "use another store"
        return True, "an object can be written, and reads back the same"

    def listed(self) -> Answer:
        if [(entry.key, entry.size) for entry in self._probe.list("")] == [(_SMALL, len(_PAYLOAD))]:
            return True, "an object that was just written is in the listing"
        return False, "an object that was just written is not in the listing", "use a store that lists what it holds"

    def named(self) -> Answer:
        demand_names(self._probe)
        return True, "names keep their blanks, signs and accents"

    def whole(self) -> Answer:
        large = self._promised.pieces is not None
        writer = self._probe.create(_OTHER)
        try:
            writer.write(self._large() if large else _PAYLOAD)
            early = self._is_there(_OTHER)
        finally:
            writer.discard()
        what = "a large object" if large else "an object"
        if early:
            return False, f"{what} can be seen before all of it is there", "use another store"
        if self._is_there(_OTHER):
            return False, f"{what} that was given up can still be seen", "use another store"
        return True, f"{what} cannot be seen before all of it is there, nor when it was given up"

    def once(self) -> Answer:
        return self._replaces(b"another", "an object that is there cannot be replaced", in_pieces=False)

    def large_once(self) -> Answer:
        said = "a large object cannot replace one that is there either"
        return self._replaces(self._large(), said, in_pieces=True)

    def deleted(self) -> Answer:
        try:
            self._probe.delete([_SMALL])
        except KeyLocked as error:
            return (
                None,
                error.message,
                "the store locks what is written here by a rule of its own: what is tried out stays until then",
            )
        if self._is_there(_SMALL):
            return False, "an object that was deleted can still be seen", "use another store"
        return True, "an object can be deleted, and is gone"

    def clear(self) -> None:
        with contextlib.suppress(SinkError):
            self._probe.delete([_SMALL, _OTHER])

    def _replaces(self, data: bytes, said: str, *, in_pieces: bool) -> Answer:
        way = self._promised.way()
        before = self._read()
        try:
            _put(self._probe, _SMALL, data)
        except AlreadyExists:
            refused = self._read() == before
        else:
            refused = False
        if not refused:
            hint = "use another store; on this one an older backup is not safe from a newer one"
            return False, f"the store let an object be replaced{way}", hint
        kept = self._promised.by_store(in_pieces)
        if kept:
            return True, said + way
        hint = "let no two machines back up to it at the same time"
        what = "let a large object replace another" if in_pieces else "replace an object"
        return None, f"the store itself {'may' if kept is None else 'would'} {what}; this program looks first", hint

    def _read(self) -> bytes:
        with self._probe.open(_SMALL) as reader:
            return reader.read()

    def _large(self) -> bytes:
        """More than is sent whole."""
        return bytes((self._promised.pieces or 0) + 1)

    def _is_there(self, key: str) -> bool:
        if any(entry.key == key for entry in self._probe.list("")):
            return True
        try:
            self._probe.open(key).close()
        except KeyNotFound:
            return False
        return True


def _put(sink: Sink, key: str, data: bytes) -> None:
    writer = sink.create(key)
    try:
        writer.write(data)
    except BaseException:
        writer.discard()
        raise
    writer.commit()
