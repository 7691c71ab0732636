"""Days of a profile's life in one process under libfaketime: run as a program, with the folder and the number of days. Prints a JSON line for each day: the exit codes of backup and status, and what status says.

Of every 40 days, the timer is off from day 4 on for a week; the second sink has no room on days 14 and 15; the token is refused on days
20 and 21, and on day 22 and 23 the signing key is another file; on day 30 the clock is a day back, which is nobody's trouble.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from wrikebackup_core.cli.program import run

PERIOD = 40


class Life:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.filler, self.key = root / "second" / "filler", root / "key"
        self.good_key = self.key.read_bytes()

    def at(self, hours: float) -> None:
        """libfaketime looks at the variable whenever it is asked, which costs less than a file."""
        os.environ["FAKETIME"] = f"+{hours * 3600:.0f}"

    def day(self, number: int) -> dict[str, Any]:
        phase = number % PERIOD
        self._room(full=phase in (14, 15))
        self._profile("refused" if phase in (20, 21) else "acme")
        self.key.write_bytes(b"another\n" if phase in (22, 23) else self.good_key)
        back = 24 if phase == 30 else 0
        self.at(number * 24 - back)
        code = None if 4 <= phase < 11 else self._words("backup", "-q", "acme.yaml")[0]
        self.at(number * 24 - back + 1)
        checked = self._words("notify", "check", "-q", "acme.yaml")[0]
        status, said = self._words("status", "--json", "acme.yaml")
        facts = json.loads(said)
        sinks = {one["sink"].rpartition("/")[2]: one["age"] for one in facts["sinks"]}
        ids = sorted(one["id"].replace(f"{self.root}/", "") for one in facts["troubles"])
        metrics = self._metrics()
        return {
            "metrics": metrics,
            "day": number,
            "backup": code,
            "check": checked,
            "status": status,
            "ages": sinks,
            "troubles": ids,
        }

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

    def _profile(self, name: str) -> None:
        """The account is made up in this process, which takes a tenth of the time; but for the days on which Wrike refuses the token."""
        (self.root / "acme.yaml").write_bytes((self.root / f"{name}.yaml.is").read_bytes())

    def _room(self, *, full: bool) -> None:
        """The second sink lies on a small disk of its own."""
        if not full:
            self.filler.unlink(missing_ok=True)
        elif not self.filler.exists():
            with contextlib.suppress(OSError), self.filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)

    def _words(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = run(words)
        return code, out.getvalue()


def main() -> None:
    root, days = Path(sys.argv[1]), int(sys.argv[2])
    os.chdir(root)
    os.environ["ACME_TOKEN"] = "expired"
    life = Life(root)
    for number in range(days):
        print(json.dumps(life.day(number)), flush=True)


if __name__ == "__main__":
    main()
