"""Encrypting and decrypting 1 GiB, over the age program and over rclone crypt.

Ours is the work alone: Python and the libraries start once in a run, whatever the number of files. What the start adds is printed last.

python benchmarks/encrypt.py [TIMES]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from _peers import Run, fill, fresh, in_turn, rclone, report, timed

SIZE = 1 << 30
AGE = Path(__file__).with_name("_age.py")
PASSWORD = "a password for a benchmark"
STARTS: list[float] = []


def ours(what: str, key: Path, source: Path, targets: Path, *more: str) -> Run:
    log = targets.with_name("seconds")
    run = timed([sys.executable, AGE, what, key, source, fresh(targets) / "out", *more], log)
    seconds = float(log.read_text())
    STARTS.append(run.wall - seconds)
    return gone(targets, replace(run, wall=seconds))


def by_age(options: list[str], source: Path, targets: Path) -> Run:
    return gone(targets, timed(["age", *options, "-o", fresh(targets) / "out", source]))


def by_rclone(config: Path, source: Path, targets: Path) -> Run:
    remote = f"bench,remote={fresh(targets)}:"
    return gone(targets, timed([rclone(), "--config", config, "copyto", source, f"{remote}out"]))


def gone(targets: Path, run: Run) -> Run:
    """What was written is deleted: more than fits into memory would be for the next run to write to the disk."""
    shutil.rmtree(targets)
    return run


def main(times: int = 3) -> None:
    if shutil.which("age") is None:
        sys.exit("the program age is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key, config, targets = folder / "key.txt", folder / "rclone.conf", folder / "targets"
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
        recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
        obscured = subprocess.run([rclone(), "obscure", PASSWORD], check=True, capture_output=True, text=True).stdout
        config.write_text(f"[bench]\ntype = crypt\nremote = {targets}\npassword = {obscured}")
        plain = fill(folder / "plain", 1, SIZE) / "00000"
        sealed = folder / "sealed.age"
        subprocess.run(["age", "-r", recipient, "-o", sealed, plain], check=True)
        ways = {
            "wrikebackup": partial(ours, "encrypt", key, plain, targets),
            "wrikebackup, with SHA-256": partial(ours, "encrypt", key, plain, targets, "--hash"),
            "age": partial(by_age, ["-r", recipient], plain, targets),
            "rclone crypt": partial(by_rclone, config, plain, targets),
        }
        medians = in_turn(times, ways)
        report("encrypt 1 GiB, over age", medians, "wrikebackup", "age", 1.0)
        report("the same with SHA-256 of the content", medians, "wrikebackup, with SHA-256", "age", 1.3)
        report("the same over rclone crypt", medians, "wrikebackup", "rclone crypt", 0.6)
        ways = {
            "wrikebackup": partial(ours, "decrypt", key, sealed, targets),
            "wrikebackup, with SHA-256": partial(ours, "decrypt", key, sealed, targets, "--hash"),
            "age": partial(by_age, ["-d", "-i", str(key)], sealed, targets),
        }
        medians = in_turn(times, ways)
        report("decrypt 1 GiB, over age", medians, "wrikebackup", "age", 1.0)
        report("the same with SHA-256 of the content", medians, "wrikebackup, with SHA-256", "age", 1.3)
        print(f"\nthe start of Python and its libraries, in addition: {statistics.median(STARTS):.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
