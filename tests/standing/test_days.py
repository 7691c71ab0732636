"""A profile's life under libfaketime: a week of outage, a full disk, an expired token, a changed key and a clock that is a day back."""

from __future__ import annotations

import os

import pytest

from tests.standing.conftest import WatchedHouse
from tests.standing.living import announced, expected, live

DAYS = int(os.environ.get("WRIKEBACKUP_DAYS", "40"))  # 400 take ten times as long
DAY = 86_400


@pytest.mark.slow
def test_each_trouble_is_announced_once_when_it_begins_and_once_when_it_ends_and_status_is_true_every_day(
    house: WatchedHouse,
) -> None:
    days = live(house, DAYS, 60 * DAYS)
    assert announced(house) == [(sorted(begun), sorted(over)) for _, begun, over in expected(DAYS)]
    lasting: set[str] = set()
    wanted = {day: (begun, over) for day, begun, over in expected(DAYS)}
    for one in days:
        begun, over = wanted.get(one["day"], ((), ()))
        lasting = (lasting | set(begun)) - set(over)
        assert set(one["troubles"]) == lasting, one
        assert one["status"] == (3 if lasting else 0), one
        assert one["check"] == 0, one
        if one["metrics"] is not None:
            assert set(one["metrics"]["troubles"]) == lasting, one
            assert one["metrics"]["ages"] == pytest.approx(one["ages"], abs=60), one
        late = {name for name, age in one["ages"].items() if age > 26 * 3600}
        assert late == {id_.rpartition(":")[2] for id_ in lasting if id_.startswith("late ")}, one
