"""What of a backup a drill restores: marked in the index that a restore reads it into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from wrikebackup_core.engine.drill.sampling import Extent, Thing, draw
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.format import layout

__all__ = ["Chosen", "Node", "from_sums"]

_FIRST = -1 << 62
_MISSING = 1000  # files that the listing lacks and that are tried all the same; more of them tell no more


@dataclass(frozen=True, slots=True)
class Node:
    """A task or folder: the id of its record, or what stands for it, and its number."""

    ref: str
    number: int | None
    task: bool


class Chosen:
    """Draws for one backup. `demand` is called with the bytes of what was drawn, before any of it is fetched, and may raise."""

    def __init__(
        self, extent: Extent, seed: str, artifacts: Sequence[str], demand: Callable[[int], None] = lambda _: None
    ) -> None:
        self._extent, self._seed, self._artifacts, self._demand = extent, seed, artifacts, demand
        self.files: dict[str, str] = {}
        """Keys in the backup of the files and artifacts that were drawn, by what is told of them."""
        self.nodes: list[Node] = []
        self.of_files = 0

    def layout(self, index: Index) -> Sequence[str]:
        """Draws files. A file that the store lacks is always among them."""
        sizes = {key: (index.one("SELECT size FROM listed WHERE key = ?", key) or [0])[0] for key in self._artifacts}
        things = [Thing(key, size, "artifact") for key, size in sizes.items()]
        drawn = draw([*_files(index), *things], self._extent.files, self._extent.bytes, self._seed)
        artifacts = [one.id for one in drawn if one.id in sizes]
        index.insert("UPDATE files SET chosen = 1 WHERE id = ?", ((one.id,) for one in drawn if one.id not in sizes))
        lacking = "SELECT id FROM files WHERE id > ?1 AND origin IS NOT NULL AND origin NOT IN (SELECT key FROM listed)"
        ids = [id_ for (id_,) in islice(index.rows(lacking), _MISSING)]
        index.insert("UPDATE files SET chosen = 1 WHERE id = ?", ((id_,) for id_ in ids))
        self._demand(sum(one.size for one in drawn))
        query = "SELECT origin, plain FROM files WHERE origin > ?1 AND chosen"
        self.files = dict(index.rows(query)) | {key: key for key in artifacts}
        self.of_files = int(index.one("SELECT count(*) FROM files WHERE origin IS NOT NULL")[0]) + len(sizes)
        return artifacts

    def tree(self, index: Index) -> Sequence[str]:
        """Draws tasks and folders."""
        query = "SELECT n, ref, number, task, project, created, length(body) FROM nodes WHERE n > ?1"
        found: dict[str, tuple[int, Node]] = {}

        def things() -> Iterator[Thing]:
            for n, ref, _, task, project, created, size in index.rows(query, after=_FIRST):
                yield Thing(f"{n} {ref}", size or 0, "task" if task else "project" if project else "folder", created)

        for one in draw(things(), self._extent.pages, None, self._seed):
            n = int(one.id.partition(" ")[0])
            ref, number, task = index.one("SELECT ref, number, task FROM nodes WHERE n = ?", n)
            found[ref] = n, Node(ref, number, bool(task))
        index.insert("UPDATE nodes SET chosen = 1 WHERE n = ?", ((n,) for n, _ in found.values()))
        self.nodes = [node for _, node in found.values()]
        return ()


def _files(index: Index) -> Iterator[Thing]:
    query = (
        "SELECT f.id, f.name, f.created, coalesce(nullif(f.size, -1), l.size, 0) FROM files f"
        " LEFT JOIN listed l ON l.key = f.origin WHERE f.id > ?1 AND f.origin IS NOT NULL"
    )
    for id_, name, created, size in index.rows(query):
        yield Thing(id_, max(size, 0), _ending(name), created)


def from_sums(index: Index, account: str, extent: Extent, seed: str, suffix: str) -> tuple[list[str], int]:
    """The keys of attachments to be read where no record can be, by what SHA256SUMS and the listing say; and how many there are."""
    folder = layout.attachments_folder(account)
    query = "SELECT s.key, l.size FROM sums s LEFT JOIN listed l ON l.key = s.key WHERE s.key > ?1 AND s.key < ?2"
    number, lacking = 0, list[str]()

    def things() -> Iterator[Thing]:
        nonlocal number
        for key, size in index.rows(query, f"{folder}0", after=f"{folder}/"):
            number += 1
            if size is not None:
                yield Thing(key, size, _ending(key.removesuffix(suffix)))
            elif len(lacking) < _MISSING:
                lacking.append(key)

    drawn = draw(things(), extent.files, extent.bytes, seed)
    return [*(one.id for one in drawn), *lacking], number


def _ending(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""
