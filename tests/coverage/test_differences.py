"""Comparing: for any account and any witness the counts are those of plain sets."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core.engine.coverage.differences import ITEMS, Differences, Moments
from wrikebackup_core.engine.coverage.spaces import mark_missing, place, take_spaces
from wrikebackup_core.engine.coverage.told import Told
from wrikebackup_core.model import Kind, Record
from wrikebackup_core.ports import Page
from wrikebackup_core.spool import Spool
from wrikebackup_core.witnesses import Part, Seen

MOMENTS = Moments(started=2000, heard=1000)
NUMBERS = st.integers(1, 30) | st.sampled_from([2**31, 2**32 + 5, 2**63 - 1])
KINDS = st.sampled_from([Kind.TASKS, Kind.FOLDERS, Kind.SPACES, None])


def record(number: int) -> Record:
    link = f"https://www.wrike.com/open.htm?id={number}"
    return Record(json.dumps({"id": f"X{number}", "permalink": link, "scope": "WsTask"}).encode())


def spool_of(folder: str, tasks: set[int], folders: set[int], recycled: set[int]) -> Spool:
    spool = Spool(Path(folder) / "spool.sqlite")
    bin_ids = [f"IEAAAEDYKQ{_base32(number)}" for number in recycled if number < 2**31]
    spool.add(Kind.TASKS, 0, Page(list(map(record, sorted(tasks))), recycled=bin_ids))
    spool.add(Kind.FOLDERS, 0, Page(list(map(record, sorted(folders - tasks)))))
    return spool


def _base32(number: int) -> str:
    from base64 import b32encode

    return b32encode(b"A" + (4216).to_bytes(4, "big") + b"T" + number.to_bytes(4, "big")).decode()[10:]


@given(
    st.sets(NUMBERS),
    st.sets(NUMBERS),
    st.dictionaries(NUMBERS, st.tuples(KINDS, st.sampled_from([None, 500, 2500]), st.booleans())),
    st.sets(st.integers(1, 30)),
)
@settings(max_examples=30, deadline=None)
def test_items_are_counted_as_sets_would_be(
    tasks: set[int],
    folders: set[int],
    told_of: dict[int, tuple[Kind | None, int | None, bool]],
    recycled: set[int],
) -> None:
    folders, recycled = folders - tasks, recycled - tasks - folders
    with tempfile.TemporaryDirectory() as name:
        spool = spool_of(name, tasks, folders, recycled)
        told = Told(spool)
        told.begin("one", None)
        told.start(Part.ITEMS)
        told.add(Part.ITEMS, [Seen(n, kind, changed=at, deleted=gone) for n, (kind, at, gone) in told_of.items()])
        differences = Differences(spool, MOMENTS)
        differences.items([Kind.TASKS, Kind.FOLDERS], 0)
        take_spaces(differences.db)
        place(differences.db)
        mark_missing(differences.db)
        counts = differences.final_counts()
        spool.close()
    mine = {Kind.TASKS.value: tasks, Kind.FOLDERS.value: folders}
    lone = {number: fact for number, fact in told_of.items() if number not in tasks | folders}
    aside = {n for n, (_, at, gone) in lone.items() if gone or (at or 0) >= MOMENTS.started or n in recycled}
    for kind, wanted in (("tasks", [Kind.TASKS]), ("folders", [Kind.FOLDERS, Kind.SPACES]), (ITEMS, [None])):
        own = {number for number, (word, _, _) in lone.items() if word in wanted}
        if kind == ITEMS and not own:
            assert ITEMS not in counts
            continue
        found, both = counts[kind], mine.get(kind, set()) & told_of.keys()
        assert found.crawled == len(mine.get(kind, ()))
        assert found.both == len(both)
        assert found.witnessed == len(both) + len(own)
        assert found.set_aside == len(own & aside)
        assert found.only_witness == len(own - aside)
        assert found.only_crawl == len(mine.get(kind, set()) - told_of.keys())
        assert found.missing <= found.only_witness


@given(st.dictionaries(st.integers(1, 25), st.integers(1, 25)), st.sets(st.integers(1, 25), min_size=1))
@settings(max_examples=30, deadline=None)
def test_each_item_lies_in_the_space_above_it_and_no_circle_keeps_it_busy(
    parents: dict[int, int], spaces: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        spool = spool_of(name, set(), set(), set())
        told = Told(spool)
        told.begin("one", None)
        items = {*parents, *parents.values(), *spaces}
        told.add(Part.ITEMS, [Seen(number, Kind.SPACES if number in spaces else Kind.TASKS) for number in items])
        told.add(Part.PARENTS, [Seen(child, parent=parent) for child, parent in parents.items()])
        differences = Differences(spool, MOMENTS)
        differences.items([Kind.TASKS, Kind.FOLDERS], 0)
        take_spaces(differences.db)
        place(differences.db)
        found = dict(differences.db.execute("SELECT key, space FROM lone"))
        spool.close()
    for number in items:
        at: int | None = number
        for _ in range(30):
            if at is None or at in spaces:
                break
            at = parents.get(at)
        assert found[number] == (at if at in spaces else None)


def test_what_is_in_a_space_that_is_seen_and_in_a_hidden_one_counts_as_seen() -> None:
    with tempfile.TemporaryDirectory() as name:
        spool = spool_of(name, set(), {1}, set())
        told = Told(spool)
        told.begin("one", None)
        told.add(Part.ITEMS, [Seen(1, Kind.SPACES), Seen(2, Kind.SPACES), Seen(3, Kind.TASKS), Seen(4, Kind.TASKS)])
        told.add(Part.PARENTS, [Seen(3, parent=2), Seen(3, parent=1), Seen(4, parent=2)])
        differences = Differences(spool, MOMENTS)
        differences.items([Kind.TASKS, Kind.FOLDERS], 0)
        take_spaces(differences.db)
        place(differences.db)
        mark_missing(differences.db)
        assert dict(differences.db.execute("SELECT key, space FROM lone WHERE kind = 'tasks'")) == {3: 1, 4: 2}
        assert differences.final_counts()["tasks"].missing == 1
        spool.close()


def test_what_a_run_was_told_is_forgotten_with_the_run() -> None:
    """A spool outlives a run that is given up: what the next one is compared with is its own."""
    with tempfile.TemporaryDirectory() as name:
        spool = spool_of(name, set(), set(), set())
        told = Told(spool)
        told.begin("one", None)
        told.add(Part.ITEMS, [Seen(1, Kind.TASKS)])
        told.finish(Part.ITEMS)
        assert Told(spool).facts() is not None
        spool.reset()
        again = Told(spool)
        assert again.facts() is None
        assert spool.reading.execute("SELECT count(*) FROM witness_items").fetchone() == (0,)
        spool.close()


def test_another_edition_takes_the_place_of_the_one_before() -> None:
    with tempfile.TemporaryDirectory() as name:
        spool = spool_of(name, set(), set(), set())
        told = Told(spool)
        told.begin("one", None)
        told.add(Part.FILES, [Seen("IEAAAEDYIYAB7DLK", size=1)])
        told.finish(Part.FILES)
        told.begin("one", None)
        facts = told.facts()
        assert facts is not None
        assert facts.whole == ["files"]
        told.begin("two", None)
        facts = told.facts()
        assert facts is not None
        assert facts.whole == []
        assert spool.reading.execute("SELECT count(*) FROM witness_files").fetchone() == (0,)
        spool.close()
