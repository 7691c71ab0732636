"""A whole backup of 20 files of 200 MB that encrypts, over one that does not: `python benchmarks/encrypted_run.py [TIMES]`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from _peers import WRIKEBACKUP, Run, Server, fresh, in_turn, mock_server, profile, report, timed

FILES = ["--tasks", "20", "--attachments", "20", "--attachment-size", "200000000"]


def back_up(folder: Path, server: Server, *more: str) -> Run:
    place = fresh(folder)
    run = timed([*WRIKEBACKUP, "-q", "backup", profile(place, server, place / "sink", *more)], folder / "log")
    shutil.rmtree(place)  # more than fits into memory would be for the next run to write to the disk
    return run


def main(times: int = 3) -> None:
    if shutil.which("age") is None:
        sys.exit("the program age is not installed")
    with tempfile.TemporaryDirectory() as name, mock_server(*FILES) as server:
        folder = Path(name)
        key = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
        recipient = next(line.rpartition(" ")[2] for line in key.splitlines() if line.startswith("# public key"))
        ways = {
            "plain": partial(back_up, folder, server),
            "encrypted": partial(back_up, folder, server, f"transforms:\n  - encrypt: {{recipients: [{recipient}]}}"),
        }
        report("20 files of 200 MB, encrypted over plain", in_turn(times, ways), "encrypted", "plain", 1.3)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
