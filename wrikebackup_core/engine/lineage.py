"""How the backups of an account hang together in one sink: each manifest names the hash of the one before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from wrikebackup_core.engine.attestations import vouched
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest, Previous, intact, of_one_run
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore
from wrikebackup_core.transforms import Verifier

__all__ = ["Lineage"]


class Lineage:
    """The manifests of the committed backups, as they are now. Those that cannot be read are passed over: others tell of them."""

    def __init__(self, sink: Sink, account: str) -> None:
        """Raises SinkError where the sink cannot be listed."""
        self._sink, self._account = sink, account
        self._hashes: dict[str, str] = {}
        self._previous: dict[str, Previous] = {}
        self._intact: set[str] = set()
        store = AccountStore(sink, account)
        for uid in store.uids()[0]:
            try:
                data = store.manifest_bytes(uid)
                self._hashes[uid] = hashlib.sha256(data).hexdigest()
                if intact(data):
                    self._intact.add(uid)
                if previous := Manifest.decode(data, uid).previous:
                    self._previous[uid] = previous
            except (FormatError, SinkError):
                continue

    def gone(self) -> Iterator[tuple[str, str]]:
        """(uid, the later backup that names it) of backups that are not there any more, or were never copied here."""
        return ((one.backup_uid, uid) for uid, one in self._previous.items() if one.backup_uid not in self._hashes)

    def findings(self, uid: str | None, verifiers: Sequence[Verifier], others: Sequence[Sink]) -> Iterator[Finding]:
        """Backups that are not what the next one names: all of them for None, else that one alone.

        The sinks of one run have manifests of their own, and a copy from one to another mixes them. That is fine where somebody vouches for
        the manifest that is here, or where the one that is named is in one of the `others` and tells of the same backup. Without `verifiers`
        a manifest that is whole is given the benefit of the doubt: see `doubtful`.
        """
        return (one for before, one in self._misfits(uid, verifiers, others) if verifiers or before not in self._intact)

    def doubtful(self, uid: str | None, others: Sequence[Sink]) -> Iterator[Finding]:
        """Those that `findings` passes over without `verifiers`: exchanged, or copied from another sink of the same run."""
        return (one for before, one in self._misfits(uid, (), others) if before in self._intact)

    def _misfits(
        self, uid: str | None, verifiers: Sequence[Verifier], others: Sequence[Sink]
    ) -> Iterator[tuple[str, Finding]]:
        for later, previous in self._previous.items():
            here = self._hashes.get(previous.backup_uid)
            if here in (None, previous.manifest) or uid not in (None, previous.backup_uid):
                continue
            key = layout.manifest_key(self._account, previous.backup_uid)
            if not self._explained(key, previous, verifiers, others):
                detail = f"not the manifest that the later backup {later} names: one of the two was exchanged"
                yield previous.backup_uid, Finding(key, "replaced", detail)

    def _explained(self, key: str, previous: Previous, verifiers: Sequence[Verifier], others: Sequence[Sink]) -> bool:
        try:
            data = AccountStore(self._sink, self._account).manifest_bytes(previous.backup_uid)
            here = Manifest.decode(data, key)
        except (FormatError, SinkError):
            return False
        if (here.backup_uid, here.account.id) != (previous.backup_uid, self._account):
            return False  # vouched for, but as another backup
        if verifiers:
            return isinstance(vouched(self._sink, key, lambda: iter([data]), verifiers), str)
        for other in others:
            try:
                named = AccountStore(other, self._account).manifest_bytes(previous.backup_uid)
                if hashlib.sha256(named).hexdigest() == previous.manifest:
                    return of_one_run(here, Manifest.decode(named, key))
            except (FormatError, SinkError):
                continue
        return False
