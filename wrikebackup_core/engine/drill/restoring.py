"""A drill with a key: a sample goes the way that a real restore goes, and what came of it is read again and compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.drill.chosen import Chosen
from wrikebackup_core.engine.drill.comparing import compare_archive, compare_pages
from wrikebackup_core.engine.drill.estimate import Stopwatch
from wrikebackup_core.engine.drill.folder import demand_room
from wrikebackup_core.engine.drill.job import Drilled, DrillJob
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.restore import Original, Restored, RestoreJob, Selection, Shape, restore
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import FormatError, KeyRefused, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.model import Event
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore

__all__ = ["restore_sample"]

_ZIPS = 3  # times: fetched, restored, and taken into databases
Notify = Callable[[Event], None]


def restore_sample(
    job: DrillJob, original: Original, result: Drilled, *, folder: Path, seed: str, notify: Notify
) -> None:
    """Fills in the result. Raises KeyRefused, Damaged, SinkError, WrikeBackupError."""
    zips = sum(one.size for one in original.sink.list(original.folder))
    demand_room(folder, _ZIPS * zips)
    chosen = Chosen(job.extent, seed, original.artifacts, lambda size: demand_room(folder, size + _ZIPS * zips))
    target = job.open_folder(folder / "layout")
    try:
        watch = Stopwatch(layout.attachments_folder(original.account), notify)
        selection, state = Selection(), folder / ".state"
        come = restore(
            RestoreJob(original, target, Shape.LAYOUT, selection, state, job.transfers, chosen.layout), watch.take
        )
        if come.refused:
            raise KeyRefused(come.findings[-1].detail)
        result.bytes, result.seconds, result.of_files = come.bytes, come.seconds, chosen.of_files
        result.findings = findings = [*come.findings]
        _demand_written(come)
        held = original.manifest.attachments
        result.whole_restore = watch.whole(held.total, held.bytes, come.seconds - watch.seconds)
        looked = _look_again(target, original, result, chosen, notify)
        findings += (one for one in looked if one.key not in {finding.key for finding in findings})
        findings += _as_tree(job, target, original, result, folder=folder, chosen=chosen, notify=notify)
        bad = {finding.key for finding in findings}
        result.files, result.whole = len(chosen.files), sum(key not in bad for key in chosen.files)
    finally:
        target.close()


def _demand_written(come: Restored) -> None:
    """Raises WrikeBackupError where it is the folder that did not take something: that is no fault of the backup."""
    if come.kept:
        one = come.kept[0]
        raise WrikeBackupError(f"{one.key} cannot be restored here: {one.detail}", hint="give --to, on another disk")


def _look_again(target: Sink, original: Original, result: Drilled, chosen: Chosen, notify: Notify) -> list[Finding]:
    """What verify finds in what was restored: every byte read back, both zips decoded and compared, sizes against the records. Of files
    that were not drawn it can tell nothing."""
    account, uid, suffix = original.account, original.uid, original.decoding.suffix
    try:
        result.hashes = {key: sha256 for sha256, key in AccountStore(target, account).sums(uid)}
    except FormatError as error:
        return [Finding(layout.sums_key(account, uid), "damaged", f"restored: {error.message}")]
    origins = {plain if plain != key else key.removesuffix(suffix): key for key, plain in chosen.files.items()}
    origins |= {layout.archive_key(account, uid): original.archive}
    if original.records is not None:
        origins[layout.records_key(account, uid)] = original.records
    attachments = f"{layout.attachments_folder(account)}/"
    report = verify(target, account, uid, notify)
    return [
        Finding(origins.get(one.key, one.key), one.what, f"restored: {one.detail}")
        for one in report.findings
        if not one.key.startswith(attachments) or one.key in result.hashes
    ]


def _as_tree(
    job: DrillJob, target: Sink, original: Original, result: Drilled, *, folder: Path, chosen: Chosen, notify: Notify
) -> list[Finding]:
    """Some tasks and folders as pages for people, from what was restored: nothing is fetched once more."""
    account, uid = original.account, original.uid
    manifest = AccountStore(target, account).manifest(uid)
    layout_ = folder / "layout"
    archive, records = layout_ / layout.archive_key(account, uid), layout_ / layout.records_key(account, uid)
    source = records if original.records is not None else archive
    if not source.is_file():  # that is a finding already
        return []
    restored = Original.of(OpenBackup(target, account, manifest, Decoding()))
    pages = job.open_folder(folder / "tree")
    try:
        one = RestoreJob(restored, pages, Shape.TREE, Selection(), folder / ".state", job.transfers, chosen.tree)
        come = restore(one, notify)
    finally:
        pages.close()
    result.pages = come.pages
    about = original.archive if original.records is None else original.records
    held = records if original.records is not None else None
    found = [*compare_pages(folder / "tree", held, chosen.nodes, about)]
    if archive.is_file():
        found += compare_archive(archive, held, chosen.nodes, original.archive)
    return found
