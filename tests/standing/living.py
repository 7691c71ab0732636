"""Starts `days.py` with a profile of two sinks, retention, signatures and a monitor, and says what is to be told."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.standing.conftest import WatchedHouse

__all__ = ["announced", "expected", "live"]

_DAYS = Path(__file__).with_name("days.py")
_SECOND, _LATE = "sink local:second", ["late local:first", "late local:second"]
_OF_A_PERIOD: tuple[tuple[int, list[str], list[str]], ...] = (
    (5, _LATE, []),
    (11, [], _LATE),
    (14, [_SECOND], []),
    (15, ["late local:second"], []),
    (16, [], [_SECOND, "late local:second"]),
    (20, ["run unauthorized"], []),
    (21, _LATE, []),
    (22, ["run usage"], ["run unauthorized"]),
    (24, [], ["run usage", *_LATE]),
)
"""The day, what begins and what ends on it."""


def live(house: WatchedHouse, days: int, seconds: float) -> list[dict[str, Any]]:
    """What each day came to. Skips where there is no libfaketime, or no small disk to be had."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("needs faketime")
    command = [faketime, "-f", "+0", sys.executable, "-c", "import os; print(os.environ['LD_PRELOAD'])"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    house.second.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", house.second], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", house.root / "key"], check=True)
    house.write(
        "objective: 26h",
        f"transforms:\n  - sign: {{key: {house.root / 'key'}}}\n  - retain: {{daily: 3, weekly: 2, prune: true}}",
        "coverage: none",
    )
    if importlib.util.find_spec("prometheus_client") is not None:
        line = f"monitors:\n  - prometheus: {{textfile: {house.root / 'metrics.prom'}}}"
        house.profile.write_text(house.profile.read_text().replace("monitors:", line))
    refused = house.profile.read_text()
    source = next(line for line in refused.splitlines() if line.startswith("  wrike:"))
    (house.root / "refused.yaml.is").write_text(refused)
    (house.root / "acme.yaml.is").write_text(refused.replace(source, "  mock: {tasks: 20, attachments: 5}"))
    environment = house.environment | {
        "LD_PRELOAD": library,
        "FAKETIME": "+0",
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join([house.environment["PYTHONPATH"], str(Path(__file__).parents[2])]),
    }
    try:
        done = subprocess.run(
            [sys.executable, _DAYS, house.root, str(days)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    finally:
        subprocess.run(["umount", "--lazy", house.second], check=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def announced(house: WatchedHouse) -> list[tuple[list[str], list[str]]]:
    """What the monitor was told, report by report, without those in which nothing began or ended."""
    told = [one for one in house.told() if one["event"] == "told"]
    names = [[[id_.replace(f"{house.root}/", "") for id_ in one[key]] for key in ("begun", "over")] for one in told]
    return [(sorted(begun), sorted(over)) for begun, over in names if begun or over]


def expected(days: int, period: int = 40) -> Sequence[tuple[int, list[str], list[str]]]:
    """Day by day."""
    found = [(start + day, begun, over) for start in range(0, days, period) for day, begun, over in _OF_A_PERIOD]
    return [one for one in found if one[0] < days]
