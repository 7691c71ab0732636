"""What holds of every policy, whatever the times and the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from wrikebackup_retention.policy import PERIODS, Rule, decide
from wrikebackup_retention.spans import Span

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia")]
# strftime's own words for the periods: what the policy says, told by somebody else.
FORMATS = {"hourly": "%Y-%m-%d %H %z", "daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m", "yearly": "%Y"}

Backups = dict[str, datetime]


def _backups(starts: Sequence[datetime]) -> Backups:
    return {f"{number:04}": start for number, start in enumerate(starts)}


# Days on which clocks change and years begin among them; minutes, so that some are the same.
MOMENTS = st.one_of(
    st.integers(0, 60 * 24 * 3).map(lambda minutes: datetime(2026, 10, 24, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.integers(0, 24 * 20).map(lambda hours: datetime(2026, 12, 20, tzinfo=UTC) + timedelta(hours=hours)),
    st.integers(0, 60 * 24 * 7300).map(lambda minutes: datetime(2009, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
)
BACKUPS = st.lists(MOMENTS, max_size=40).map(_backups)
SPANS = st.builds(Span, *(st.integers(0, most) for most in (2, 14, 6, 40)), st.integers(1, 50))
COUNTED = st.builds(Rule, st.sampled_from([name for name in PERIODS if name != "within"]), st.integers(1, 12))
STEADY = st.one_of(
    COUNTED, st.builds(Rule, st.sampled_from(list(FORMATS)), st.none()), st.builds(Rule, st.just("within"), SPANS)
)
RULE = st.one_of(STEADY, st.builds(Rule, st.sampled_from(list(FORMATS)), SPANS))


def _rules(rule: st.SearchStrategy[Rule]) -> st.SearchStrategy[list[Rule]]:
    return st.lists(rule, min_size=1, max_size=5, unique_by=lambda rule: rule.name)


RULES = _rules(RULE)
ZONE = st.sampled_from(ZONES)
NOW = datetime(2029, 1, 1, tzinfo=UTC)


def kept(backups: Mapping[str, datetime], rules: Sequence[Rule], zone: ZoneInfo, now: datetime = NOW) -> set[str]:
    return set(decide(backups.items(), now, rules, zone))


def plainly(backups: Backups, rule: Rule, zone: ZoneInfo) -> set[str]:
    """One rule, slowly: the groups of backups that have a period in common, and of each the newest."""
    if not backups:
        return set()
    order = sorted(backups, key=lambda uid: (backups[uid], uid))
    since = rule.limit.before(backups[order[-1]], zone) if isinstance(rule.limit, Span) else None
    groups = dict[str, str]()
    for uid in order:
        if since is None or backups[uid] > since:
            name = uid if rule.name not in FORMATS else backups[uid].astimezone(zone).strftime(FORMATS[rule.name])
            groups[name] = uid
    newest = sorted(groups.values(), key=order.index, reverse=True)
    few = len(newest) < rule.limit if isinstance(rule.limit, int) else since is None or backups[order[0]] > since
    of_all = newest[: rule.limit] if isinstance(rule.limit, int) else newest
    return {order[-1], *of_all, *(order[:1] if few else ())}


@given(BACKUPS, RULES, ZONE)
def test_what_stays_is_what_each_rule_wants_by_itself(backups: Backups, rules: list[Rule], zone: ZoneInfo) -> None:
    assert kept(backups, rules, zone) == set().union(*(plainly(backups, rule, zone) for rule in rules))


@given(BACKUPS, RULES, RULE, ZONE)
def test_a_rule_more_takes_no_backup_away(backups: Backups, rules: list[Rule], more: Rule, zone: ZoneInfo) -> None:
    assert kept(backups, rules, zone) <= kept(backups, [*rules, more], zone)


@given(BACKUPS, st.lists(COUNTED, min_size=1, max_size=5), ZONE)
def test_no_more_stay_than_the_rules_count(backups: Backups, rules: list[Rule], zone: ZoneInfo) -> None:
    assert len(kept(backups, rules, zone)) <= sum(rule.limit for rule in rules if isinstance(rule.limit, int))


def _left(backups: Backups, rules: Sequence[Rule], zone: ZoneInfo) -> Backups:
    """Those that are left where all others were deleted after each backup."""
    left = Backups()
    for uid in sorted(backups, key=lambda uid: (backups[uid], uid)):
        left[uid] = backups[uid]
        stay = kept(left, rules, zone)
        left = {uid: start for uid, start in left.items() if uid in stay}
    return left


@given(BACKUPS, RULES, ZONE)
def test_deciding_again_after_a_prune_keeps_them_all(backups: Backups, rules: list[Rule], zone: ZoneInfo) -> None:
    first = kept(backups, rules, zone)
    assert kept({uid: start for uid, start in backups.items() if uid in first}, rules, zone) == first


@given(BACKUPS, _rules(STEADY), ZONE)
def test_deciding_again_gives_the_same_reasons(backups: Backups, rules: list[Rule], zone: ZoneInfo) -> None:
    first = decide(backups.items(), NOW, rules, zone)
    assert decide([(uid, backups[uid]) for uid in first], NOW, rules, zone) == first


@given(BACKUPS, _rules(STEADY), ZONE)
def test_pruning_after_each_backup_leaves_what_one_prune_leaves(
    backups: Backups, rules: list[Rule], zone: ZoneInfo
) -> None:
    assert set(_left(backups, rules, zone)) == kept(backups, rules, zone)


DAYS = [datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((1, 0), (20, 1), (20, 2), (20, 3), (20, 4))]


@given(BACKUPS, RULES, ZONE)
@example(_backups(DAYS), [Rule("last", 3), Rule("daily", Span(days=10))], ZONES[0])
def test_pruning_after_each_backup_leaves_no_less_than_one_prune_leaves(
    backups: Backups, rules: list[Rule], zone: ZoneInfo
) -> None:
    """It may leave more: periods within a span have room again once what was older is gone."""
    assert set(_left(backups, rules, zone)) >= kept(backups, rules, zone)


@given(BACKUPS, RULES, ZONE)
def test_an_older_backup_changes_nothing_for_newer_ones_but_the_one_that_was_the_oldest(
    backups: Backups, rules: list[Rule], zone: ZoneInfo
) -> None:
    if not backups:
        return
    oldest = min(backups, key=lambda uid: (backups[uid], uid))
    before = decide(backups.items(), NOW, rules, zone)
    after = decide({**backups, "older": datetime(2008, 1, 1, tzinfo=UTC)}.items(), NOW, rules, zone)
    assert {uid: why for uid, why in before.items() if uid != oldest} == {
        uid: why for uid, why in after.items() if uid not in (oldest, "older")
    }


@given(BACKUPS, RULES, ZONE, st.randoms(use_true_random=False))
def test_the_order_in_which_backups_are_named_does_not_matter(
    backups: Backups, rules: list[Rule], zone: ZoneInfo, random: Random
) -> None:
    shuffled = list(backups.items())
    random.shuffle(shuffled)
    assert decide(shuffled, NOW, rules, zone) == decide(backups.items(), NOW, rules, zone)


@given(BACKUPS, RULES, ZONE)
def test_the_newest_stays_and_says_so_first(backups: Backups, rules: list[Rule], zone: ZoneInfo) -> None:
    decided = decide(backups.items(), NOW, rules, zone)
    if backups:
        uid, reasons = next(iter(decided.items()))
        assert uid == max(backups, key=lambda uid: (backups[uid], uid))
        assert reasons[0] == "newest"
    assert all(reasons and all(reasons) for reasons in decided.values())
    assert list(decided) == sorted(decided, key=lambda uid: (backups[uid], uid), reverse=True)


@given(BACKUPS, RULES, ZONE, MOMENTS)
def test_what_is_dated_later_than_now_stays_and_takes_no_place(
    backups: Backups, rules: list[Rule], zone: ZoneInfo, now: datetime
) -> None:
    past = {uid: start for uid, start in backups.items() if start <= now}
    later = set(backups) - set(past)
    assert kept(backups, rules, zone, now) == kept(past, rules, zone, now) | later
    decided = decide(backups.items(), now, rules, zone)
    assert {uid for uid, reasons in decided.items() if reasons == ("dated later than now",)} == later


@given(BACKUPS, RULES, ZONE, st.timedeltas(timedelta(0), timedelta(days=5000)))
def test_time_alone_takes_no_backup_away(backups: Backups, rules: list[Rule], zone: ZoneInfo, pause: timedelta) -> None:
    """Whoever prunes years after the last backup finds what there was."""
    assert kept(backups, rules, zone, NOW + pause) == kept(backups, rules, zone, NOW)


@given(st.datetimes(timezones=st.just(UTC)), SPANS, ZONE)
@example(datetime.min.replace(tzinfo=UTC), Span(hours=1), ZONES[1])
@example(datetime.max.replace(tzinfo=UTC), Span(hours=1), ZONES[1])
@example(datetime(2026, 1, 1, tzinfo=UTC), Span(years=999_999_999, months=999_999_999), ZONES[0])
@example(datetime(2026, 1, 1, tzinfo=UTC), Span(weeks=999_999_999, days=999_999_999), ZONES[0])
@example(datetime(2026, 1, 1, tzinfo=UTC), Span(hours=999_999_999), ZONES[0])
def test_a_span_ends_before_it_begins(moment: datetime, span: Span, zone: ZoneInfo) -> None:
    assert span.before(moment, zone) < moment or moment == datetime.min.replace(tzinfo=UTC)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=10).map(_backups), RULES, ZONE)
@example(_backups([datetime.min.replace(tzinfo=UTC)]), [Rule("daily", 1), Rule("within", Span(days=1))], ZONES[2])
def test_any_time_at_all_can_be_decided_on(backups: Backups, rules: list[Rule], zone: ZoneInfo) -> None:
    decide(backups.items(), datetime.max.replace(tzinfo=UTC), rules, zone)
