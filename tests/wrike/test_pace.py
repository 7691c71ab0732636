"""The limit that all threads share; by a clock that stands still unless somebody waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core import Interrupted
from wrikebackup_wrike.pace import Pace


class Clock:
    """Time passes only in waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def paced(limit: int, period: float) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace((limit, period), wait=clock.wait, clock=clock), clock


def most_in_any(times: list[float], period: float) -> int:
    return max(sum(1 for other in times if start <= other < start + period) for start in times)


@given(
    limit=st.integers(1, 60),
    period=st.sampled_from([1.0, 60.0]),
    idle=st.lists(st.floats(0, 90), min_size=1, max_size=150),
)
def test_no_period_ever_sees_more_than_the_limit(limit: int, period: float, idle: list[float]) -> None:
    pace, clock = paced(limit, period)
    times = []
    for pause in idle:
        clock.now += pause if pause > 60 else 0
        pace.take()
        times.append(clock.now)
    assert most_in_any(times, period) <= limit


def test_in_the_long_run_nearly_the_whole_limit_is_used() -> None:
    pace, clock = paced(400, 60)
    for _ in range(4000):
        pace.take()
    assert 4000 / ((clock.now - 1000) / 60) > 0.98 * 400


@pytest.mark.parametrize(("limit", "share"), [(400, 7), (120, 2), (60, 1), (10, 1)])
def test_no_second_ever_sees_more_than_its_share(limit: int, share: int) -> None:
    """Wrike counts second by second."""
    pace, clock = paced(limit, 60)
    times = []
    for number in range(100):
        clock.now += 30 if number % 33 == 0 else 0
        pace.take()
        times.append(clock.now)
    assert most_in_any(times, 1.0) == share


def test_off_never_waits() -> None:
    clock = Clock()
    pace = Pace(None, wait=clock.wait, clock=clock)
    for _ in range(1000):
        pace.take()
    assert clock.now == 1000.0


def test_after_a_refusal_nobody_asks_for_as_long_as_the_server_said() -> None:
    for rate in ((400, 60.0), None):
        clock = Clock()
        pace = Pace(rate, wait=clock.wait, clock=clock)
        pace.refused(30)
        pace.take()
        assert clock.now == 1030.0


def test_a_refusal_holds_back_those_who_were_waiting_for_their_turn() -> None:
    clock = Clock()
    refusals = [30.0]

    def wait(seconds: float) -> bool:
        if refusals:
            pace.refused(refusals.pop())
        return clock.wait(seconds)

    pace = Pace((400, 60.0), wait=wait, clock=clock)
    pace.take()
    pace.take()
    assert clock.now >= 1030.0


def test_refusals_slow_all_down_and_answers_bring_the_rate_back() -> None:
    pace, clock = paced(400, 60)
    for _ in range(3):
        pace.refused(None)
        clock.now += 2
    assert pace.share == pytest.approx(0.7**3)
    start = clock.now
    for _ in range(100):
        pace.take()
    slow = clock.now - start
    for _ in range(100):
        pace.accepted()
    assert pace.share == 1.0
    clock.now += 60
    start = clock.now
    for _ in range(100):
        pace.take()
    assert slow > 2 * (clock.now - start)


def test_requests_refused_together_count_once() -> None:
    pace, _ = paced(400, 60)
    for _ in range(8):
        pace.refused(1)
    assert pace.share == pytest.approx(0.7)


def test_it_never_stops_altogether() -> None:
    pace, clock = paced(400, 60)
    for _ in range(100):
        pace.refused(0)
        clock.now += 2
    assert pace.share == pytest.approx(1 / 16)


def test_a_wait_that_is_called_off_raises() -> None:
    clock = Clock()
    pace = Pace((1, 60.0), wait=lambda _: True, clock=clock)
    pace.take()
    with pytest.raises(Interrupted, match="called off"):
        pace.take()
