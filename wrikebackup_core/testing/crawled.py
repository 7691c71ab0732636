"""What a run has read so far, kept in memory; and a crawl as the engine does it, without threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import Forbidden
from wrikebackup_core.model import Kind, Record
from wrikebackup_core.ports import Source

__all__ = ["MemoryCrawled", "crawl"]


class _Head(msgspec.Struct, rename="camel"):
    """What the engine itself reads of a record; everything else in it is carried along unread."""

    id: str | None = None
    task_id: str | None = None
    folder_id: str | None = None


class MemoryCrawled:
    """A `Crawled` in memory. For one id the later record wins; records without an id are all kept."""

    def __init__(self) -> None:
        self._records: dict[Kind, dict[str, Record]] = {}
        self._reached: dict[tuple[Kind, int], str] = {}

    def add(self, kind: Kind, records: Iterable[Record]) -> None:
        held = self._records.setdefault(kind, {})
        for record in records:
            name = json_decoder(_Head)(record).id
            held[name if name is not None else f"record without an id, number {len(held)}"] = record

    def reach(self, kind: Kind, wave: int, cursor: str) -> None:
        """Notes the cursor of a page."""
        self._reached[kind, wave] = cursor

    def reached(self, kind: Kind, wave: int) -> str | None:
        return self._reached.get((kind, wave)) or None

    def copy(self) -> MemoryCrawled:
        other = MemoryCrawled()
        other._records = {kind: dict(held) for kind, held in self._records.items()}
        other._reached = dict(self._reached)
        return other

    def ids(self, kind: Kind) -> Iterator[str]:
        for record in self.records(kind):
            name = json_decoder(_Head)(record).id
            if name is not None:
                yield name

    def records(self, kind: Kind) -> Iterator[Record]:
        yield from list(self._records.get(kind, {}).values())

    def missing(self, kind: Kind, ids: Iterable[str]) -> Sequence[str]:
        held = self._records.get(kind, {})
        return [name for name in dict.fromkeys(ids) if name not in held]

    def parents(self, kind: Kind) -> Iterator[str]:
        seen: set[str] = set()
        for record in self.records(kind):
            head = json_decoder(_Head)(record)
            for parent in (head.task_id, head.folder_id):
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    yield parent


def crawl(source: Source) -> tuple[MemoryCrawled, dict[Kind, str]]:
    """Everything that a source yields, and the kinds that it was forbidden to read with the reason."""
    crawled, forbidden = MemoryCrawled(), dict[Kind, str]()
    for number, wave in enumerate(source.waves()):
        for kind in wave:
            try:
                for page in source.pages(kind, number, crawled, None):
                    crawled.add(kind, page.records)
                    crawled.reach(kind, number, page.cursor)
            except Forbidden as error:
                forbidden[kind] = str(error)
    return crawled, forbidden
