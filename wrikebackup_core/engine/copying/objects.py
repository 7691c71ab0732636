"""Objects on their way: each read once, hashed, and written to every target that lacks it; kept only if it is what it should be."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from wrikebackup_core.engine.copying.catalog import Catalog, Wanted
from wrikebackup_core.engine.copying.targets import Crew, Target
from wrikebackup_core.engine.findings import Finding, What
from wrikebackup_core.engine.tee import Tee
from wrikebackup_core.engine.threads import Room, each
from wrikebackup_core.errors import KeyLocked, KeyNotFound, SinkError
from wrikebackup_core.model import FileFinished, FileProgress, FileStarted
from wrikebackup_core.ports import Sink, waits
from wrikebackup_core.stored import chunks, hash_stored

__all__ = ["STAGE", "Objects"]

STAGE = "copy"
_LARGE = 4 << 20  # bytes; few of these at a time fill any line
_LARGE_THREADS = 6
_ROOM = (
    64 << 20
)  # bytes of what is under way: many a sink keeps an object in memory until it is whole, or a piece of it
_NOT_WAITING = 2  # where nobody waits for a network: more wait for each other at the folder that they write to
_OTHER_BYTES = "a backup there has other bytes under this name, and stays as it is; to have both, copy this one to a sink or folder of its own"
_HOPELESS = 25  # failures in a row, without any success, that say it is not the objects


class _Flawed(Exception):
    """The source cannot give the object as it should be. `told`: it was said before."""

    def __init__(self, finding: Finding, *, told: bool = False) -> None:
        super().__init__(finding.detail)
        self.finding, self.told = finding, told


class Objects:
    """Copies what the catalog wants. Raises SinkError where the source as a whole is out of reach."""

    def __init__(self, source: Sink, catalog: Catalog, crew: Crew, transfers: int) -> None:
        self._source, self._catalog, self._crew, self._notify = source, catalog, crew, crew.notify
        self._flawed: dict[str, Finding] = {}
        self._lock = threading.Lock()
        self._in_vain = 0
        waiting = any(map(waits, (source, *(target.sink for target in crew.live))))
        self._threads = transfers if waiting else min(transfers, _NOT_WAITING)
        self._room = Room(_ROOM)

    def bring(self) -> None:
        """All that the targets lack of the backup: attachments first, the small ones before the large, then its own files."""
        large = min(self._threads, _LARGE_THREADS)
        for own, least, below, threads in (
            (False, 0, _LARGE, self._threads),
            (False, _LARGE, None, large),
            (True, 0, None, large),
        ):
            todo = self._catalog.to_do(own=own, least=least, below=below)
            each(todo, self._bring, threads=threads, name=STAGE)

    def foresee(self) -> None:
        """What of that cannot be brought, as far as it can be told without reading any object."""
        for wanted in self._catalog.doubtful():
            targets = self._crew.waiting()
            if wanted.size is None:
                self._crew.spoil(targets, _unlisted(wanted))
            for target in targets:
                if wanted.size is not None and wanted.sha256 is not None:
                    self._contradicted(target, wanted)

    def _bring(self, wanted: Wanted) -> None:
        """One object, or a note that the targets cannot have the backup without it."""
        targets = self._crew.waiting()
        if targets:
            with self._room.taken(min(wanted.size or 0, _LARGE) * len(targets)):
                self._bring_to(targets, wanted)

    def _bring_to(self, targets: Sequence[Target], wanted: Wanted) -> None:
        size, why = wanted.size or 0, None
        self._notify(FileStarted(wanted.key, wanted.size))
        try:
            if wanted.met:
                wanted = self._described(wanted, targets)
                targets = [target for target in targets if self._lacks(target, wanted)]
            if targets:
                self._copy(wanted, targets)
        except _Flawed as flaw:
            size, why = 0, flaw.finding.detail
            with self._lock:
                self._flawed[wanted.origin] = flaw.finding
            self._crew.spoil(targets, None if flaw.told else flaw.finding)
        self._notify(FileFinished(wanted.key, size, why))

    def _described(self, wanted: Wanted, targets: Sequence[Target]) -> Wanted:
        """With its hash where it has to be compared with what a target holds or says."""
        if wanted.sha256 is not None or not any(
            self._catalog.mentions(target.number, wanted.key) for target in targets
        ):
            return wanted
        digest, size = hashlib.sha256(), 0
        for piece in self._pieces(wanted):
            digest.update(piece)
            size += len(piece)
        self._check_length(wanted, size)
        self._catalog.hashed(wanted, digest.hexdigest())
        return replace(wanted, sha256=digest.hexdigest())

    def _lacks(self, target: Target, wanted: Wanted) -> bool:
        """Whether the object is to be copied there. Something else in its place goes, or stays and spoils the backup."""
        if self._contradicted(target, wanted):
            return False
        held = self._catalog.held(target.number, wanted.key)
        if held is None:
            return True
        if wanted.sha256 not in self._catalog.known(target.number, wanted.key):
            with self._crew.guarded(target):
                return self._explain(target, wanted, held)
        return False

    def _contradicted(self, target: Target, wanted: Wanted) -> bool:
        """Whether the target's own backups stand against the object, which spoils the backup."""
        held, said = self._catalog.held(target.number, wanted.key), self._catalog.known(target.number, wanted.key)
        if said and wanted.sha256 not in said:
            self._stays(target, wanted, "damaged", _OTHER_BYTES)
        elif said and None not in (held, wanted.size) and held != wanted.size:
            self._stays(target, wanted, "unexpected size", f"{held:,} bytes, {wanted.size:,} in the source")
        else:
            return False
        return True

    def _stays(self, target: Target, wanted: Wanted, what: What, detail: str) -> None:
        self._crew.spoil([target], Finding(wanted.key, what, detail), target.sink.name)

    def _explain(self, target: Target, wanted: Wanted, held: int) -> bool:
        """What an interrupted copy left is read back: kept if it is the object, else removed and copied again."""
        assert wanted.sha256 is not None
        if wanted.size in (None, held) and hash_stored(target.sink, wanted.key) == wanted.sha256:
            self._catalog.has(target.number, wanted.key, wanted.sha256, held, fresh=False)
            return False
        if target.vague is not None:
            self._stays(
                target,
                wanted,
                "damaged",
                f"may be what the backup {target.vague} needs, whose checksums cannot be read",
            )
            return False
        target.demand()
        try:
            target.sink.delete([wanted.key])
        except KeyLocked as error:
            self._stays(
                target, wanted, "damaged", f"not what the source has, and it cannot be removed: {error.message}"
            )
            return False
        self._catalog.gone(target.number, [wanted.key])
        return True

    def _copy(self, wanted: Wanted, targets: Sequence[Target]) -> None:
        pieces = self._pieces(wanted)
        first = next(pieces, b"")  # before anything is created: most of what fails, fails here
        tee = Tee(wanted.key, {target: target.sink for target in targets}, partial(self._crew.lose, wanted.key))
        try:
            for piece in chain([first], pieces):
                if not tee.places:
                    break
                tee.write(piece)
                if tee.size != wanted.size:
                    self._notify(FileProgress(wanted.key, tee.size))
            if tee.places:
                self._check_length(wanted, tee.size)
                self._check_hash(wanted, tee.sha256)
                self._commit(wanted, tee)
        except BaseException:
            tee.discard()
            raise
        for target in tee.taken:
            self._appeared(target, wanted.key)

    def _commit(self, wanted: Wanted, tee: Tee[Target]) -> None:
        if wanted.sha256 is None:
            self._catalog.hashed(wanted, tee.sha256)
        for target in tee.commit():
            self._catalog.has(target.number, wanted.key, tee.sha256, tee.size, fresh=True)
            with self._lock:
                target.received.files += 1
                target.received.bytes += tee.size

    def _appeared(self, target: Target, key: str) -> None:
        detail = "there already, though the store did not list it; run again"
        self._crew.spoil([target], Finding(key, "unexpected", detail), target.sink.name)

    def _pieces(self, wanted: Wanted) -> Iterator[bytes]:
        """The source's bytes. Raises _Flawed; SinkError where nothing can be read any more."""
        if wanted.origin in self._flawed:
            raise _Flawed(self._flawed[wanted.origin], told=True)
        if wanted.size is None:
            raise _Flawed(_unlisted(wanted))
        try:
            yield from chunks(self._source, wanted.origin)
        except KeyNotFound:
            raise _Flawed(Finding(wanted.origin, "missing", "gone since it was listed")) from None
        except SinkError as error:
            with self._lock:
                self._in_vain += 1
                if self._in_vain >= _HOPELESS:
                    raise
            raise _Flawed(Finding(wanted.origin, "unreadable", error.message)) from error
        with self._lock:
            self._in_vain = 0

    def _check_length(self, wanted: Wanted, size: int) -> None:
        """For what has no checksum yet: what grew or shrank meanwhile is nothing whole."""
        if wanted.sha256 is None and size != wanted.size:
            raise _Flawed(
                Finding(wanted.origin, "unexpected size", f"{size:,} bytes, listed with {wanted.size or 0:,}")
            )

    def _check_hash(self, wanted: Wanted, sha256: str) -> None:
        if wanted.sha256 not in (None, sha256):
            raise _Flawed(Finding(wanted.origin, "damaged", f"SHA-256 is {sha256}, should be {wanted.sha256}"))


def _unlisted(wanted: Wanted) -> Finding:
    return Finding(wanted.origin, "missing", "named in SHA256SUMS")
