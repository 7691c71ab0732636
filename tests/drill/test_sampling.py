"""What is drawn: the same for the same seed, of every class, and everything some day."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis", reason="the group tests")

from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.drill.estimate import estimate
from wrikebackup_core.engine.drill.sampling import Thing, draw

_THINGS = st.lists(
    st.builds(
        Thing,
        st.text(max_size=6),
        st.integers(0, 10**9),
        st.sampled_from(["pdf", "PNG", "", "mov", "ü"]),
        st.sampled_from(["", "2019-01-01 00:00:00", "2026-10-07 01:48:56", "9999", "x"]),
    ),
    unique_by=lambda one: one.id,
    max_size=60,
)
_LIMITS = st.one_of(st.none(), st.integers(0, 12))


@given(
    things=_THINGS,
    number=_LIMITS,
    size=st.one_of(st.none(), st.integers(0, 10**9)),
    seed=st.text(max_size=5),
    data=st.data(),
)
def test_a_sample_is_a_function_of_the_seed_and_within_its_limits(
    things: list[Thing], number: int | None, size: int | None, seed: str, data: st.DataObject
) -> None:
    drawn = draw(things, number, size, seed)
    assert draw(data.draw(st.permutations(things)), number, size, seed) == drawn
    assert len({one.id for one in drawn}) == len(drawn) <= len(things if number is None else range(number))
    if size is None:
        assert len(drawn) == min(len(things), len(things) if number is None else number)
    else:
        guests = sum(one.size for one in drawn) - size
        assert guests <= max((one.size for one in drawn), default=0)


@given(things=_THINGS.filter(bool), number=st.integers(1, 5), data=st.data())
def test_every_file_is_drawn_by_some_seed(things: list[Thing], number: int, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(things))
    assert any(one in draw(things, number, 10**9, str(seed)) for seed in range(2000))


def test_a_file_larger_than_the_limit_is_drawn_in_proportion_and_never_two() -> None:
    things = [Thing(f"large {at}", 10_000) for at in range(2)] + [Thing(f"small {at}", 10) for at in range(100)]
    seeds = [draw(things, 20, 1000, str(seed)) for seed in range(1000)]
    large = [sum(one.size == 10_000 for one in drawn) for drawn in seeds]
    assert max(large) == 1
    assert 100 < sum(large) < 300  # two that come up one time in ten each
    assert all(len(drawn) >= 2 for drawn in seeds)


def test_few_large_files_are_not_lost_among_many_small_ones() -> None:
    small = [Thing(f"{at}", 1_000, "txt", "2026-01-01") for at in range(10_000)]
    rare = [Thing("film", 5_000_000, "mov", "2026-01-01"), Thing("old", 1_000, "txt", "2012-01-01")]
    for seed in range(50):
        assert {one.id for one in draw([*small, *rare], 20, 10**8, str(seed))} > {"film", "old"}


def test_an_estimate_tells_what_a_file_costs_from_what_its_bytes_cost() -> None:
    timed = [(size, 0.1 + size / 1_000_000) for size in (0, 1_000, 500_000, 2_000_000)]
    alone = sum(took for _, took in timed)
    assert estimate(timed, alone, 1000, 50_000_000) == pytest.approx(1000 * 0.1 + 50)
    assert estimate(timed, alone / 2, 1000, 50_000_000) == pytest.approx((1000 * 0.1 + 50) / 2)
    assert estimate([(10, 0.1)], 0.1, 7, 10) == pytest.approx(0.7)
    assert estimate([], 0.0, 7, 10) == 0.0
    falling = [(1, 1.0), (2, 0.5), (3, 0.2), (4, 0.1)]
    assert estimate(falling, 2.0, 10, 10) > 0
