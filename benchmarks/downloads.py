"""A whole first backup (crawl, downloads, hashes, archive, checksums, barriers) over `rclone copy` of the same files.

    python benchmarks/downloads.py [small|large] [RUNS]

Both read from the same server in turn, into a new folder each time. rclone is given what makes it fast here: 64 transfers for small
files, 8 for large ones, and no HEAD request for each file. It neither keeps checksums nor flushes anything to the disk; we do both.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _peers import WRIKEBACKUP, Run, fresh, in_turn, mock_server, more_open_files, profile, rclone, report, timed

CASES = {
    "small": (["--tasks", "500", "--attachments", "5000", "--attachment-size", "100000", "--latency", "0.02"], 64, 1.0),
    "large": (["--tasks", "20", "--attachments", "20", "--attachment-size", "200000000"], 8, 1.2),
}


def measure(case: str, runs: int) -> None:
    options, transfers, target = CASES[case]
    with tempfile.TemporaryDirectory() as name, mock_server(*options) as server:
        folder = Path(name)

        def ours() -> Run:
            place = fresh(folder)
            return timed([*WRIKEBACKUP, "-q", "backup", profile(place, server, place / "sink")], folder / "log")

        def peer() -> Run:
            copy = [rclone(), "copy", "--http-url", server.files_url, ":http:", fresh(folder)]
            return timed([*copy, "--transfers", transfers, "--http-no-head", "--config", "/dev/null"], folder / "log")

        medians = in_turn(runs, {"wrikebackup backup": ours, "rclone copy": peer})
    report(f"{case} files: {' '.join(options)}", medians, "wrikebackup backup", "rclone copy", target)


if __name__ == "__main__":
    more_open_files()
    cases = [argument for argument in sys.argv[1:] if argument in CASES] or list(CASES)
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    for case in cases:
        measure(case, numbers[0] if numbers else 5)
