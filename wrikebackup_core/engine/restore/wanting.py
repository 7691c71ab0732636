"""What is to be in the target: keys there, and where their bytes come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.notes import Notes
from wrikebackup_core.engine.restore.original import Original
from wrikebackup_core.engine.restore.placing import Places
from wrikebackup_core.format import layout
from wrikebackup_core.model import Gap

__all__ = ["left_out", "plain_name", "want_layout", "want_tree"]

_WANT = (
    "INSERT OR IGNORE INTO wanted SELECT ?1, ?2, (SELECT sha256 FROM sums WHERE key = ?2),"
    " (SELECT size FROM listed WHERE key = ?2), ?3, ?4"
)
_FIRST = -1 << 62
_MOST_GAPS = 10_000  # that are named one by one


def plain_name(key: str, suffix: str) -> str:
    """A file's name without what transforms added to it."""
    return key.removesuffix(suffix) if suffix else key


def want_layout(
    index: Index, original: Original, notes: Notes, zips: Iterable[str], artifacts: Iterable[str]
) -> Iterator[Finding]:
    """All chosen files, and those that an earlier restore put there; the zips; and those of the artifacts that are named."""
    account, uid, suffix = original.account, original.uid, original.decoding.suffix
    own = {original.archive: layout.archive_key(account, uid)}
    if original.records is not None:
        own[original.records] = layout.records_key(account, uid)
    index.insert(_WANT, [(own[key], key, "", None) for key in zips])
    reserved = {*own.values(), layout.sums_key(account, uid), layout.manifest_key(account, uid)}
    for key in artifacts:
        plain = plain_name(key, suffix)
        if plain in reserved:
            yield Finding(key, "damaged", "the manifest has an artifact with the name of a file that every backup has")
        else:
            index.insert(_WANT, [(plain, key, "", None)])
    index.insert(_WANT, _chosen(index))
    query = (
        "SELECT f.id, f.plain, f.origin, coalesce(s.sha256, '') FROM files f LEFT JOIN sums s ON s.key = f.origin"
        " JOIN held h ON h.key = f.plain WHERE f.id > ?1 AND f.origin IS NOT NULL AND NOT f.chosen"
    )
    for id_, plain, origin, stored in index.rows(query):
        if notes.sha256(plain, stored) is not None:
            index.insert(_WANT, [(plain, origin, id_, None)])


def _chosen(index: Index) -> Iterator[tuple[str, str, str, None]]:
    for id_, plain, origin in index.rows(
        "SELECT id, plain, origin FROM files WHERE id > ?1 AND origin IS NOT NULL AND chosen"
    ):
        yield plain, origin, id_, None


def left_out(index: Index) -> Iterator[Gap]:
    """The files that the selection does not name, and that are not in the target for another reason."""
    query = "SELECT id FROM files WHERE id > ?1 AND origin IS NOT NULL AND NOT chosen AND plain NOT IN (SELECT key FROM wanted)"
    number = 0
    for (id_,) in index.rows(query):
        number += 1
        if number <= _MOST_GAPS:
            yield Gap("attachments", id_, "left out by the selection of a restore")
    if number > _MOST_GAPS:
        yield Gap("attachments", None, f"{number - _MOST_GAPS:,} more were left out by the selection of a restore")


def want_tree(index: Index) -> None:
    """The pages of what is chosen, and of what has chosen files; and these."""
    places = Places(index)
    pages = "SELECT n, task FROM nodes WHERE n > ?1 AND (chosen OR ref IN (SELECT ref FROM files WHERE chosen AND origin IS NOT NULL))"
    index.insert(_WANT, ((places.page(n, task=task), "", "", n) for n, task in index.rows(pages, after=_FIRST)))
    files = (
        "SELECT f.id, f.shown, f.origin, n.n FROM files f LEFT JOIN nodes n ON n.ref = f.ref"
        " WHERE f.id > ?1 AND f.origin IS NOT NULL AND f.chosen"
    )
    index.insert(_WANT, ((places.file(n, shown), origin, id_, None) for id_, shown, origin, n in index.rows(files)))
