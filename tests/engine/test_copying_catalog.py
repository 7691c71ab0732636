"""What a copy looks up takes as long as there are objects, and not as their number squared."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.ports import Entry

ASKED: dict[str, Callable[[Catalog], object]] = {
    "total": Catalog.total,
    "to do": lambda catalog: drained(catalog.to_do(own=False, least=0, below=None)),
    "doubtful": lambda catalog: drained(catalog.doubtful()),
    "planned": lambda catalog: catalog.planned(1),
    "held before": lambda catalog: drained(catalog.held_before(1)),
    "taken over": lambda catalog: drained(catalog.taken_over(1)),
    "unnamed": lambda catalog: catalog.unnamed("account-X/attachments"),
    "objects": lambda catalog: drained(catalog.objects()),
}


def drained(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def steps(count: int, asked: Callable[[Catalog], object]) -> int:
    """Hundreds of instructions of SQLite's own machine."""
    taken = [0]

    def count_step() -> int:
        taken[0] += 1
        return 0

    keys = [f"account-X/attachments/IEAA{number:08d}-name" for number in range(count)]
    with Catalog() as catalog:
        catalog.list_source(Entry(key, 10) for key in keys)
        for target in (0, 1):
            catalog.list_target(target, (Entry(key, 10) for key in keys[: count // 2]))
            catalog.know(target, (("a" * 64, key) for key in keys[: count // 4]))
        catalog.want(((key, key, "b" * 64) for key in keys), "account-X/backup-1", [0, 1])
        catalog._db.set_progress_handler(count_step, 100)
        asked(catalog)
    return taken[0]


@pytest.mark.parametrize("name", ASKED)
def test_twice_as_many_objects_take_about_twice_the_work(name: str) -> None:
    some, twice = steps(2_000, ASKED[name]), steps(4_000, ASKED[name])
    assert twice < 2.7 * some + 10
