"""Starts `days.py` with a profile of a timer, two sinks, retention, signatures, notifications and metrics, and says what is to be told."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import swept
from tests.listener import Listener
from tests.standing.conftest import WatchedHouse
from tests.standing.period import PERIOD, TOLD, ZONE

__all__ = ["Announced", "announced", "expected", "has", "live", "pinged", "written"]

Announced = dict[str, tuple[list[str], list[str]]]
"""By the date in the profile's time zone, what began and what ended on it."""

_CHECK = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"
_DAYS = Path(__file__).with_name("days.py")
_WORDS = {
    "run source": "the connection to",
    "run unauthorized": "does not accept the permanent token",
    "run usage": "is no private key",
    "sink local:second": "second: could not be written to in the last run",
    "late local:first": "first: the last complete backup is of",
    "late local:second": "second: the last complete backup is of",
    "clock": "the newest backup is from the future",
}
"""By which people know them."""
_MOMENT = re.compile(r"^Profile acme on .*, (\d{4}-\d\d-\d\d \d\d:\d\d) UTC$", re.MULTILINE)


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def live(house: WatchedHouse, listener: Listener, days: int, seconds: float) -> list[dict[str, Any]]:
    """What each day came to. Skips where there is no libfaketime, or no small disk to be had."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("needs faketime")
    command = [faketime, "-f", "+0", sys.executable, "-c", "import os; print(os.environ['LD_PRELOAD'])"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    with swept(), _small_disk(house.second):
        _write(house)
        environment = house.environment | {
            "APPRISE_URL": f"json://{listener.address}/?rto=60",
            "PING_URL": f"http://{listener.address}/ping/{_CHECK}",
            "LD_PRELOAD": library,
            "FAKETIME": "+0",
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it, who waits for a lock is woken all the time
            "PYTHONPATH": os.pathsep.join([house.environment["PYTHONPATH"], str(Path(__file__).parents[2])]),
        }
        with (house.root / "days.jsonl").open("wb") as out:
            done = subprocess.run(
                [sys.executable, _DAYS, house.root, str(days)],
                env=environment,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=seconds,
            )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (house.root / "days.jsonl").read_text().splitlines()]


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _write(house: WatchedHouse) -> None:
    """The profile as it is on most days, and on those on which its token is refused, or nobody listens where Wrike was."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", house.root / "key"], check=True)
    house.write(
        f"schedule: {{cron: '30 2 * * *', time_zone: {ZONE.key}}}",
        f"transforms:\n  - sign: {{key: {house.root / 'key'}}}\n  - retain: {{daily: 3, weekly: 2, prune: true}}",
        "coverage: none",
    )
    monitors = ["monitors:", '  - healthchecks: {url: "env:PING_URL"}']
    if has("apprise"):
        monitors.append('  - apprise: {url: "env:APPRISE_URL"}')
    if has("prometheus_client"):
        monitors.append(f"  - prometheus: {{textfile: {house.root / 'metrics.prom'}}}")
    text = house.profile.read_text().replace("monitors:", "\n".join(monitors))
    refused = text.replace('rate: "off"', 'rate: "off", retry: 0')
    source = next(line for line in refused.splitlines() if line.startswith("  wrike:"))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}/api/v4"
    (house.root / "refused.yaml.is").write_text(refused)
    (house.root / "away.yaml.is").write_text(refused.replace(house.base_url, away))
    (house.root / "acme.yaml.is").write_text(
        refused.replace(source, "  mock: {tasks: 20, attachments: 5, generation: CHANGED}")
    )


def announced(house: WatchedHouse) -> Announced:
    """What the recorder was told."""
    found: Announced = {}
    for one in house.told():
        if one["event"] == "told":
            begun, over = ([id_.replace(f"{house.root}/", "") for id_ in one[key]] for key in ("begun", "over"))
            _add(found, one["at"], begun, over)
    return _sorted(found)


def written(listener: Listener) -> Announced:
    """What Apprise has written to people."""
    found: Announced = {}
    for message in (one.json["message"] for one in listener.requests if not one.path.startswith("/ping")):
        lines = message.partition("\n\n")[0].splitlines()
        over = [_id(line) for line in lines if line.startswith("over after ")]
        begun = [_id(line) for line in lines if ", since 2" in line and not line.startswith("over after ")]
        moment = _MOMENT.search(message)
        assert moment is not None, message
        _add(found, f"{moment[1]}+00:00", begun, over)
    return _sorted(found)


def pinged(listener: Listener) -> list[str]:
    """What was pinged, as the end of the address."""
    return [one.path.removeprefix(f"/ping/{_CHECK}") for one in listener.requests if one.path.startswith("/ping")]


def _id(line: str) -> str:
    return next((id_ for id_, words in _WORDS.items() if words in line), line)


def _add(found: Announced, moment: str, begun: Sequence[str], over: Sequence[str]) -> None:
    if begun or over:
        date = datetime.fromisoformat(moment).astimezone(ZONE).date().isoformat()
        before = found.setdefault(date, ([], []))
        before[0].extend(begun)
        before[1].extend(over)


def _sorted(found: Announced) -> Announced:
    return {date: (sorted(begun), sorted(over)) for date, (begun, over) in found.items()}


def expected(dates: Sequence[str]) -> Announced:
    """Of these days, the first being day 0."""
    days = [(start + day, begun, over) for start in range(0, len(dates), PERIOD) for day, begun, over in TOLD]
    return {dates[day]: (sorted(begun), sorted(over)) for day, begun, over in days if day < len(dates)}
