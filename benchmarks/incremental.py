"""Nothing new among 100,000 tasks and 100,000 attachments, over the time that the crawl's requests alone take.

    python benchmarks/incremental.py [ITEMS] [RUNS]

"Requests alone" asks the same server for the very same addresses, eight at a time over httpx, and throws the answers away. The first
backup, which brings the files, is not counted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from _peers import TOKEN, WRIKEBACKUP, Run, Server, in_turn, mock_server, more_open_files, profile, report, timed

CONCURRENCY = 8
FILE_SIZE = 1000  # bytes; what the files hold is not read again


def control(server: Server, what: str, method: str = "GET") -> object:
    origin = server.base_url.partition("/api/")[0]
    with urllib.request.urlopen(urllib.request.Request(f"{origin}/__mock__/{what}", method=method)) as answer:
        return json.load(answer)


def requests_alone(server: Server, paths: list[str]) -> Run:
    start, cpu = time.perf_counter(), time.process_time()
    with httpx.Client(headers={"authorization": f"bearer {TOKEN}"}, timeout=300) as client:

        def get(path: str) -> None:
            with client.stream("GET", server.base_url + path) as answer:
                answer.raise_for_status()
                for _ in answer.iter_raw():
                    pass

        with ThreadPoolExecutor(CONCURRENCY) as threads:
            list(threads.map(get, paths))
    return Run(time.perf_counter() - start, time.process_time() - cpu, 0)


def measure(items: int, runs: int) -> None:
    options = ["--tasks", str(items), "--attachments", str(items), "--attachment-size", str(FILE_SIZE)]
    with tempfile.TemporaryDirectory() as name, mock_server(*options) as server:
        folder = Path(name)
        command = [*WRIKEBACKUP, "-q", "backup", profile(folder, server, folder / "sink")]
        first = timed(command, folder / "log")
        print(f"the first backup took {first.wall:.0f} s and {first.peak:.0f} MB", flush=True)
        control(server, "requests", "DELETE")
        timed(command, folder / "log")
        log = control(server, "log")
        assert isinstance(log, list)
        paths = [path for path in log if "/download" not in path]
        if len(paths) != len(log):
            sys.exit("something was downloaded although nothing was new")
        ways = {
            "nothing new": lambda: timed(command, folder / "log"),
            "requests alone": lambda: requests_alone(server, paths),
        }
        medians = in_turn(runs, ways)
    report(f"{items:,} tasks and attachments, {len(paths)} requests", medians, "nothing new", "requests alone", 1.5)


if __name__ == "__main__":
    more_open_files()
    numbers = [int(argument) for argument in sys.argv[1:]]
    measure(*numbers, *[100_000, 3][len(numbers) :])
