"""Resident memory of a whole backup without files, from 2,000 to 1,000,000 tasks: it must not grow with the account.

python benchmarks/memory.py [TASKS ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _peers import WRIKEBACKUP, mock_server, more_open_files, profile, timed

TARGET = 250  # MB


def measure(tasks: int) -> None:
    with tempfile.TemporaryDirectory() as name, mock_server("--tasks", str(tasks)) as server:
        folder = Path(name)
        sink = folder / "sink"
        run = timed([*WRIKEBACKUP, "-q", "backup", profile(folder, server, sink, "attachments: none")], folder / "log")
        size = sum(path.stat().st_size for path in sink.rglob("*.zip")) / 1e6
    print(
        f"  {tasks:>9,} tasks: {run.peak:6.0f} MB resident (target: under {TARGET}), {run.wall:.0f} s, {size:.0f} MB of zip",
        flush=True,
    )


if __name__ == "__main__":
    more_open_files()
    print("memory of a whole run")
    for argument in sys.argv[1:] or ["2000", "100000", "1000000"]:
        measure(int(argument))
