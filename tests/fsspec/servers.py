"""Programs that the tests start on 127.0.0.1 and stop again, each by its process."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["free_port", "running"]

_HANDED_OUT = 32_768  # the lowest that Linux gives to a connection
_given: set[int] = set()
_chance = random.SystemRandom()  # hypothesis seeds the other, alike in each process
_PATIENCE = 60.0  # seconds for a server to answer


def free_port() -> int:
    """Below those that the system hands out by itself: any connection may have one of them before a server does."""
    while True:
        port = _chance.randrange(10_000, _HANDED_OUT)
        with contextlib.suppress(OSError), socket.socket() as listener:
            if port not in _given:
                listener.bind(("127.0.0.1", port))
                _given.add(port)
                return port


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program while it runs and answers on the port. Raises AssertionError with what it printed where it does not."""
    with log.open("wb") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        _wait(process, port, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the server did not come up:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
