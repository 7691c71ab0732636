"""What a witness names and the crawl lacks is looked up, one by one: what the source shows after all comes into the backup."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.coverage.differences import ITEMS, OPEN, Differences
from wrikebackup_core.engine.coverage.spaces import HIDDEN
from wrikebackup_core.engine.coverage.told import FOUND, RECYCLED, UNSEEN, Told
from wrikebackup_core.errors import NotOffered, SourceError
from wrikebackup_core.format import ids
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Kind, Message
from wrikebackup_core.ports import Recounting

__all__ = ["look_up"]

_BATCH = 25  # one that is not shown makes the API refuse all that were asked for with it
_HOPELESS = 50  # looked up in a row and none shown: what else there is of this kind is not shown either
_MANY = 10_000
_WAVE = 1000  # behind all waves of a crawl
_KINDS = (Kind.FOLDERS, Kind.TASKS, Kind.CONTACTS, Kind.TIMELOGS, Kind.ATTACHMENTS)
_WANTED = f"kind = ? AND state = '{OPEN}' AND (space IS NULL OR NOT {HIDDEN})"


class _Head(msgspec.Struct, gc=False):
    id: str
    permalink: str | None = None


_decoders = {kind: RecordDecoder(kind, _Head) for kind in Kind}


def _names(head: _Head) -> tuple[str, int | None]:
    number = ids.permalink_number(head.permalink)
    return head.id, ids.number(head.id) if number is None else number


def look_up(attempt: Attempt, told: Told, differences: Differences) -> bool:
    """Looks up what is open and not in a hidden space. Returns whether anything was asked for, so that it is worth comparing anew.

    What cannot be asked for stays open.
    """
    source = attempt.job.source
    if not isinstance(source, Recounting):
        return False
    asked = False
    for kind in (*_KINDS, ITEMS):
        try:
            asked = _Asking(attempt, told, source, kind).all(differences) or asked
        except NotOffered:
            continue
        except SourceError as error:
            attempt.notify(Message(f"what a second witness knows of {kind} cannot be looked up: {error}", warning=True))
    return asked


class _Asking:
    """What is looked up of one kind."""

    def __init__(self, attempt: Attempt, told: Told, source: Recounting, kind: str) -> None:
        self._spool, self._told, self._source, self._kind = attempt.spool, told, source, kind
        self._as = (Kind.TASKS, Kind.FOLDERS) if kind == ITEMS else (Kind(kind),)

    def all(self, differences: Differences) -> bool:
        """Whether there was anything to ask for."""
        db, place, in_vain = differences.db, 0, 0
        # In no order, so that the first ones say something of all.
        db.executescript("DROP TABLE IF EXISTS temp.queue; CREATE TEMP TABLE queue (place INTEGER PRIMARY KEY, key)")
        db.execute(f"INSERT INTO queue (key) SELECT key FROM lone WHERE {_WANTED} ORDER BY random()", (self._kind,))
        query = "SELECT place, key FROM queue WHERE place > ? ORDER BY place LIMIT ?"
        while rows := db.execute(query, (place, _BATCH if in_vain < _HOPELESS else _MANY)).fetchall():
            place = rows[-1][0]
            outcomes = self._ask([key for _, key in rows]) if in_vain < _HOPELESS else {key: UNSEEN for _, key in rows}
            self._told.asked(self._kind, outcomes)
            in_vain = in_vain + len(rows) if set(outcomes.values()) == {UNSEEN} else 0
        return place > 0

    def _ask(self, names: Sequence[str | int]) -> dict[str | int, str]:
        outcomes: dict[str | int, str] = dict.fromkeys(names, UNSEEN)
        for kind in self._as:
            for of, page in self._source.look_up(
                kind, [name for name in names if outcomes[name] == UNSEEN], self._spool
            ):
                self._spool.add(of, _WAVE, page)
                found = [_names(head) for head in map(_decoders[of], page.records)] if of is kind else []
                known = dict.fromkeys((name for pair in found for name in pair), FOUND)
                gone = [(id_, ids.number(id_)) for id_ in page.recycled]
                known |= dict.fromkeys((name for pair in gone for name in pair), RECYCLED)
                outcomes.update((name, known[name]) for name in names if name in known)
        return outcomes
