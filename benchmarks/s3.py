"""Files through the sink `s3` over what rclone and s5cmd take to send the same files to the same server.

    python benchmarks/s3.py [small|large] [RUNS]

The server is SeaweedFS on this machine, the files come from the local disk. Each program may take the best of several numbers of
transfers. The sink also tries out what the store promises, and never replaces an object; the others would.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from _peers import Run, fill, free_port, in_turn, more_open_files, rclone, report, timed

CASES = {
    "small": (2_000, 100_000, (16, 32, 64)),
    "large": (1, 500_000_000, (1, 4, 8)),
}
TARGET = 1.2
KEY, SECRET = "bench-key", "bench-secret"
PUT = Path(__file__).with_name("_put.py")


@contextlib.contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    s3, *others = (free_port() for _ in range(8))
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    (folder / "s3.json").write_text(
        json.dumps({"identities": [{"name": "bench", "credentials": credentials, "actions": actions}]})
    )
    (folder / "data").mkdir()
    names = ("master.port", "volume.port", "filer.port", "master.port.grpc", "volume.port.grpc", "filer.port.grpc")
    command = [
        *(Path(sys.executable).with_name("weed"), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1"),
        *("-ip.bind=127.0.0.1", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}"),
        *(f"-{name}={number}" for name, number in zip(names, others, strict=False)),
        *(f"-s3.port.grpc={others[-1]}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
        *("-master.volumeSizeLimitMB=1024", "-volume.max=0"),
    ]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{s3}"
    finally:
        process.kill()
        process.wait()


def made_bucket(url: str) -> None:
    session = botocore.session.Session()
    session.set_credentials(KEY, SECRET)
    client = session.create_client("s3", endpoint_url=url, region_name="us-east-1")
    deadline = time.monotonic() + 60
    while True:
        try:
            client.create_bucket(Bucket="bench")
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def measure(case: str, runs: int) -> None:
    count, size, transfers = CASES[case]
    with tempfile.TemporaryDirectory() as name, seaweedfs(Path(name)) as url:
        made_bucket(url)
        files, log = Path(name) / "files", Path(name) / "log"
        fill(files, count, size)
        os.environ |= {
            "BENCH_KEY": KEY,
            "BENCH_SECRET": SECRET,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        os.environ["AWS_REGION"] = "us-east-1"

        def place() -> str:
            return f"{time.time_ns():x}"

        def ours() -> Run:
            keys = {"access_key": "env:BENCH_KEY", "secret_key": "env:BENCH_SECRET"}
            options = {"bucket": "bench", "prefix": place(), "endpoint_url": url, **keys}
            return timed([sys.executable, PUT, "s3", json.dumps(options), files, "96" if count > 1 else "1"], log)

        def by_rclone(number: int) -> Run:
            return timed(
                [
                    *(rclone(), "copy", files, f":s3:bench/{place()}", "--config", "/dev/null"),
                    *("--s3-provider", "SeaweedFS", "--s3-endpoint", url, "--s3-env-auth", "--s3-no-check-bucket"),
                    *("--transfers", str(number), "--s3-upload-concurrency", "8"),
                ],
                log,
            )

        def by_s5cmd(number: int) -> Run:
            s5cmd = Path(sys.executable).with_name("s5cmd")
            target = f"s3://bench/{place()}/"
            copy = ["cp", "--concurrency", "8", f"{files}/", target]
            return timed([s5cmd, "--endpoint-url", url, "--numworkers", str(number), *copy], log)

        peers = {f"rclone copy --transfers {number}": functools.partial(by_rclone, number) for number in transfers}
        peers |= {f"s5cmd cp --numworkers {number}": functools.partial(by_s5cmd, number) for number in transfers[1:]}
        medians = in_turn(runs, {"sink s3": ours, **peers})
    best = min(peers, key=lambda peer: medians[peer].wall)
    report(f"{case}: {count:,} files of {size:,} bytes to SeaweedFS", medians, "sink s3", best, TARGET)


if __name__ == "__main__":
    more_open_files()
    cases = [argument for argument in sys.argv[1:] if argument in CASES] or list(CASES)
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    for case in cases:
        measure(case, numbers[0] if numbers else 3)
