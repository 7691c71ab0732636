"""The end of a backup's copy in one target: barrier, SHA256SUMS, barrier, manifest, barrier, as a run commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain

from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.originals import Original
from wrikebackup_core.engine.copying.targets import Target
from wrikebackup_core.format import layout
from wrikebackup_core.ports import Locking
from wrikebackup_core.stored import hash_of, hash_stored, store

__all__ = ["finish"]

_Parts = Mapping[str, Callable[[], Iterator[bytes]]]


def finish(original: Original, target: Target, catalog: Catalog, account: str) -> None:
    """Makes the backup a backup, now that all of it is there. Raises SinkError for the target, Unusable for the source."""
    sink, number, uid = target.sink, target.number, original.uid
    sums, manifest = layout.sums_key(account, uid), layout.manifest_key(account, uid)
    committed = uid in target.committed
    if isinstance(sink, Locking):
        sink.prolong(catalog.held_before(number))
    parts: _Parts = {sums: original.sums, **{key: partial(original.attestation, key) for key in original.attestations}}
    if not committed:
        _clear(target, catalog, layout.backup_folder(account, uid), parts)
    elif original.attestations and target.store.manifest_bytes(uid) != original.manifest():
        parts = {sums: original.sums}  # of another sink of the same run: it has what vouches for it itself
    left = [] if committed else [key for key in parts if catalog.held(number, key) is not None]
    sink.sync(chain(catalog.taken_over(number), left))
    catalog.settle(number)
    lacking = [key for key in parts if catalog.held(number, key) is None]
    for key in lacking:
        store(sink, key, parts[key]())
    if lacking:
        sink.sync()
    if not committed:
        target.demand()
        store(sink, manifest, [original.manifest()])
        sink.sync()
        target.committed.add(uid)


def _clear(target: Target, catalog: Catalog, folder: str, parts: _Parts) -> None:
    """Removes what another attempt at this backup left that is no part of it. What is right of the `parts` stays."""
    stale = [key for key in catalog.below(target.number, folder) if not catalog.wants(key)]
    stale = [key for key in stale if key not in parts or hash_stored(target.sink, key) != hash_of(parts[key]())]
    if stale:
        target.demand()
        target.sink.delete(stale)
        catalog.gone(target.number, stale)
