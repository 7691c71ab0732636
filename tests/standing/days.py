"""Days of a profile's life under libfaketime: run as a program, with the folder and the number of days. It is `wrikebackup schedule run`,
which stays and starts each backup and the looks, with a thread beside it that has the days pass. Prints a JSON line for each day: the exit
codes of all that ran, and what status and the metrics say.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.standing.forking import PRINTED, Forked, note_modules, sleep
from tests.standing.period import AWAY, BACK, CHANGED, FULL, PERIOD, REFUSED, ZONE
from wrikebackup_core.cli import hourly_look, keeping_time
from wrikebackup_core.cli.program import run

PROFILE = "acme.yaml"
_NIGHT, _MORNING = clock(0, 30), clock(3, 5)  # before and after the backup is due, which is at half past two


class Started(Forked):
    """By the keeper of time, or for the hourly look. `ended` has the command and the exit code of each."""

    ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def wait(self) -> int:
        code = super().wait()
        self.ended.put((self.words[0], code))
        return code


class Naps:
    """Sleeps in place of `time`, never for long."""

    def __init__(self) -> None:
        self._woken, self._many = threading.Condition(), 0

    def sleep(self, _seconds: float) -> None:
        sleep(0.02)
        with self._woken:
            self._many += 1
            self._woken.notify_all()

    def twice(self) -> None:
        """Returns once whoever sleeps here has looked at the clock after this was called, and sleeps again."""
        with self._woken:
            wanted = self._many + 2
            self._woken.wait_for(lambda: self._many >= wanted)


class Clock:
    """`sleepers` are those who wait for a moment."""

    def __init__(self) -> None:
        self._moment, self._since = time.time(), time.monotonic()
        self.sleepers: tuple[Naps, ...] = ()

    def set(self, day: date, hour: clock) -> None:
        """libfaketime looks at the variable whenever it is asked, which costs less than a file."""
        for one in self.sleepers:
            one.twice()
        moment = datetime.combine(day, hour, ZONE).timestamp()
        os.environ["FAKETIME"] = f"{moment - self._moment - (time.monotonic() - self._since):+.0f}"


class Life:
    def __init__(self, root: Path, begin: date) -> None:
        self.root, self.begin, self.clock = root, begin, Clock()
        self.filler, self.key = root / "second" / "filler", root / "key"
        self.good_key = self.key.read_bytes()

    def first(self) -> None:
        """Somebody sets it up, and takes the first backup by hand."""
        self._profile("acme")
        self.clock.set(self.begin, _NIGHT)
        for words in (["backup", "-q"], ["notify", "check", "-q"], ["status"], ["verify", "-q"]):
            if code := note_modules(["wrikebackup", *words, PROFILE]):
                raise AssertionError(f"{words[0]} ended with {code}")

    def pass_days(self, days: int) -> None:
        try:
            for number in range(days):
                print(json.dumps(self._day(number, last=number == days - 1)), flush=True)
        except BaseException:  # noqa: BLE001 - nobody else would hear of it
            traceback.print_exc()
            os._exit(1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _day(self, number: int, *, last: bool) -> dict[str, Any]:
        phase, today = number % PERIOD, self.begin + timedelta(days=number)
        self._room(full=phase in FULL)
        self._profile("away" if phase in AWAY else "refused" if phase in REFUSED else "acme", number // PERIOD)
        self.key.write_bytes(b"another\n" if phase in CHANGED else self.good_key)
        codes = list[tuple[str, int]]()
        if phase == BACK:
            self.clock.set(today - timedelta(days=1), _NIGHT)
            codes.append(Started.ended.get())  # an hour cannot be told from this one
            self.clock.set(today - timedelta(days=1), _MORNING)
            codes += (Started.ended.get(), Started.ended.get())
        self.clock.set(today, _MORNING)
        codes += (Started.ended.get(), Started.ended.get())
        status, facts = self._status()
        return {
            "day": number,
            "date": today.isoformat(),
            "metrics": self._metrics(),
            "backup": [code for command, code in codes if command == "backup"],
            "check": [code for command, code in codes if command == "notify"],
            "verify": self._wait_for("verify", "-q", "--all") if phase == PERIOD - 1 or last else None,
            "status": status,
            "objective": facts["objective"],
            "ages": {one["sink"].rpartition("/")[2]: one["age"] for one in facts["sinks"]},
            "newest": [one["complete_uid"] for one in facts["sinks"]],
            "troubles": sorted(one["id"].replace(f"{self.root}/", "") for one in facts["troubles"]),
        }

    def _status(self) -> tuple[int, dict[str, Any]]:
        said = self.root / "status.json"
        said.unlink(missing_ok=True)
        code = self._wait_for("status", "--json", out=said)
        return code, json.loads(said.read_text())

    def _metrics(self) -> dict[str, Any] | None:
        """The ages and the troubles that the metrics tell, where there are some."""
        if not (file := self.root / "metrics.prom").exists():
            return None
        from prometheus_client.parser import text_string_to_metric_families

        samples = [one for family in text_string_to_metric_families(file.read_text()) for one in family.samples]
        complete = "wrikebackup_sink_last_complete_timestamp_seconds"
        ages = {
            one.labels["sink"].rpartition("/")[2]: time.time() - one.value for one in samples if one.name == complete
        }
        ids = (one.labels["id"] for one in samples if one.name == "wrikebackup_trouble")
        return {"ages": ages, "troubles": sorted(id_.replace(f"{self.root}/", "") for id_ in ids)}

    def _profile(self, name: str, changed: int = 0) -> None:
        """The account is made up in the process itself, which takes a tenth of the time; but for the days on which Wrike is not there, or
        refuses the token. `changed` is how often it has been worked in."""
        text = (self.root / f"{name}.yaml.is").read_text(encoding="utf-8")
        (self.root / PROFILE).write_text(text.replace("CHANGED", str(changed % 13)), encoding="utf-8")

    def _room(self, *, full: bool) -> None:
        """The second sink lies on a small disk of its own; no other one is filled."""
        if not full:
            self.filler.unlink(missing_ok=True)
        elif not self.filler.exists():
            with contextlib.suppress(OSError), self.filler.open("wb", buffering=0) as file:
                for _ in range(1024):
                    file.write(b"x" * 4096)
                raise AssertionError(f"{self.filler.parent} is no small disk")

    def _wait_for(self, *words: str, out: Path = PRINTED) -> int:
        return Forked(["wrikebackup", *words, PROFILE], out).wait()


def main() -> int:
    root, days = Path(sys.argv[1]), int(sys.argv[2])
    os.chdir(root)
    os.environ["ACME_TOKEN"] = "expired"
    life = Life(root, datetime.now(UTC).date())
    life.first()
    life.clock.sleepers = (Naps(), Naps())
    for module, naps in zip((keeping_time, hourly_look), life.clock.sleepers, strict=True):
        vars(module).update(subprocess=SimpleNamespace(Popen=Started), program=lambda: "wrikebackup", time=naps)
    threading.Thread(target=life.pass_days, args=(days,), daemon=True).start()
    return run(["schedule", "run", "-q", PROFILE])


if __name__ == "__main__":
    sys.exit(main())
