"""What a second witness says of a backup: counts for the manifest, and `coverage.json`, which names what they count."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from wrikebackup_core.decoders import json_decoder

__all__ = [
    "FILE",
    "LISTED_GROUPS",
    "LISTED_IDS",
    "Coverage",
    "Group",
    "KindCounts",
    "KindDifferences",
    "Person",
    "Report",
    "Thing",
    "Things",
    "decode_report",
    "encode_report",
]

FILE = "coverage.json"
LISTED_IDS = 100
"""Most things of one kind that a list of `coverage.json` names; how many there are in all always stands beside them."""
LISTED_GROUPS = 1000
"""Most spaces that it names."""

_Count = Annotated[int, msgspec.Meta(ge=0)]


class KindCounts(msgspec.Struct, frozen=True, rename="camel"):
    """One kind: what the crawl has, what the witness has, and where they part.

    `set_aside` were touched during the run, are in the recycle bin, or gone since the witness was heard. `only_witness` are what the
    token's user is not shown, and `missing`, which are gaps of the backup: it should have been shown those. `recovered` are in the
    backup for the witness named them. `not_comparable` have no number or id that both could be told by.
    """

    crawled: _Count = 0
    witnessed: _Count = 0
    both: _Count = 0
    set_aside: _Count = 0
    only_witness: _Count = 0
    only_crawl: _Count = 0
    missing: _Count = 0
    recovered: _Count = 0
    other_size: _Count = 0
    not_comparable: _Count = 0

    @property
    def hidden(self) -> int:
        """What the witness knows and the token's user is not shown."""
        return self.only_witness - self.missing


class Coverage(msgspec.Struct, frozen=True, rename="camel"):
    """In the manifest: numbers only, so that it tells nothing of an encrypted backup's content.

    `witness` is `bi-export` or `listing`; `heard` when the export was completed or the second listing was begun, UTC. `kinds` are
    those that were compared, by the names of their records, and `not_compared` those that could not be; a kind `items` holds what the
    export has under words that are not known here. `hidden_spaces` are spaces that are not shown to the token's user.
    """

    witness: str
    heard: datetime | None
    kinds: dict[str, KindCounts]
    hidden_spaces: _Count = 0
    not_compared: tuple[str, ...] = ()


class Person(msgspec.Struct, frozen=True):
    """As the witness's list of users has them; the number alone where it has not."""

    number: int
    name: str = ""
    email: str = ""


class Thing(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Something that one side has. `id` is the API's, `number` that of the export, whichever is known."""

    id: str | None = None
    number: int | None = None
    title: str = ""
    owner: Person | None = None
    size: int | None = None
    crawled_size: int | None = None


class Things(msgspec.Struct, frozen=True):
    """How many there are, and the first of them."""

    count: _Count
    first: tuple[Thing, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """What only the witness knows in one space. `visible` is whether the token's user sees the space itself; `space` is None for
    what the witness puts into none. `owners` are those of the space and of what is in it, most things first.
    """

    space: Thing | None
    visible: bool
    owners: tuple[Person, ...]
    kinds: dict[str, Things]


class KindDifferences(msgspec.Struct, frozen=True, rename="camel"):
    """Beside the groups, what one kind's counts are about."""

    missing: Things
    only_crawl: Things
    recovered: Things
    other_size: Things


class Report(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`coverage.json`. `groups` are spaces, those that are hidden first, at most `LISTED_GROUPS` of `all_groups`."""

    format: int = 1
    backup_uid: str = msgspec.field(name="backupUID")
    account: str
    edition: str
    counts: Coverage
    notes: tuple[str, ...] = ()
    all_groups: _Count = 0
    groups: tuple[Group, ...] = ()
    differences: dict[str, KindDifferences] = {}


def encode_report(report: Report) -> bytes:
    """The file's bytes: the same ones for the same report."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def decode_report(data: bytes) -> Report:
    """Raises ValueError for what is none; keys that a later version added are passed over."""
    try:
        return json_decoder(Report)(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no report of coverage: {error}") from None
