"""Add: what transforms bring besides, such as the BI export. What they cannot get is a gap, and the rest of the backup goes on."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.making import MadeFile, lacking, store
from wrikebackup_core.engine.removal import Unfinishable, remove
from wrikebackup_core.errors import NotOffered, PluginError, SinkError, SourceError, Withdrawn
from wrikebackup_core.format import layout
from wrikebackup_core.format.coverage import FILE
from wrikebackup_core.model import Gap, Message, StageFinished, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.transforms import Artifact, Transform

__all__ = ["add", "add_quietly"]

STAGE = "add"
_BEGINNINGS = 4  # of one transform in a run: an export changes once a day, or once an hour at most
_TRIES = 3  # of one file
_FACT = "added "


class _Noted(msgspec.Struct):
    """What the spool knows of a file that a transform added, or was about to add."""

    kind: str
    edition: str


def add(attempt: Attempt) -> list[str]:
    """Stores what the transforms add. Returns the names, relative to the backup's folder.

    Raises SinkError when no sink is left, Unfinishable where what must go is locked.
    """
    names: list[str] = []
    for transform in attempt.job.transforms:
        if type(transform).add is not Transform.add:
            names += _add_one(attempt, transform)
    return names


def _add_one(attempt: Attempt, transform: Transform) -> list[str]:
    """The same of what one transform adds."""
    attempt.notify(StageStarted(STAGE))
    names = add_quietly(attempt, transform)
    attempt.notify(StageFinished(STAGE, f"{plural(len(names), 'file')} of {transform.kind}"))
    return names


def add_quietly(attempt: Attempt, transform: Transform) -> list[str]:
    """The same, as a part of another stage."""
    return _Adding(attempt, transform).all()


class _Adding:
    """What one transform adds to the backup of an attempt."""

    def __init__(self, attempt: Attempt, transform: Transform) -> None:
        self._attempt, self._transform = attempt, transform
        run = attempt.run
        self._folder = layout.backup_folder(run.account.id, run.backup_uid).rpartition("/")[2]

    def all(self) -> list[str]:
        attempt, kind = self._attempt, self._transform.kind
        names: list[str] = []
        for beginning in range(1, _BEGINNINGS + 1):
            # What an earlier attempt could not get has another chance.
            attempt.spool.drop_gaps(kind, [gap.id or "" for gap in attempt.spool.gaps() if gap.kind == kind])
            try:
                names = list(self._once())
                break
            except Withdrawn as error:
                self._keep_only(())
                if not error.retryable or beginning == _BEGINNINGS:
                    self._miss(None, error)
                    break
                attempt.notify(Message(f"{kind}: {error}; begun again from the start", warning=True))
        self._keep_only(names)
        return names

    def _once(self) -> Iterator[str]:
        done = 0
        try:
            for item in self._transform.add(self._attempt.run):
                if isinstance(item, Gap):
                    self._attempt.miss(item)
                elif (name := self._stored(item, done)) is not None:
                    done += 1
                    yield name
        except Withdrawn:
            raise
        except NotOffered as error:  # nobody could get it: nothing is missing
            self._attempt.notify(Message(f"{self._transform.kind}: {error}", warning=True))
        except SourceError as error:
            self._miss(None, error)

    def _stored(self, artifact: Artifact, done: int) -> str | None:
        """The name of the file where it is stored, or None where that is a gap."""
        attempt = self._attempt
        name = _checked(artifact.key, self._transform.kind) + attempt.fan.suffix
        noted, fact = self._noted().get(name), _Noted(self._transform.kind, artifact.edition)
        if noted is not None and noted != fact:
            self._remove([name])
        attempt.spool.note({_FACT + name: msgspec.json.encode(fact).decode()})
        file = MadeFile(f"{self._folder}/{name}", artifact.chunks)
        for tried in range(1, _TRIES + 1):
            try:
                store(attempt, file, STAGE, done)
            except Withdrawn:
                raise
            except SourceError as error:
                if error.retryable and tried < _TRIES:
                    attempt.notify(Message(f"{artifact.key}: {error}; fetched anew"))
                    continue
                # Where one of several sinks holds it, from an attempt that was killed, all of them do without: it may be as wrong.
                self._remove([name])
                self._miss(artifact.key, error)
                return None
            break
        return name

    def _miss(self, id_: str | None, error: SourceError) -> None:
        self._attempt.miss(Gap(self._transform.kind, id_, error.message, error.hint))

    def _noted(self) -> dict[str, _Noted]:
        """By name, the files that this transform has added to this backup, in this attempt and in those that were killed."""
        facts = self._attempt.spool.facts().items()
        noted = {name.removeprefix(_FACT): json_decoder(_Noted)(text) for name, text in facts if name.startswith(_FACT)}
        return {name: fact for name, fact in noted.items() if fact.kind == self._transform.kind}

    def _keep_only(self, names: list[str] | tuple[()]) -> None:
        self._remove([name for name in self._noted() if name not in names])

    def _remove(self, names: list[str]) -> None:
        """Deletes files of this backup wherever they are. What a store has locked makes the backup one that cannot be finished."""
        attempt = self._attempt
        keys = [f"{self._folder}/{name}" for name in names]
        if all(lacking(attempt, key) == list(attempt.fan.live) for key in keys):
            return
        attempt.fan.barrier()  # what is about to be settled would be known again after it is gone
        for number, sink in list(attempt.fan.live.items()):
            held = [key for key in keys if attempt.ledger.holds(number, key)]
            try:
                remove(attempt, number, sink, held)
            except Unfinishable:
                raise
            except SinkError as error:
                attempt.fan.drop(number, error)
                continue
            for key in held:
                attempt.ledger.forget(number, key)


def _checked(key: str, kind: str) -> str:
    parts = key.split("/")
    if not key or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise PluginError(f"the transform {kind} adds a file with the impossible name {key!r}")
    taken = key.startswith(("backup-", "records-", ".", "manifest.json.", "SHA256SUMS."))  # the last two attest
    reserved = {"manifest.json", "SHA256SUMS", "pin.json"} | ({FILE} if kind != "coverage" else set())
    if len(parts) == 1 and (taken or key in reserved):
        raise PluginError(f"the transform {kind} adds a file with the reserved name {key!r}")
    return key
