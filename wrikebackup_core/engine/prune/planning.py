"""The plan for one account in one sink: what there is, what stays and why, and what is needed by nobody then. Nothing is written there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from wrikebackup_core.engine.abandoned import FORGOTTEN_AFTER
from wrikebackup_core.engine.locking import short_hash
from wrikebackup_core.engine.object_locks import locks_of, until
from wrikebackup_core.engine.prune.begun import Begun, begun
from wrikebackup_core.engine.prune.deciding import decide, state_of
from wrikebackup_core.engine.prune.job import Place, Remains, Verdict
from wrikebackup_core.engine.prune.lines import comparable
from wrikebackup_core.engine.prune.looking import Folder, Found, look
from wrikebackup_core.engine.prune.names import Names
from wrikebackup_core.engine.prune.notes import Notes
from wrikebackup_core.engine.prune.numbering import Numbering
from wrikebackup_core.engine.prune.reading import Listed
from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.model import Backup, Event, Message, StageProgress
from wrikebackup_core.ports import Named, Sink, waits
from wrikebackup_core.staged import batches
from wrikebackup_core.store import names
from wrikebackup_core.stored import chunks
from wrikebackup_core.transforms import Transform

__all__ = ["STAGE", "Planning", "Terms"]

STAGE = "prune"
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """By which `transforms` vote, when, in which folder for notes of this host, and who hears of it."""

    state: Path
    transforms: Sequence[Transform]
    now: datetime
    notify: Callable[[Event], None]


class Planning:
    """A context manager: `garbage` is in a temporary file meanwhile. `found` is what there was when the plan was made."""

    def __init__(self, sink: Sink, place: Place, terms: Terms) -> None:
        self.sink, self.place, self.notes = sink, place, Notes(terms.state, place.account, place.sink)
        self._state, self._transforms, self._now, self._notify = terms.state, terms.transforms, terms.now, terms.notify
        self._db = scratch("CREATE TABLE garbage (at INTEGER PRIMARY KEY, names TEXT NOT NULL)")
        self._folder = layout.attachments_folder(place.account)
        self._begun: list[Begun] = []
        self._read = 0
        self.found = Found({}, [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    @property
    def garbage(self) -> Iterator[str]:
        """Keys of the attachments that go."""
        last = 0
        while row := self._db.execute("SELECT at, names FROM garbage WHERE at > ? LIMIT 1", (last,)).fetchone():
            last, together = row
            yield from (f"{self._folder}/{name}" for name in together.split("\0"))

    def make(self) -> None:
        """Fills the place. Raises SinkError, WrikeBackupError for a clock that is wrong, UsageError for rules that keep nothing."""
        with names(self.sink, self._folder, lambda text: self._notify(Message(text, warning=True))) as listed:
            self.found = look(self.sink, self.place.account)
            self._begun = begun(self._state, self.place.account)
            folders = self.found.folders.values()
            self._judge([folder for folder in folders if folder.backup is not None])
            self._look_at_remains([folder for folder in folders if folder.backup is None])
            self._find_unneeded(listed)

    # Backups

    def _judge(self, folders: Sequence[Folder]) -> None:
        backups = [folder.backup for folder in folders if folder.backup is not None]
        pins = {folder.uid: folder.pin for folder in folders if folder.pin is not None}
        decisions = decide(backups, pins, self._votes(backups), self._now)
        going = [self.found.folders[one.backup.uid] for one in decisions if not one.keep]
        locks = locks_of(self.sink, [key for folder in going for key in folder.objects])
        for one in decisions:
            folder, keep, reasons = self.found.folders[one.backup.uid], one.keep, one.reasons
            if not keep and (end := _end(folder, locks)):
                keep, reasons = True, (f"locked {until(end)}",)
            facts = (folder.uid, one.backup.started, state_of(one.backup))
            self.place.backups.append(Verdict(*facts, keep, reasons, len(folder.objects), folder.bytes))

    def _votes(self, backups: Sequence[Backup]) -> list[Mapping[str, str]]:
        complete = [backup for backup in backups if backup.complete]
        return [transform.keep(complete, self._now) for transform in self._transforms]

    # Folders without a manifest

    def _look_at_remains(self, folders: Sequence[Folder]) -> None:
        given_up, copying = self.notes.given_up(), self._copying()
        judged = [(folder, *self._remains(folder, given_up, copying=copying)) for folder in folders]
        locks = locks_of(self.sink, [key for folder, keep, _ in judged if not keep for key in folder.objects])
        for folder, stays, why in judged:
            keep, reason = stays, why
            if not keep and (end := _end(folder, locks)):
                keep, reason = True, f"locked {until(end)}"
            self.place.remains.append(Remains(folder.uid, keep, reason, len(folder.objects), folder.bytes))

    def _remains(self, folder: Folder, given_up: set[str], *, copying: bool) -> tuple[bool, str]:
        if copying:
            return True, "a copy into this sink is not finished"
        if folder.uid in {run.backup_uid for run in self._begun}:
            return True, "a run of this host is at it, or goes on with it"
        if folder.uid in given_up:
            return False, "what is left of a backup that is deleted or given up"
        started = layout.started(folder.uid)
        assert started is not None
        end = started + FORGOTTEN_AFTER
        if end <= self._now:
            return False, f"not finished, and begun more than {FORGOTTEN_AFTER.days} days ago"
        stay = f"the backup {folder.uid} is not finished: what it needs is not known until it is, or given up on {end:%Y-%m-%d}"
        self.place.attachments.stay.append(stay)
        return True, f"not finished; given up on {end:%Y-%m-%d}"

    def _copying(self) -> bool:
        began = self.notes.copy_began()
        if began is None or began + FORGOTTEN_AFTER <= self._now:
            return False
        self.place.attachments.stay.append(
            f"a copy into this sink that was begun on {began:%Y-%m-%d} is not finished: no backup names yet what it has brought"
        )
        return True

    # Attachments

    def _find_unneeded(self, listed: Iterable[Named]) -> None:
        stay = self.place.attachments.stay
        if self.found.strange:
            stay.append(f"{self.found.strange[0]} is another program's, which may need them")
        unreadable = [one.backup_uid for one in self.place.backups if one.state == "unreadable"]
        if unreadable:
            self.place.damaged = True
            stay.append(f"the manifest of {unreadable[0]} cannot be read: what it needs is not known")
        if stay:
            return
        with Names(self._state / "named" / f"{self.place.account}-{short_hash(self.place.sink)}.sqlite") as known:
            needed, damaged = known.needed(self._listed())
            if not damaged and (wanted := self._wanted()) is not None:
                needed.numbers(sorted(wanted))
                self._compare(listed, needed)
                known.forget_all_but(folder.sums for folder in self.found.folders.values() if folder.sums)
        for uid, error in damaged.items():
            self.place.damaged = True
            stay.append(f"the SHA256SUMS of {uid} {error.message}: what it needs is not known")

    def _listed(self) -> list[Listed]:
        """SHA256SUMS of the backups that stay, the oldest first."""
        far = waits(self.sink)
        kept = [self.found.folders[one.backup_uid] for one in self.place.backups if one.keep]
        return [
            Listed(one.uid, one.sums, one.total, partial(self._read_sums, one.uid, at), far)
            for at, one in enumerate(kept)
        ]

    def _read_sums(self, uid: str, done: int) -> Iterator[bytes]:
        if done >= self._read:  # not where one is read again
            self._notify(StageProgress(STAGE, uid, done))
            self._read = done + 1
        try:
            yield from chunks(self.sink, layout.sums_key(self.place.account, uid))
        except KeyNotFound:
            raise FormatError("is missing") from None

    def _wanted(self) -> set[bytes] | None:
        """By unfinished runs. None where that cannot be told."""
        found = set[bytes]()
        for run in self._begun:
            try:
                if run.readable:
                    for wanted in batches(run.wanted(), _BATCH):
                        found.update(comparable(wanted))
                    continue
            except (sqlite3.Error, OSError):
                pass
            self.place.attachments.stay.append(
                f"what an unfinished run needs is not known: {run.folder} cannot be read"
            )
            return None
        return found

    def _compare(self, listed: Iterable[Named], needed: Numbering) -> None:
        """What the sink lists with what is needed."""
        before: tuple[Sequence[str], Iterable[int]] = (), ()
        for found, sizes in listed:
            named = comparable(found)
            missing = needed.missing(named)
            if not missing:
                continue
            places = _ours(named, missing)
            asked = sizes(places)
            self._take(*before)  # of which the sizes were asked for meanwhile
            before = [found[at] for at in places], asked
        self._take(*before)

    def _take(self, names: Sequence[str], asked: Iterable[int]) -> None:
        if not names:
            return
        attachments, sizes = self.place.attachments, list(asked)
        if locks := self._locks(names):
            free = [at for at, name in enumerate(names) if name not in locks]
            names, sizes = [names[at] for at in free], [sizes[at] for at in free]
        if names:
            self._db.execute("INSERT INTO garbage (names) VALUES (?)", ("\0".join(names),))
        attachments.files += len(names)
        attachments.bytes += sum(sizes)
        attachments.locked += len(locks)
        ends = [*locks.values(), *([attachments.locked_until] if attachments.locked_until else [])]
        attachments.locked_until = max(ends, default=None)

    def _locks(self, names: Sequence[str]) -> dict[str, datetime]:
        locks = locks_of(self.sink, (f"{self._folder}/{name}" for name in names))
        return {key[len(self._folder) + 1 :]: end for key, end in locks.items()}


def _ours(names: Sequence[bytes], places: list[int]) -> list[int]:
    """Without what lies deeper, is hidden, or is called what no file of ours is."""
    together = b"\0" + b"\0".join([names[at] for at in places])
    if b"/" not in together and b"\0." not in together and together.count(b"\0") == len(places):  # nearly always
        return places
    return [at for at in places if not names[at].startswith(b".") and b"/" not in names[at] and b"\0" not in names[at]]


def _end(folder: Folder, locks: Mapping[str, datetime]) -> datetime | None:
    """Of the longest of the locks on it."""
    return max((locks[key] for key in folder.objects if key in locks), default=None)
