"""What a backup holds: which stored object each file is that its records name, and what is said of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.original import Original
from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import intact
from wrikebackup_core.model import AttachmentMode, Kind
from wrikebackup_core.store import AccountStore, entries

__all__ = ["list_original", "match_files", "read_sums"]


def list_original(index: Index, original: Original, warn: Callable[[str], None]) -> None:
    """What the sink lists of the backup. Raises SinkError."""
    for folder in (original.folder, layout.attachments_folder(original.account)):
        listed = entries(original.sink, folder, warn)
        index.insert("INSERT OR REPLACE INTO listed VALUES (?, ?)", ((one.key, one.size) for one in listed))


def read_sums(index: Index, original: Original) -> Iterator[Finding]:
    """SHA256SUMS of one of ours, and what is wrong with it or with the manifest that vouches for it. Raises SinkError."""
    if not original.ours:
        return
    store, uid = AccountStore(original.sink, original.account), original.uid
    key, manifest_key = layout.sums_key(original.account, uid), layout.manifest_key(original.account, uid)
    if not intact(store.manifest_bytes(uid)):
        yield Finding(manifest_key, "damaged", "not as it was written: its checksum does not fit")
    found: list[str] = []
    digest = hashlib.sha256()

    def hashed(line: bytes) -> bool:
        digest.update(line)
        return False

    def rows() -> Iterator[tuple[str, str]]:
        for one in store.lines(uid, hashed):
            if isinstance(one, str):
                found.append(one)
            else:
                yield one[1], one[0]

    try:
        index.insert("INSERT OR IGNORE INTO sums VALUES (?, ?)", rows())
        if original.manifest.sha256sums not in (None, digest.hexdigest()):
            yield Finding(key, "damaged", "not the one that the manifest names")
    except (KeyNotFound, FormatError):
        yield Finding(key, "missing", "nothing says what the backup's bytes should be")
    yield from (Finding(key, "damaged", detail) for detail in found)


def match_files(index: Index, original: Original) -> Iterator[tuple[str, Finding]]:
    """Finds the object of each file, and then takes in those that no record names. Yields the ids of files that there are no objects of,
    with what is to be said of them."""
    gaps = {gap.id for gap in original.manifest.gaps if gap.kind == Kind.ATTACHMENTS}
    silent = original.manifest.attachments.mode is AttachmentMode.NONE
    folder, suffix = layout.attachments_folder(original.account), original.decoding.suffix
    # What hangs on things in the recycle bin, whose records are no nodes, is not backed up.
    kept = "SELECT id, name, ref = '' OR EXISTS (SELECT 1 FROM nodes n WHERE n.ref = files.ref) FROM files WHERE id > ?1 AND stored"
    for id_, name, expected in index.rows(kept):
        origin = _ours(index, original, id_, name) if original.ours else _wrikes(index, folder, id_)
        if origin is not None:
            plain = layout.attachment_key(original.account, id_, name) if original.ours else origin
            index.run("UPDATE files SET origin = ?, plain = ? WHERE id = ?", origin, plain, id_)
        elif expected and id_ not in gaps and not silent:
            yield id_, _absent(index, original, id_, name)
    unnamed = (
        "SELECT key FROM sums WHERE key > ?1 AND key < ?2 AND NOT EXISTS (SELECT 1 FROM files WHERE origin = sums.key)"
    )
    for (key,) in index.rows(unnamed, f"{folder}0", after=f"{folder}/"):
        plain = key.removesuffix(suffix)
        row = (key, plain.rpartition("/")[2], key, plain)
        index.insert(
            "INSERT INTO files (id, name, type, author, created, ref, stored, url, origin, plain) VALUES (?, ?, '', '', '', '', 1, '', ?, ?)",
            [row],
        )


def _absent(index: Index, original: Original, id_: str, name: str) -> Finding:
    keys = layout.attachment_keys(original.account, id_, name, original.decoding.suffix)
    for key in keys if original.ours else ():
        if index.one("SELECT 1 FROM listed WHERE key=?", key):
            return Finding(key, "unlisted", "SHA256SUMS does not name it, so nobody can tell whether it is right")
    return Finding(keys[0], "missing", "named as stored, but no part of the backup")


def _ours(index: Index, original: Original, id_: str, name: str) -> str | None:
    """Under its name, or under its id alone; whichever SHA256SUMS names. Where that is lost, whichever is there."""
    keys = layout.attachment_keys(original.account, id_, name, original.decoding.suffix)
    for key in keys:
        if index.one("SELECT 1 FROM sums WHERE key=?", key):
            return key
    if index.one("SELECT 1 FROM sums") is None:
        return next((key for key in keys if index.one("SELECT 1 FROM listed WHERE key=?", key)), None)
    return None


def _wrikes(index: Index, folder: str, id_: str) -> str | None:
    """Wrike's own tool may write a file's name in another way than we do."""
    start = f"{folder}/{id_}-"
    row = index.one("SELECT key FROM listed WHERE key >= ? AND key < ? ORDER BY key", start, start[:-1] + ".")
    return str(row[0]) if row else None
