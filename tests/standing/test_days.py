"""A profile's life under libfaketime: a week of outage, a full disk, an expired token, a changed key and a clock that is a day back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.listener import Listener
from tests.standing.conftest import WatchedHouse
from tests.standing.living import announced, expected, has, live, pinged, written

DAYS = int(os.environ.get("WRIKEBACKUP_DAYS", "40"))  # 400 take ten times as long


@pytest.mark.slow
def test_each_trouble_is_announced_once_when_it_begins_and_once_when_it_ends_and_status_is_true_every_day(
    house: WatchedHouse, listener: Listener
) -> None:
    days = live(house, listener, DAYS, 600 + 60 * DAYS)
    wanted = expected([one["date"] for one in days])
    assert announced(house) == wanted
    if has("apprise"):
        assert written(listener) == wanted
    codes = [0, *(code for one in days for code in one["backup"])]  # the first was taken by hand
    assert pinged(listener) == [ping for code in codes for ping in _pings(code)]
    lasting: set[str] = set()
    for one in days:
        begun, over = wanted.get(one["date"], ((), ()))
        lasting = (lasting | set(begun)) - set(over)
        assert list(_untrue(one, lasting)) == [], one


def _pings(code: int) -> tuple[str, ...]:
    """What a run comes to; one that cannot be prepared has no beginning."""
    return ("/2",) if code == 2 else ("/start", f"/{code}" if code else "")


def _untrue(one: dict[str, Any], lasting: set[str]) -> Iterator[str]:
    """What is not as it should be on a day on which these troubles last."""
    if set(one["troubles"]) != lasting or one["status"] != (3 if lasting else 0):
        yield "status"
    if has("prometheus_client"):
        if set(one["metrics"]["troubles"]) != lasting:
            yield "metrics"
        if one["metrics"]["ages"] != pytest.approx(one["ages"], abs=60):
            yield "the ages of the metrics"
    late = {name for name, age in one["ages"].items() if age > one["objective"]}
    if late != {id_.rpartition(":")[2] for id_ in lasting if id_.startswith("late ")}:
        yield "the ages"
    if any(one["check"]):
        yield "a look"
    if one["verify"] not in (None, 0):
        yield "what is stored"
    failed, partial = any(id_.startswith("run ") for id_ in lasting), any(id_.startswith("sink ") for id_ in lasting)
    if any((code in (1, 2)) != failed or (code == 3) != partial for code in one["backup"]):
        yield "the run"
    if not lasting and len(set(one["newest"])) != 1:
        yield "what the sinks have in common"
