"""Records by their ids, up to 100 a request, where one bad id makes the API refuse all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from wrikebackup_core import Forbidden, NotFound, Record
from wrikebackup_wrike.answer import Named
from wrikebackup_wrike.crawl.queries import Desk, Query
from wrikebackup_wrike.crawl.shapes import FolderHead, TaskHead
from wrikebackup_wrike.refusals import BadRequest, NoSuchMethod

__all__ = ["BATCH", "RECYCLED", "Found", "fetch", "is_safe"]

BATCH = 100
RECYCLED = "Rb"
"""How the scopes of what lies in the recycle bin begin."""
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_:.=-]{1,256}")


@dataclass(slots=True)
class Found:
    """What came for a list of ids: records with their heads, and the ids that the API refused, with its words."""

    records: list[Record] = field(default_factory=list)
    heads: list[Named] = field(default_factory=list)
    refused: dict[str, Forbidden | NotFound | BadRequest] = field(default_factory=dict)

    def split(self) -> tuple[list[tuple[Named, Record]], list[str]]:
        """What is part of the backup, and the ids of what lies in the recycle bin."""
        kept: list[tuple[Named, Record]] = []
        recycled: list[str] = []
        for head, record in zip(self.heads, self.records, strict=True):
            if isinstance(head, TaskHead | FolderHead) and head.scope.startswith(RECYCLED):
                recycled.append(head.id)
            else:
                kept.append((head, record))
        return kept, recycled


def is_safe(id_: str) -> bool:
    """Whether an id, as another record names it, can stand in a path: Wrike's ids are of these characters only
    (developers.wrike.com, "Changes in API ids")."""
    return _ID.fullmatch(id_) is not None


def fetch(desk: Desk, query: Query, ids: Sequence[str]) -> Found:
    """Asks for `ids` together; when that is refused, for halves of them, down to the ones that are the reason."""
    found = Found()
    _fetch(desk, query, list(ids), found)
    return found


def _fetch(desk: Desk, query: Query, ids: list[str], found: Found) -> None:
    path = f"{query.path}/{','.join(quote(id_, safe='') for id_ in ids)}"
    try:
        answer = desk.ask(query.at(path), family=f"{query.path}/{{ids}}")
    except NoSuchMethod:
        raise
    except (BadRequest, Forbidden, NotFound) as error:
        if len(ids) == 1:
            found.refused[ids[0]] = error
            return
        half = len(ids) // 2
        _fetch(desk, query, ids[:half], found)
        _fetch(desk, query, ids[half:], found)
        return
    found.records.extend(answer.records)
    found.heads.extend(answer.heads)
