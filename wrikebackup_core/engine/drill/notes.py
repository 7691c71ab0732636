"""How drills went on this host: lines in `drills.jsonl` of the state folder, for those that say whether all is well."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.drill.job import Drilled
from wrikebackup_core.homes import private_folder

__all__ = ["Drill", "LastDrills", "drills_that_count", "last_drills", "note"]

_FILE = "drills.jsonl"
_LONGEST = 64 << 10  # bytes of a line
_OURS = ("not tried", "failed")  # then it is this host, and the error says what it lacks
_WORDS = {
    "key refused": "the key did not fit",
    "unreachable": "the store could not be read",
    "no backup": "there was no complete backup",
    "not tried": "nothing could be tried",
    "failed": "this host failed",
}


class Drill(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One drill of one backup in one sink, as it is noted. `at` is when it ended, in UTC; the rest as in `Drilled`."""

    at: datetime
    sink: str
    account: str = ""
    backup_uid: str = msgspec.field(name="backupUID", default="")
    verdict: str
    decoded: bool = True
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    whole_restore: float | None = None
    findings: int = 0
    error: str | None = None
    hint: str | None = None

    @property
    def went_well(self) -> bool:
        """Everything that was tried came back. `decoded` says whether it was more than stored bytes."""
        return self.verdict == "whole"

    @property
    def words(self) -> str:
        """What came of it, as it follows `in the last drill, `."""
        if self.went_well:
            return "all came back" if self.decoded else "what is stored was whole; there was no key to restore it with"
        words = _WORDS.get(self.verdict, "not everything came back")
        return f"{words}: {self.error}" if self.verdict in _OURS and self.error else words


@dataclass(frozen=True, slots=True)
class LastDrills:
    """Of one account in one sink: the last drill, and the last one that went well, None where none has."""

    last: Drill
    last_well: Drill | None


def note(state: Path, drilled: Drilled, at: datetime) -> None:
    """Adds a line, whole or not at all as far as the file system can do that. Raises OSError."""
    drill = Drill(
        at=at,
        sink=drilled.sink,
        account=drilled.account,
        backup_uid=drilled.backup_uid,
        verdict=drilled.verdict,
        decoded=drilled.decoded,
        files=drilled.files,
        bytes=drilled.bytes,
        seconds=round(drilled.seconds, 3),
        whole_restore=None if drilled.whole_restore is None else round(drilled.whole_restore, 1),
        findings=len(drilled.findings),
        error=drilled.error,
        hint=drilled.hint,
    )
    private_folder(state)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(state / _FILE, flags, 0o600), "r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        cut = end > 0 and (file.seek(end - 1), file.read(1))[1] != b"\n"  # by a kill or a full disk
        file.write((b"\n" if cut else b"") + msgspec.json.encode(drill) + b"\n")  # one write: others append, too
        os.fsync(file.fileno())


def last_drills(state: Path, sink: str | None = None) -> Mapping[tuple[str, str], LastDrills]:
    """By sink and account; of all sinks, or of the one with this name. What cannot be read is passed over, and raises nothing.

    Drills of one moment are those of one run, which went well only where all of them did. A drill that found no backup, or did not get
    that far, has the account `""` and counts for no account.
    """
    found: dict[tuple[str, str], dict[datetime, Drill]] = {}
    for drill in _drills(state):
        if sink in (None, drill.sink):
            runs = found.setdefault((drill.sink, drill.account), {})
            if drill.at not in runs or runs[drill.at].went_well:
                runs[drill.at] = drill
    return {key: _last(runs) for key, runs in found.items()}


def drills_that_count(state: Path) -> Mapping[str, Sequence[LastDrills]]:
    """By sink: the last ones of each account, in the order of their names; and first, where none came after it, a drill that got no further
    than the sink."""
    found: dict[str, list[LastDrills]] = {}
    for (sink, _), drills in sorted(last_drills(state).items()):
        found.setdefault(sink, []).append(drills)
    for ones in found.values():
        if not ones[0].last.account and any(one.last.at > ones[0].last.at for one in ones[1:]):
            del ones[0]
    return found


def _last(runs: Mapping[datetime, Drill]) -> LastDrills:
    well = [at for at, drill in runs.items() if drill.went_well]
    return LastDrills(runs[max(runs)], runs[max(well)] if well else None)


def _drills(state: Path) -> Iterator[Drill]:
    decode = json_decoder(Drill)
    try:
        with (state / _FILE).open("rb") as file:
            while line := file.readline(_LONGEST):
                try:
                    drill = decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                if drill.at.tzinfo is not None:
                    yield drill
    except OSError:
        return
