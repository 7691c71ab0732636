"""A drill from beginning to end: of each sink the newest complete backup, and an older one where that is asked for. It only reads."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.drill.folder import drill_folder
from wrikebackup_core.engine.drill.job import Drilled, DrillJob, Verdict
from wrikebackup_core.engine.drill.restoring import restore_sample
from wrikebackup_core.engine.drill.sampling import lot
from wrikebackup_core.engine.drill.stored import compare_stored
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.locking import short_hash
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.restore import Original
from wrikebackup_core.errors import (
    Damaged,
    FormatError,
    KeyMissing,
    KeyNotFound,
    KeyRefused,
    PluginError,
    SinkError,
    SinkFull,
    UsageError,
    WrikeBackupError,
)
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.homes import private_folder
from wrikebackup_core.model import Event, Message
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore, accounts

__all__ = ["drill"]

_NO_KEY = "none is at hand"
_TRIES = 3  # backups, where one is deleted while it is drilled
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_NO_BACKUP = "`wrikebackup list` shows what is there; what Wrike's own tool stored is taken over by `copy --from`"
Notify = Callable[[Event], None]


def drill(job: DrillJob, notify: Notify) -> list[Drilled]:
    """Of each sink what came of it; what is wrong with one keeps none of the others from being drilled."""
    results: list[Drilled] = []
    for sink in job.sinks:
        results += _Drilling(job, sink, notify).all()
    _compare_sinks(results)
    return results


class _Drilling:
    """One sink."""

    def __init__(self, job: DrillJob, sink: Sink, notify: Notify) -> None:
        self._job, self._sink, self._notify = job, sink, notify

    def all(self) -> Iterator[Drilled]:
        account = ""
        try:
            found = accounts(self._sink)
            for account in found:
                yield from self._account(account)
            if not found:
                yield self._failed("no backup", f"there are no backups in {self._sink.name}")
        except WrikeBackupError as error:
            yield self._failed("unreachable", error.message, account, error.hint)

    def _failed(self, verdict: Verdict, error: str, account: str = "", hint: str | None = None) -> Drilled:
        seed = self._job.seed
        return Drilled(self._sink.name, account, seed=seed, verdict=verdict, decoded=False, error=error, hint=hint)

    def _account(self, account: str) -> Iterator[Drilled]:
        store = AccountStore(self._sink, account)
        committed = store.uids()[0]
        newest = yield from self._first(account, committed[::-1])
        if newest is None:
            text = f"{self._sink.name}: account {account} has no complete backup"
            yield self._failed("no backup", text, account, _NO_BACKUP)
        elif self._job.older:
            older = sorted((uid for uid in committed if uid < newest), key=lambda uid: lot(str(self._job.seed), uid))
            if (yield from self._first(account, older)) is None:
                self._notify(Message(f"{self._sink.name}: there is no older complete backup to drill"))

    def _first(self, account: str, uids: Sequence[str]) -> Generator[Drilled, None, str | None]:
        """Drills the first of the backups that is complete, and gives its uid; the next one, where it is deleted meanwhile."""
        gone = 0
        for uid in uids:
            try:
                manifest = AccountStore(self._sink, account).manifest(uid)
            except KeyNotFound:
                continue
            except FormatError as error:
                result = Drilled(self._sink.name, account, uid, seed=self._job.seed, verdict="damaged", decoded=False)
                key = layout.manifest_key(account, uid)
                result.findings = [Finding(key, "damaged", error.message.removeprefix(f"{key}: "))]
                yield result
                continue
            if not manifest.complete:
                continue
            result = self._backup(account, uid, manifest)
            if result.verdict != "whole" and gone < _TRIES and self._is_gone(account, uid):
                gone += 1
                text = f"{self._sink.name}: {uid} was deleted while it was drilled: the next one is taken"
                self._notify(Message(text, warning=True))
                continue
            yield result
            return uid
        return None

    def _is_gone(self, account: str, uid: str) -> bool:
        try:
            AccountStore(self._sink, account).manifest_bytes(uid)
        except KeyNotFound:
            return True
        except WrikeBackupError:
            pass
        return False

    def _backup(self, account: str, uid: str, manifest: Manifest) -> Drilled:
        started = layout.started(uid)
        result = Drilled(self._sink.name, account, uid, started.isoformat() if started else "", self._job.seed)
        result.signed = bool(self._job.verifiers)
        try:
            self._try(account, uid, manifest, result)
            if result.error is None:
                result.verdict = _verdict(result.findings)
        except KeyRefused as error:
            result.verdict, result.error, result.hint = "key refused", error.message, error.hint
        except (Damaged, FormatError) as error:
            result.verdict, result.error, result.hint = "damaged", error.message, error.hint
        except SinkError as error:
            ours = isinstance(error, SinkFull)
            result.verdict = "failed" if ours else "unreachable"
            result.error, result.hint = error.message, error.hint
        except WrikeBackupError as error:
            result.verdict, result.error, result.hint = "failed", error.message, error.hint
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            result.verdict, result.error = "failed", f"cannot restore here: {reason.lower()}"
        return result

    def _try(self, account: str, uid: str, manifest: Manifest, result: Drilled) -> None:
        if manifest.backup_uid != uid:
            key = layout.manifest_key(account, uid)
            raise FormatError(f"{key}: is of backup {manifest.backup_uid}, not {uid}")
        seed = f"{self._job.seed} {uid}"
        try:
            decoding = self._job.decoding(manifest)
        except (UsageError, PluginError) as error:  # a key file that cannot be read, a library that is not installed
            result.not_tried(error)
            return
        opened = OpenBackup(self._sink, account, manifest, decoding) if decoding is not None else None
        lacking = _NO_KEY if opened is None else _lacking(opened)
        if opened is None or lacking is not None:
            stored = Original.of(OpenBackup(self._sink, account, manifest, Decoding()))
            stored = replace(stored, verifiers=tuple(self._job.verifiers))
            compare_stored(self._job, stored, result, seed, self._notify, lacking=lacking or _NO_KEY)
            return
        original = replace(Original.of(opened), verifiers=tuple(self._job.verifiers))
        with self._folder(result) as folder:
            restore_sample(self._job, original, result, folder=folder, seed=seed, notify=self._notify)

    @contextlib.contextmanager
    def _folder(self, result: Drilled) -> Iterator[Path]:
        if self._job.keep is None:
            with drill_folder() as folder:
                yield folder
            return
        name = f"{_UNSAFE.sub('-', result.sink)[:40].strip('-')}-{short_hash(result.sink)[:4]}"
        folder = self._job.keep / name / result.backup_uid
        private_folder(folder)
        result.kept = str(folder)
        yield folder


def _lacking(opened: OpenBackup) -> str | None:
    """Why there is no key, None where there is any; one that does not fit is told of by the restore, which can tell it from damage."""
    if not opened.decoding.suffix:
        return None
    key = opened.key(opened.manifest.files.archive)
    try:
        with (
            contextlib.suppress(FormatError, SinkError),
            opened.decoding.file(opened.sink, key, opened.sizes.get(key, 0)),
        ):
            pass
    except KeyMissing:
        return _NO_KEY
    except UsageError as error:
        return error.message
    except KeyRefused:
        pass
    return None


def _verdict(findings: Sequence[Finding]) -> Verdict:
    if not findings:
        return "whole"
    return "unreachable" if all(one.what == "unreadable" for one in findings) else "damaged"


def _compare_sinks(results: Sequence[Drilled]) -> None:
    """The same backup holds the same in every sink. Where it does not, nobody can tell here which one is right."""
    first: dict[tuple[str, str, str], tuple[str, str]] = {}
    for result in results:
        for key, sha256 in result.hashes.items():
            sink, other = first.setdefault((result.account, result.backup_uid, key), (result.sink, sha256))
            if other != sha256:
                detail = f"another file than in {sink}: SHA-256 of what is restored is {sha256}, there {other}"
                result.findings = [*result.findings, Finding(key, "damaged", detail)]
                result.verdict = "damaged"
