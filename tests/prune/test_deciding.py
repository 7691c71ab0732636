"""Which backups stay: decided purely, with a reason for each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prune.backups import NOW, uid_of
from wrikebackup_core import Backup, UsageError, WrikeBackupError
from wrikebackup_core.engine.prune import decide
from wrikebackup_core.engine.prune.deciding import SKEW


def backup(days: float, complete: bool | None = True) -> Backup:
    return Backup(uid_of(days), NOW - timedelta(days=days), complete=complete, gaps=int(complete is False))


_Shelves = st.lists(st.sampled_from([True, True, False, None]), max_size=30).map(
    lambda states: [backup(len(states) - at, state) for at, state in enumerate(states)]
)


@given(_Shelves, st.data())
def test_what_is_voted_for_pinned_unreadable_or_newest_stays_and_nothing_else_that_is_complete(
    backups: list[Backup], data: st.DataObject
) -> None:
    uids = [one.uid for one in backups]
    some = st.sets(st.sampled_from(uids)) if uids else st.just(set[str]())
    pins, first, second = (data.draw(some) for _ in range(3))
    complete = [one.uid for one in backups if one.complete]
    votes = [dict.fromkeys(first, "first"), dict.fromkeys(second, "second")]
    if len(complete) > 1 and not (first | second) & set(complete):
        with pytest.raises(UsageError, match="keep none"):
            decide(backups, dict.fromkeys(pins, "p"), votes, NOW)
        return
    decisions = decide(backups, dict.fromkeys(pins, "p"), votes, NOW)
    assert [one.backup for one in decisions] == backups
    assert all(one.reasons for one in decisions)
    kept = {one.backup.uid for one in decisions if one.keep}
    unreadable = {one.uid for one in backups if one.complete is None}
    newer = {one.uid for one in backups if one.complete is False and one.uid > max(complete, default="")}
    assert kept == pins | ((first | second) & set(complete)) | set(complete[-1:]) | unreadable | newer


def test_a_vote_for_a_backup_with_gaps_does_not_keep_it() -> None:
    gone, kept = decide([backup(2, False), backup(1)], {}, [{uid_of(2): "a rule", uid_of(1): "a rule"}], NOW)
    assert (gone.keep, gone.reasons) == (False, ("not complete, as a newer one is",))
    assert (kept.keep, kept.reasons) == (True, ("a rule",))


def test_every_reason_is_told() -> None:
    one, two = decide(
        [backup(2), backup(1)], {uid_of(2): "audit"}, [{uid_of(2): "daily 1 of 7"}, {uid_of(2): "x"}], NOW
    )
    assert one.reasons == ("daily 1 of 7", "x", "pinned: audit")
    assert two.reasons == ("the newest complete one",)


def test_without_a_complete_backup_all_stay() -> None:
    assert all(one.keep for one in decide([backup(2, False), backup(1, False), backup(3, None)], {}, [{}], NOW))


@pytest.mark.parametrize("complete", [True, False, None])
def test_a_backup_from_the_future_stops_all(complete: bool | None) -> None:
    future = Backup(uid_of(-1), NOW + timedelta(days=1), complete=complete)
    with pytest.raises(WrikeBackupError, match="from the future") as caught:
        decide([backup(1), future], {}, [{uid_of(1): "a rule"}], NOW)
    assert "clock" in str(caught.value.hint)


def test_clocks_of_two_machines_may_differ_a_little() -> None:
    late = Backup(uid_of(0), NOW + SKEW, complete=True)
    assert all(one.keep for one in decide([late], {}, [{late.uid: "a rule"}], NOW))


def test_rules_that_keep_nothing_delete_nothing() -> None:
    with pytest.raises(UsageError, match="keep none of 2 complete backups"):
        decide([backup(2), backup(1)], {}, [{}], NOW)
