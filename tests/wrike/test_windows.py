"""Cutting time into windows, and keeping account of numbered pieces."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_wrike.crawl.progress import Progress
from wrikebackup_wrike.crawl.windows import Window, Windows, instant, seconds

DAY = 86_400


@given(
    start=st.integers(0, 10_000),
    length=st.integers(0, 3_000),
    width=st.integers(1, 700),
    seed=st.integers(),
)
def test_every_second_is_asked_for_once_through_splits_kills_and_any_order(
    start: int, length: int, width: int, seed: int
) -> None:
    dice = random.Random(seed)
    windows = Windows(start, start + length, width)
    covered: list[Window] = []
    flying: list[Window] = []
    for _ in range(100_000):
        roll = dice.random()
        if roll < 0.05:
            windows, flying = Windows.load(windows.save(), width), []
        elif roll < 0.5 or not flying:
            window = windows.take()
            if window is None and not flying:
                break
            if window is not None:
                assert 1 <= window.length <= width
                flying.append(window)
        else:
            window = flying.pop(dice.randrange(len(flying)))
            if dice.random() < 0.3 and windows.split(window):
                continue
            windows.done(window, quiet=dice.random() < 0.5)
            covered.append(window)
    covered.sort()
    assert sum(window.length for window in covered) == length
    if covered:
        assert (covered[0].start, covered[-1].end) == (start, start + length)
    assert all(one.end == other.start for one, other in pairwise(covered))


def test_windows_are_as_few_as_the_width_allows() -> None:
    windows = Windows(5, 5 + 100 * 7 * DAY, 7 * DAY)
    taken = []
    while (window := windows.take()) is not None:
        windows.done(window)
        taken.append(window)
    assert len(taken) == 100
    assert {window.length for window in taken} == {7 * DAY}


def test_a_single_second_cannot_be_split() -> None:
    windows = Windows(10, 11, 100)
    window = windows.take()
    assert window == Window(10, 11)
    assert not windows.split(window)


def test_the_halves_of_a_full_window_are_not_joined_again_after_a_kill() -> None:
    windows = Windows(0, 100, 100)
    window = windows.take()
    assert window is not None
    windows.split(window)
    again = Windows.load(windows.save(), 100)
    assert again.take() == Window(0, 50)
    assert again.take() == Window(50, 100)
    assert again.take() is None


def test_windows_stay_narrow_while_answers_are_full_and_widen_when_they_are_quiet() -> None:
    windows = Windows(0, 1000, 100)
    first = windows.take()
    assert first is not None
    windows.split(first)
    for expected in (Window(0, 50), Window(50, 100), Window(100, 150)):
        window = windows.take()
        assert window == expected
        windows.done(window)
    window = windows.take()
    assert window == Window(150, 200)
    windows.done(window, quiet=True)
    assert windows.take() == Window(200, 300)


def test_a_cursor_stays_short_however_long_the_time() -> None:
    windows = Windows(0, 10**9, 7 * DAY)
    flying = [windows.take() for _ in range(8)]
    for window in flying[1:]:
        assert window is not None
        windows.done(window)
    assert len(windows.save()) < 200


def test_instants_are_what_the_api_takes() -> None:
    assert instant(0) == "1970-01-01T00:00:00Z"
    assert str(Window(0, 7 * DAY)) == '{"start":"1970-01-01T00:00:00Z","end":"1970-01-08T00:00:00Z"}'


@given(st.integers(0, 4_000_000_000))
def test_instants_are_read_back(second: int) -> None:
    assert seconds(instant(second)) == second


def test_what_is_no_date_is_none() -> None:
    assert [seconds(text) for text in ("", "yesterday", "2026-13-01T00:00:00Z")] == [None, None, None]


@given(st.permutations(list(range(30))), st.integers(0, 30))
def test_pieces_done_in_any_order_are_known_after_a_kill(order: list[int], cut: int) -> None:
    progress = Progress()
    for piece in order[:cut]:
        progress.done(piece)
    again = Progress.load(progress.save())
    assert {piece for piece in range(30) if piece in again} == set(order[:cut])
    for piece in order[cut:]:
        again.done(piece)
    assert again.mark == 30
