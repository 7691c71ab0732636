"""What a report tells: which days have a backup, whether all is well, what sinks hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from tests.prune.backups import Keep
from tests.report.accounts import ACCOUNT, grow, put
from wrikebackup_core import Gap, Sink
from wrikebackup_core.engine.prune import State
from wrikebackup_core.engine.reporting import Asked, Level, Mark, ProfileFacts, SinkFacts, gather
from wrikebackup_core.engine.reporting.days import calendar, usual_wait
from wrikebackup_core.engine.reporting.facts import Taken
from wrikebackup_core.engine.reporting.judging import pace, span
from wrikebackup_core.errors import SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.stored import store
from wrikebackup_core.testing import MemorySink

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def facts_of(
    *sinks: Sink, state: Path, objective: timedelta | None = None, lost: tuple[SinkFacts, ...] = ()
) -> ProfileFacts:
    return gather(Asked("acme", sinks, state, Plugins(), (Keep(last=3),), lost, objective, zone=UTC), NOW)


def taken(days: float, previous: Taken | None = None, state: State = State.COMPLETE) -> Taken:
    when = NOW - days * DAY
    return Taken(
        layout.new_backup_uid(when, "000000"), when, state, previous=None if previous is None else previous.uid
    )


def marks(backups: list[Taken], *, pruned: bool = False) -> str:
    """A letter a day."""
    days = calendar(backups, NOW, usual_wait(backups), pruned=pruned, zone=UTC)
    return "".join(day.mark.value[0] for day in days)


def test_a_week_without_backups_is_missed_where_one_came_each_day() -> None:
    backups = [taken(days) for days in range(20, -1, -1) if days not in range(5, 12)]
    assert marks(backups) == "c" * 9 + "m" * 7 + "c" * 5


def test_what_a_prune_has_taken_is_not_taken_for_missed() -> None:
    gone = taken(4)
    backups = [taken(9), taken(3, gone), *(taken(days) for days in (2, 1, 0))]
    assert marks(backups) == "c" + "p" * 5 + "cccc"


def test_days_behind_a_backup_that_was_pruned_are_missed_where_the_next_one_says_so() -> None:
    """The manifest of the next backup names the pruned one as the newest that was there."""
    gone = taken(8)
    backups = [taken(12), *(taken(days) for days in (11, 10)), taken(3, gone), *(taken(days) for days in (2, 1, 0))]
    assert marks(backups) == "ccc" + "pp" + "mmmm" + "cccc"


def test_backups_that_come_weekly_are_not_missed_in_between() -> None:
    assert marks([taken(days) for days in (21, 14, 7)]) == "ciiiiiiciiiiiiciiiiiii"


def test_weekly_backups_of_which_one_is_missing_were_missed_from_the_day_it_was_due() -> None:
    assert (
        marks([taken(days) for days in (28, 21, 14, 0)])
        == "c" + "iiiiii" + "c" + "iiiiii" + "c" + "iiiiii" + "mmmmmmm" + "c"
    )


@pytest.mark.parametrize("hour", [0, 6, 12, 18, 23])
def test_a_day_is_missed_at_whatever_hour_backups_are_taken(hour: int) -> None:
    backups = [taken(days + (12 - hour) / 24) for days in range(9, 0, -1) if days != 4]
    assert marks(backups)[:9] == "cccccmccc"


def test_the_best_backup_of_a_day_counts() -> None:
    backups = [taken(1.2, state=State.PARTIAL), taken(1.1), taken(0.1, state=State.UNREADABLE)]
    assert marks(backups) == "cu"


def test_one_backup_alone_claims_nothing_about_the_days_after_it() -> None:
    assert marks([taken(5)]) == "ciiiii"


def test_no_backup_no_calendar() -> None:
    assert marks([]) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (30, "less than a minute"),
        (60, "1 minute"),
        (3600, "60 minutes"),
        (26 * 3600, "26 hours"),
        (86400 * 8, "8 days"),
    ],
)
def test_spans_are_told_in_the_largest_unit_of_which_there_are_two(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_pace_of_about_a_day_is_told_as_every_day() -> None:
    assert [pace(timedelta(hours=hours)) for hours in (1, 23.5, 72, 168)] == ["hour", "day", "3 days", "week"]


def test_all_is_well_where_the_last_backup_is_complete_young_and_everywhere(tmp_path: Path) -> None:
    one, other = MemorySink("one"), MemorySink("other")
    for sink in (one, other):
        grow(sink, 5, NOW)
    facts = facts_of(one, other, state=tmp_path)
    (account,) = facts.accounts
    assert facts.level is Level.GOOD, account.remarks
    assert [remark.text for remark in account.remarks] == [
        "The last complete backup is 3 hours old.",
        "Both sinks have it.",
    ]
    assert (account.name, len(account.backups), account.backups[0].sinks) == ("Acme", 5, ("memory:one", "memory:other"))
    assert account.steps[-1].by_kind["comments"] == 61
    assert account.coverage is not None
    assert [len([one for one in place.backups if one.keep]) for place in account.plan] == [3, 3]


def test_a_backup_that_is_older_than_the_objective_is_bad(tmp_path: Path) -> None:
    sink = MemorySink("one")
    grow(sink, 5, NOW)
    facts = facts_of(sink, state=tmp_path, objective=timedelta(hours=2))
    assert facts.level is Level.BAD
    assert (
        facts.accounts[0].remarks[0].text
        == "The last complete backup is 3 hours old; it is to be no older than 2 hours."
    )


@pytest.mark.parametrize(("days", "level"), [(1, Level.GOOD), (2, Level.LOOK), (8, Level.BAD)])
def test_without_an_objective_backups_are_late_by_what_is_usual(tmp_path: Path, days: int, level: Level) -> None:
    sink = MemorySink("one")
    grow(sink, 6, NOW - days * DAY)
    assert facts_of(sink, state=tmp_path).level is level


@pytest.mark.parametrize(("days", "level"), [(6, Level.GOOD), (8, Level.LOOK)])
def test_all_is_not_well_with_one_old_backup_of_which_nothing_says_when_the_next_is_due(
    tmp_path: Path, days: int, level: Level
) -> None:
    sink = MemorySink("one")
    put(sink, NOW - days * DAY)
    assert facts_of(sink, state=tmp_path).level is level


def test_an_empty_account_is_told_as_such(tmp_path: Path) -> None:
    facts = facts_of(MemorySink("one"), state=tmp_path)
    assert (facts.level, [one.text for one in facts.remarks]) == (Level.BAD, ["There is no backup yet."])
    assert facts.accounts == ()


def test_a_sink_that_fails_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    class Gone(MemorySink):
        def folders(self, prefix: str) -> NoReturn:
            raise SinkError("memory:gone: does not answer")

    sink = MemorySink("one")
    grow(sink, 3, NOW)
    facts = facts_of(sink, Gone("gone"), state=tmp_path)
    assert facts.level is Level.LOOK
    assert [one.text for one in facts.remarks] == ["memory:gone cannot be looked into: does not answer."]
    assert [held.sink for held in facts.accounts[0].holdings] == ["memory:one"]


def test_a_sink_that_answers_and_holds_nothing_lacks_the_last_backup(tmp_path: Path) -> None:
    sink = MemorySink("one")
    grow(sink, 3, NOW)
    facts = facts_of(sink, MemorySink("empty"), state=tmp_path)
    assert "memory:empty does not have the last complete backup." in [one.text for one in facts.accounts[0].remarks]


def test_backups_with_gaps_alone_are_no_complete_one(tmp_path: Path) -> None:
    sink = MemorySink("one")
    put(sink, NOW - DAY, gaps=[Gap("tasks", "IEAA", "refused")])
    facts = facts_of(sink, state=tmp_path)
    assert facts.accounts[0].remarks[0].text == "No backup is complete: the newest has 1 gap."
    assert facts.accounts[0].gaps[0].id == "IEAA"


def test_a_sink_that_lacks_the_last_backup_or_holds_another_under_its_name_is_told(tmp_path: Path) -> None:
    one, other, third = MemorySink("one"), MemorySink("other"), MemorySink("third")
    for sink in (one, other, third):
        put(sink, NOW - 2 * DAY, {"tasks": 1})
    put(one, NOW - DAY, {"tasks": 1}, files=3)
    put(other, NOW - DAY, {"tasks": 1}, files=4)
    facts = facts_of(one, other, third, state=tmp_path)
    texts = [remark.text for remark in facts.accounts[0].remarks]
    assert "memory:third does not have the last complete backup." in texts
    uid = facts.accounts[0].backups[-1].uid
    assert f"memory:other: {uid} is not what another sink holds under that name." in texts
    assert facts.level is Level.BAD


def test_a_manifest_that_cannot_be_read_is_told_and_hides_no_other_backup(tmp_path: Path) -> None:
    sink = MemorySink("one")
    grow(sink, 3, NOW)
    uid = layout.new_backup_uid(NOW - timedelta(hours=30), "ffffff")
    store(sink, layout.manifest_key(ACCOUNT.id, uid), [b"garbage"])
    (account,) = facts_of(sink, state=tmp_path).accounts
    assert len(account.complete) == 3
    assert f"memory:one: {uid} cannot be read." in [remark.text for remark in account.remarks]


def test_a_backup_from_the_future_is_told(tmp_path: Path) -> None:
    sink = MemorySink("one")
    put(sink, NOW + DAY)
    (account,) = facts_of(sink, state=tmp_path).accounts
    assert account.remarks[0].text == "The last complete backup is from the future."


def test_a_report_writes_nothing_to_a_sink(tmp_path: Path) -> None:
    sink = MemorySink("one")
    grow(sink, 3, NOW)
    before = dict(sink.objects)
    facts_of(sink, state=tmp_path)
    assert dict(sink.objects) == before


def test_what_is_locked_is_told_until_when(tmp_path: Path) -> None:
    sink = MemorySink("one", lock_days=30)
    grow(sink, 2, NOW)
    (held,) = facts_of(sink, state=tmp_path).accounts[0].holdings
    assert held.locked_until is not None


def test_the_calendar_has_each_day_once_over_the_change_of_the_clocks() -> None:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 10, 20, 2, 30, tzinfo=UTC)
    backups = [replace(taken(0), uid=f"u{n}", started=start + n * DAY) for n in range(12)]
    days = list(calendar(backups, start + 11 * DAY, DAY, pruned=False, zone=zone))
    assert [one.day.day for one in days] == [*range(20, 32)]
    assert {one.mark for one in days} == {Mark.COMPLETE}
