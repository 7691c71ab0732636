"""Without a BI export: a second listing in another order finds what the first one has lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.coverage.conftest import MakePlace, Place, manifest, report
from wrikebackup_core import Crawled, Kind, Page
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.model import CoverageMode
from wrikebackup_core.testing import MemorySink
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.source import MockSource

COMPARED = {"tasks", "folders", "contacts", "attachments", "timelogs"}


def alone(place: Place) -> int:
    """The place, from 1, in a list of all tasks, oldest first, of one that no other record names: nothing but a list brings it."""
    account = place.server.account
    tasks = list(account.dicts(Kind.TASKS, trashed=False))
    named = {
        one.get("taskId") for kind in (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS) for one in account.dicts(kind)
    }
    named |= {id_ for one in tasks for id_ in (*one["superTaskIds"], *one["subTaskIds"])}
    by_date = sorted(range(len(tasks)), key=lambda index: tasks[index]["createdDate"])
    return next(place for place, index in enumerate(by_date, 1) if tasks[index]["id"] not in named)


def test_both_listings_agree_on_an_account_that_stands_still(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    outcome = place.run(sink, with_export=False)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    assert outcome.coverage.witness == "listing"
    assert set(outcome.coverage.kinds) == COMPARED
    for one in outcome.coverage.kinds.values():
        assert one.only_witness == one.set_aside == one.recovered == one.missing == 0
        assert one.both == one.witnessed
    assert outcome.coverage.kinds["tasks"].both == outcome.counts["tasks"]
    assert manifest(sink).coverage == report(sink).counts == outcome.coverage


def test_it_costs_no_more_requests_than_the_first_one(make_place: MakePlace) -> None:
    place = make_place()
    before = len(list(place.server.requests))
    place.run(MemorySink("one"), with_export=False, mode=CoverageMode.NONE)
    without = len(list(place.server.requests)) - before
    place.run(MemorySink("two"), with_export=False)
    assert len(list(place.server.requests)) - before - without < 1.4 * without


def test_an_item_that_a_page_has_lost_is_found_and_comes_into_the_backup(make_place: MakePlace) -> None:
    place, sink = make_place(shape={"tasks": 200, "comments": 0, "attachments": 0, "timelogs": 0}), MemorySink()
    place.server.faults.add(f"lose:path=^/tasks$,at=1,by={alone(place)}")
    outcome = place.run(sink, with_export=False)
    assert place.server.faults.fired("lose") == 1
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["tasks"].recovered == 1
    assert outcome.counts["tasks"] == place.server.account.count(Kind.TASKS, trashed=False)


def test_without_comparing_it_would_be_lost(make_place: MakePlace) -> None:
    """Shows that the test above tests something."""
    place = make_place(shape={"tasks": 200, "comments": 0, "attachments": 0, "timelogs": 0})
    place.server.faults.add(f"lose:path=^/tasks$,at=1,by={alone(place)}")
    outcome = place.run(MemorySink(), with_export=False, mode=CoverageMode.NONE)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.counts["tasks"] == place.server.account.count(Kind.TASKS, trashed=False) - 1


def test_what_cannot_be_read_by_its_id_is_a_gap_with_its_id(make_place: MakePlace) -> None:
    place, sink = make_place(shape={"tasks": 200, "comments": 0, "attachments": 0, "timelogs": 0}), MemorySink()
    lost = alone(place)
    place.server.faults.add(f"lose:path=^/tasks$,at=1,by={lost}")
    place.server.faults.add("status:path=^/tasks/,status=404")
    outcome = place.run(sink, with_export=False)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["tasks"].missing == 1
    account = place.server.account
    by_date = sorted(account.dicts(Kind.TASKS, trashed=False), key=lambda one: one["createdDate"])
    (gap,) = [gap for gap in outcome.gaps if gap.kind == "tasks"]
    assert gap.id == by_date[lost - 1]["id"]
    assert "a second listing has it" in gap.reason


class _Growing(MockSource):
    """An account in which tasks are created and deleted while it is read: the second listing has one more, and one less."""

    def __init__(self, created: datetime) -> None:
        super().__init__(MockAccount())
        self._created = created
        self.listed = 0

    def recount(self, kind: Kind, crawled: Crawled) -> Any:
        from wrikebackup_core import Listed

        self.listed += 1
        for some in super().recount(kind, crawled):
            kept = list(some)
            if kind is Kind.TASKS:
                kept = [*kept[1:], Listed("MAAAAAEFzzde", self._created)]
            yield kept


def test_what_was_created_during_the_run_is_set_aside_and_what_was_deleted_is_told(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    outcome = place.run(sink, source=_Growing(datetime.now(UTC) + timedelta(hours=1)), with_export=False)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    tasks = outcome.coverage.kinds["tasks"]
    assert (tasks.set_aside, tasks.only_crawl, tasks.missing) == (1, 1, 0)


def test_what_was_there_before_the_run_and_nobody_gives_is_missing(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    outcome = place.run(sink, source=_Growing(datetime(2025, 1, 1, tzinfo=UTC)), with_export=False)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert [gap.id for gap in outcome.gaps] == ["MAAAAAEFzzde"]


def test_a_second_listing_that_fails_is_told_and_the_backup_is_no_worse(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()

    class _Fails(MockSource):
        def recount(self, kind: Kind, crawled: Crawled) -> Any:
            from wrikebackup_core import SourceError

            if kind is Kind.TASKS:
                raise SourceError("in trouble")
            return super().recount(kind, crawled)

    outcome = place.run(sink, source=_Fails(MockAccount()), with_export=False)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    assert outcome.coverage.not_compared == ("tasks",)
    assert "tasks cannot be listed a second time" in place.messages


def test_kinds_that_are_skipped_or_refused_are_not_listed_again(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    outcome = place.run(sink, source=MockSource(MockAccount(), forbidden=frozenset({Kind.TIMELOGS})), with_export=False)
    assert outcome.coverage is not None
    assert set(outcome.coverage.kinds) == COMPARED - {"timelogs"}


def test_after_a_kill_what_was_listed_twice_is_not_listed_again(make_place: MakePlace) -> None:
    place = make_place()
    source = _Growing(datetime(2020, 1, 1, tzinfo=UTC))
    source.close = lambda: None  # type: ignore[method-assign]
    dying = [True]

    class _Dies(MemorySink):
        def create(self, key: str) -> Any:
            if "records-" in key and dying:
                raise KeyboardInterrupt
            return super().create(key)

    sink = _Dies()
    with pytest.raises(KeyboardInterrupt):
        place.run(sink, source=source, with_export=False)
    dying.clear()
    assert source.listed == len(COMPARED)
    outcome = place.run(sink, source=source, with_export=False)
    assert outcome.resumed
    assert source.listed == len(COMPARED)
    assert [gap.id for gap in outcome.gaps] == ["MAAAAAEFzzde"]


def test_a_source_that_knows_no_second_way_is_backed_up_without(make_place: MakePlace) -> None:
    class _Plain:
        def __init__(self) -> None:
            source = MockSource(MockAccount())
            for name in ("account", "waves", "open_attachment", "export", "export_edition", "checks", "close"):
                setattr(self, name, getattr(source, name))
            self._source = source

        def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Any:
            yield Page(())
            yield from self._source.pages(kind, wave, crawled, cursor)

    place, sink = make_place(), MemorySink()
    outcome = place.run(sink, source=_Plain(), with_export=False)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is None
    assert manifest(sink).coverage is None
