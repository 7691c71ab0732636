"""Deleting what a plan says, in an order in which a kill at any moment leaves every backup that stays whole:
manifests first, so that what is left is no backup; then the folders; then the attachments that no backup names any more.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from wrikebackup_core.engine.object_locks import locks_of, until
from wrikebackup_core.engine.prune.job import Remains, Verdict
from wrikebackup_core.engine.prune.looking import Folder, folders_of
from wrikebackup_core.engine.prune.planning import STAGE, Planning
from wrikebackup_core.engine.remembered import Newest, recall, remember
from wrikebackup_core.errors import KeyLocked, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.model import Event, Message, StageProgress
from wrikebackup_core.ports import Browsing
from wrikebackup_core.staged import batches
from wrikebackup_core.store import AccountStore

__all__ = ["delete"]

_FOLDERS = 50  # together
_BATCH = 1000


def delete(
    planning: Planning, state: Path, notify: Callable[[Event], None], demand: Callable[[], None] = lambda: None
) -> None:
    """Makes the plan true. The place's lock is held; `demand` raises LeaseLost when its lease is not any more. Raises SinkError, and WrikeBackupError where the state folder cannot be used."""
    _Deleting(planning, state, notify, demand).run()


class _Deleting:
    def __init__(
        self, planning: Planning, state: Path, notify: Callable[[Event], None], demand: Callable[[], None]
    ) -> None:
        self._planning, self._state, self._notify, self._demand = planning, state, notify, demand
        self._sink, self._place = planning.sink, planning.place
        self._done = 0

    def run(self) -> None:
        going = self._place.goes
        if going:
            self._planning.notes.give_up(one.backup_uid for one in going)
            self._remember_another([one.backup_uid for one in going])
            for batch in batches(going, _FOLDERS):
                self._delete_folders(batch)
        if self._place.attachments.files and not self._is_changed():
            self._delete_attachments()
        if given_up := self._planning.notes.given_up():
            left = folders_of(self._sink, self._place.account).folders
            self._sweep(given_up.difference(left))
            self._planning.notes.keep_only(left)

    def _remember_another(self, uids: Sequence[str]) -> None:
        """A backup that this host deletes is not to be missed."""
        kept = [one.backup_uid for one in self._place.backups if one.keep]
        for newest in recall(self._state, self._sink.name, self._place.account):
            if newest.backup_uid in uids and kept:
                manifest = AccountStore(self._sink, self._place.account).manifest_bytes(kept[-1])
                sha256 = hashlib.sha256(manifest).hexdigest()
                with contextlib.suppress(OSError):  # then it is missed
                    remember(self._state, Newest(newest.account, newest.sink, kept[-1], sha256))

    def _delete_folders(self, going: Sequence[Verdict | Remains]) -> None:
        manifests = {layout.manifest_key(self._place.account, one.backup_uid): one for one in going}
        self._demand()
        with contextlib.suppress(KeyLocked):
            self._sink.delete(manifests)
        for key, one in manifests.items():
            if isinstance(one, Verdict) and self._is_there(key):  # locked since it was looked at: it stays whole
                one.keep, one.reasons = True, (f"locked {until(locks_of(self._sink, [key]).get(key))}",)
                self._place.attachments.stay.append(f"the backup {one.backup_uid} is locked by now")
        gone = [one for one in going if not one.keep]
        self._sink.sync()
        rest = [key for one in gone for key in self._folder(one).objects if key not in manifests]
        try:
            self._sink.delete(rest)
        except KeyLocked:
            self._warn("parts of deleted backups are locked by now: a later prune takes them away")
        for one in gone:
            one.deleted = True
            self._done += one.objects
            self._notify(StageProgress(STAGE, one.backup_uid, self._done))

    def _folder(self, one: Verdict | Remains) -> Folder:
        return self._planning.found.folders[one.backup_uid]

    def _is_there(self, key: str) -> bool:
        try:
            self._sink.open(key).close()
        except KeyNotFound:
            return False
        return True

    def _is_changed(self) -> bool:
        """Whether somebody else has written here since the plan was made: what they need is not known."""
        stay = self._place.attachments.stay
        for folder in folders_of(self._sink, self._place.account).folders.values():
            if folder.uid not in self._planning.found.folders:
                stay.append(f"the backup {folder.uid} has come meanwhile: prune again")
        return bool(stay)

    def _sweep(self, gone: set[str]) -> None:
        """Where a kill came between the last file of a folder and the folder itself."""
        if isinstance(self._sink, Browsing):
            root, empty = layout.account_folder(self._place.account), {f"backup-{uid}" for uid in gone}
            for name in empty.intersection(self._sink.folders(root)):
                self._sink.sweep(f"{root}/{name}")

    def _delete_attachments(self) -> None:
        for batch in batches(self._planning.garbage, _BATCH):
            self._demand()
            try:
                self._sink.delete(batch)
            except KeyLocked:
                self._warn("attachments that nobody needs are locked by now: a later prune takes them away")
            self._done += len(batch)
            self._notify(StageProgress(STAGE, batch[-1], self._done))
        self._place.attachments.deleted = True

    def _warn(self, text: str) -> None:
        self._notify(Message(f"{self._sink.name}: {text}", warning=True))
