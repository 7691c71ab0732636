"""A whole first backup (crawl, downloads, hashes, archive, checksums, barriers) over `rclone copy` of the same files.

    python benchmarks/downloads.py [small|large] [RUNS]

All read from the same server in turn, into a new folder each time. rclone is given what makes it fast here: no HEAD request for each
file, and several numbers of transfers, of which the fastest counts. It neither keeps checksums nor flushes anything to the disk; we do
both.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from pathlib import Path

from _peers import WRIKEBACKUP, Run, fresh, in_turn, mock_server, more_open_files, profile, rclone, report, timed

CASES = {
    "small": (
        ["--tasks", "500", "--attachments", "5000", "--attachment-size", "100000", "--latency", "0.02"],
        (64, 96, 128),
        1.0,
    ),
    "large": (["--tasks", "20", "--attachments", "20", "--attachment-size", "200000000"], (4, 8), 1.2),
}


def measure(case: str, runs: int) -> None:
    options, transfers, target = CASES[case]
    with tempfile.TemporaryDirectory() as name, mock_server(*options) as server:
        folder = Path(name)

        def ours() -> Run:
            place = fresh(folder)
            return timed([*WRIKEBACKUP, "-q", "backup", profile(place, server, place / "sink")], folder / "log")

        def peer(number: int) -> Run:
            copy = [rclone(), "copy", "--http-url", server.files_url, ":http:", fresh(folder)]
            return timed([*copy, "--transfers", str(number), "--http-no-head", "--config", "/dev/null"], folder / "log")

        peers = {f"rclone copy --transfers {number}": functools.partial(peer, number) for number in transfers}
        medians = in_turn(runs, {"wrikebackup backup": ours, **peers})
    best = min(peers, key=lambda name: medians[name].wall)
    report(f"{case} files: {' '.join(options)}", medians, "wrikebackup backup", best, target)


if __name__ == "__main__":
    more_open_files()
    cases = [argument for argument in sys.argv[1:] if argument in CASES] or list(CASES)
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    for case in cases:
        measure(case, numbers[0] if numbers else 5)
