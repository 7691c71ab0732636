"""The end of a backup's copy in one target: barrier, SHA256SUMS, barrier, manifest, barrier, as a run commits."""

from __future__ import annotations

from itertools import chain

from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.originals import Original
from wrikebackup_core.engine.copying.targets import Target
from wrikebackup_core.format import layout
from wrikebackup_core.ports import Locking
from wrikebackup_core.stored import hash_of, hash_stored, store

__all__ = ["finish"]


def finish(original: Original, target: Target, catalog: Catalog, account: str) -> None:
    """Makes the backup a backup, now that all of it is there. Raises SinkError for the target, Unusable for the source."""
    sink, number, uid = target.sink, target.number, original.uid
    sums, manifest = layout.sums_key(account, uid), layout.manifest_key(account, uid)
    committed = uid in target.committed
    if isinstance(sink, Locking):
        sink.prolong(catalog.held_before(number))
    if not committed:
        _clear(original, target, catalog, layout.backup_folder(account, uid), sums)
    left = [] if committed or catalog.held(number, sums) is None else [sums]
    sink.sync(chain(catalog.taken_over(number), left))
    catalog.settle(number)
    if catalog.held(number, sums) is None:
        store(sink, sums, original.sums())
        sink.sync()
    if not committed:
        store(sink, manifest, [original.manifest()])
        sink.sync()
        target.committed.add(uid)


def _clear(original: Original, target: Target, catalog: Catalog, folder: str, sums: str) -> None:
    """Removes what another attempt at this backup left that is no part of it. A SHA256SUMS that is right stays."""
    stale = [key for key in catalog.below(target.number, folder) if not catalog.wants(key)]
    if sums in stale and hash_stored(target.sink, sums) == hash_of(original.sums()):
        stale.remove(sums)
    if stale:
        target.sink.delete(stale)
        catalog.gone(target.number, stale)
