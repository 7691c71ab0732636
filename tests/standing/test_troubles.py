"""Troubles begin once and end once, and what cannot be told changes nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.standing import Open, Place, cause_of, judge, look
from wrikebackup_core.errors import LeaseLost, SinkFull, SourceError, Unauthorized
from wrikebackup_core.monitors import Ran, SinkStanding, Standing

NOW = datetime(2027, 3, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def held(name: str = "a", age: timedelta = timedelta(hours=2), **more: object) -> SinkStanding:
    newest = NOW - age
    facts = {"backups": 3, "newest": newest, "newest_complete": newest, "complete_uid": f"uid-{newest:%Y%m%d%H}"}
    return SinkStanding(name, **{**facts, **more})  # type: ignore[arg-type] # which fields, each test says


def stands(*sinks: SinkStanding, at: datetime = NOW, objective: timedelta | None = timedelta(hours=26)) -> Standing:
    return Standing("acme", at, "host", "IEAAAEDY", sinks or (held(),), objective=objective)


def ran(code: int = 0, cause: str | None = None, **more: object) -> Ran:
    return Ran(NOW, NOW, code, cause or "complete", cause=cause, **more)  # type: ignore[arg-type] # as above


def ids(troubles: object) -> list[str]:
    return [one.id for one in troubles]  # type: ignore[attr-defined] # of Open


def test_a_profile_that_is_well_has_no_troubles() -> None:
    assert judge([], stands(), [ran(sinks={"a": None})]).lasting == ()
    assert judge([], stands(), []).lasting == ()


def test_each_cause_of_failure_is_a_trouble_of_its_own_and_the_end_of_the_one_before() -> None:
    first = judge([], stands(), [ran(1, "unauthorized")])
    assert ids(first.begun) == ["run unauthorized"]
    again = judge(first.lasting, stands(), [ran(1, "unauthorized"), ran(1, "unauthorized")])
    assert (again.begun, again.over, ids(again.lasting)) == ((), (), ["run unauthorized"])
    other = judge(again.lasting, stands(), [ran(1, "unauthorized"), ran(1, "full")])
    assert (ids(other.begun), ids(other.over)) == (["run full"], ["run unauthorized"])
    assert ids(judge(other.lasting, stands(), [ran(1, "full"), ran()]).over) == ["run full"]


@pytest.mark.parametrize("cause", ["interrupted", "busy"])
def test_a_run_that_gave_way_or_was_interrupted_says_nothing_of_the_trouble_before(cause: str) -> None:
    first = judge([], stands(), [ran(1, "unauthorized")])
    judged = judge(first.lasting, stands(), [ran(1, "unauthorized"), ran(130, cause)])
    assert (judged.begun, judged.over) == ((), ())
    assert judge([], stands(), [ran(), ran(130, cause)]).lasting == ()


def test_a_sink_that_was_dropped_is_in_trouble_until_a_run_or_another_host_writes_there() -> None:
    dropped = ran(3, sinks={"a": None, "b": "no room"})
    first = judge([], stands(held("a"), held("b")), [dropped])
    assert ids(first.begun) == ["sink b"]
    failed = judge(first.lasting, stands(held("a"), held("b")), [dropped, ran(1, "unauthorized")])
    assert (ids(failed.begun), ids(failed.over)) == (["run unauthorized"], [])
    assert ids(
        judge(first.lasting, stands(held("a"), held("b")), [dropped, ran(sinks={"a": None, "b": None})]).over
    ) == ["sink b"]
    newer = held("b", -timedelta(minutes=1))
    assert ids(judge(first.lasting, stands(held("a"), newer), [dropped]).over) == ["sink b"]


def test_a_run_that_failed_for_a_sink_and_the_sink_are_one_trouble() -> None:
    lost = SinkStanding("a", problem="no route to host")
    assert ids(judge([], stands(lost), [ran(1, "sink", sinks={"a": "no route to host"})]).begun) == ["sink a"]


def test_a_run_that_lost_a_sink_and_then_failed_for_another_reason_is_a_trouble_of_its_own() -> None:
    refused = ran(1, "unauthorized", sinks={"b": "no room"})
    first = judge([], stands(held("a"), held("b")), [refused])
    assert set(ids(first.begun)) == {"run unauthorized", "sink b"}
    assert judge(first.lasting, stands(held("a"), held("b")), [refused, refused]).over == ()


def test_a_sink_that_is_not_reached_ends_none_of_its_other_troubles() -> None:
    first = judge([], stands(held(age=3 * DAY, gaps=2)), [])
    assert set(ids(first.begun)) == {"late a", "gaps"}
    judged = judge(first.lasting, stands(SinkStanding("a", problem="gone")), [])
    assert (ids(judged.begun), ids(judged.over)) == (["sink a"], [])


def test_a_sink_that_had_no_time_to_answer_neither_begins_nor_ends_a_trouble() -> None:
    asked = threading.Event()
    with_no_end = Place("a", "a", asked.wait)  # type: ignore[arg-type] # opens nothing, ever
    looked = look([with_no_end], None, seconds=0.01)
    assert looked.slow == {"a"}
    slow = looked.sinks[0]
    assert judge([], stands(slow), [], missed=looked.slow).begun == ()
    lost = judge([], stands(SinkStanding("a", problem="gone"), held("b", 3 * DAY)), []).lasting
    judged = judge(lost, stands(slow, SinkStanding("local", problem=slow.problem)), [], missed={"a", "local"})
    assert (judged.begun, judged.over, judged.lasting) == ((), (), lost)
    asked.set()


def test_a_clock_that_was_set_back_ends_no_lateness_and_makes_no_backup_younger() -> None:
    late = held(age=timedelta(hours=30))
    first = judge([], stands(late), [])
    assert ids(first.begun) == ["late a"]
    back = judge(first.lasting, stands(late, at=NOW - DAY), [])
    assert back.over == ()
    new = replace(late, newest_complete=NOW - DAY, newest=NOW - DAY, complete_uid="uid-new")
    assert ids(judge(back.lasting, stands(new, at=NOW - DAY + timedelta(hours=1)), []).over) == ["late a"]


def test_a_backup_from_the_future_is_a_trouble_of_the_clock() -> None:
    first = judge([], stands(held(age=-DAY)), [])
    assert ids(first.begun) == ["clock"]
    assert ids(judge(first.lasting, stands(held(age=-DAY), at=NOW + 2 * DAY, objective=None), []).over) == ["clock"]


def test_a_lock_that_ends_soon_is_told_and_one_that_has_run_out_is_not_over() -> None:
    locked = held(age=25 * DAY, locked_until=NOW + 5 * DAY)
    first = judge([], stands(locked, objective=None), [])
    assert ids(first.begun) == ["lock a"]
    assert judge(first.lasting, stands(replace(locked, locked_until=None), objective=None), []).over == ()
    short = held(
        age=timedelta(hours=3), locked_until=NOW + 2 * DAY
    )  # locked for two days each time, as somebody wants it
    assert ids(judge(first.lasting, stands(short, objective=None), []).over) == ["lock a"]


def test_a_refused_prune_is_a_trouble_until_one_goes_well() -> None:
    refused = ran(3, pruned=False, prune_words="from the future")
    first = judge([], stands(), [refused])
    assert ids(first.begun) == ["prune"]
    assert judge(first.lasting, stands(), [refused, ran()]).over == ()
    assert ids(judge(first.lasting, stands(), [refused, ran(pruned=True)]).over) == ["prune"]


def test_a_sink_that_left_the_profile_takes_its_troubles_along() -> None:
    first = judge([], stands(held("a"), held("b", 3 * DAY)), [])
    assert ids(judge(first.lasting, stands(held("a")), []).over) == ["late b"]


def test_a_failure_has_the_cause_of_its_kind() -> None:
    causes = [cause_of(error) for error in (Unauthorized("x"), SourceError("x"), SinkFull("x"), LeaseLost("x"))]
    assert causes == ["unauthorized", "source", "full", "busy"]
    assert cause_of(OSError(28, "no room")) == "disk"  # the spool's: no sink is to blame
    assert (cause_of(KeyboardInterrupt()), cause_of(ValueError())) == ("interrupted", "bug")


moments = st.integers(-60, 60).map(lambda hours: NOW + timedelta(hours=hours))
sinks = st.lists(
    st.one_of(
        st.builds(SinkStanding, st.sampled_from("ab"), problem=st.just("gone")),
        st.builds(
            lambda name, hours, gaps, lock: held(
                name,
                timedelta(hours=hours),
                gaps=gaps,
                locked_until=None if lock is None else NOW + timedelta(hours=lock),
            ),
            st.sampled_from("ab"),
            st.integers(-60, 300),
            st.integers(0, 2),
            st.none() | st.integers(1, 900),
        ),
        st.builds(SinkStanding, st.sampled_from("ab")),
    ),
    max_size=2,
    unique_by=lambda one: one.sink,
)
runs = st.none() | st.builds(
    ran,
    st.sampled_from([0, 1, 3, 5, 130]),
    st.sampled_from([None, "unauthorized", "full", "busy", "interrupted"]),
    sinks=st.dictionaries(st.sampled_from("ab"), st.none() | st.just("no room")),
    pruned=st.none() | st.booleans(),
)


@given(st.lists(st.tuples(moments, sinks, runs, st.booleans()), max_size=25))
def test_whatever_happens_a_trouble_begins_and_ends_in_turn_and_lasts_between(
    steps: list[tuple[datetime, list[SinkStanding], Ran | None, bool]],
) -> None:
    last: tuple[Open, ...] = ()
    history: list[Ran] = []
    open_now: set[str] = set()
    for at, seen, run, objective in steps:
        history += [run] if run is not None else []
        standing = Standing("acme", at, "host", None, seen, objective=timedelta(hours=26) if objective else None)
        judged = judge(last, standing, history)
        begun, over = ids(judged.begun), ids(judged.over)
        assert len({*begun, *over}) == len(begun) + len(over)
        assert not open_now & set(begun)
        assert set(over) <= open_now
        open_now = (open_now | set(begun)) - set(over)
        assert open_now == set(ids(judged.lasting))
        assert len(judged.lasting) == len(open_now)
        assert judge(judged.lasting, standing, history).begun == ()
        last = judged.lasting
