"""Makes docs/img/run.svg from a real run: `python -m tools.picture`, on Linux or macOS.

Starts the mock server, backs its account up in a terminal of a fixed size, and keeps what that terminal showed, at a dozen moments.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte

from tools.terminal_svg import Frame, render, rows_of

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "img" / "run.svg"
COLUMNS, LINES = 100, 30
FRAMES, LAST_SECONDS = 20, 6.0
PATIENCE = 120  # seconds
# Large enough, and slow enough, for bars to be seen moving.
ACCOUNT = ["--tasks", "2000", "--attachments", "24", "--attachment-size", "18MB", "--latency", "0.02"]
ACCOUNT += ["--fault", "slow:path=/download,seconds=0.008"]
PROFILE = """\
source:
  wrike: {{base_url: "{url}", token: "env:WRIKE_TOKEN", rate: "off"}}
sinks:
  - local: {{path: ./backups}}
transfers: 8
"""


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise SystemExit(f"{name} is not installed")
    return found


@contextlib.contextmanager
def _mock_server() -> Iterator[tuple[str, str]]:
    """The address of a server with some latency, and its token."""
    command = [_program("wrikebackup"), "mock-server", "--port", "0", *ACCOUNT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said = ""
            for line in server.stdout:
                said += line
                url, token = re.search(r"http://127\.0\.0\.1:\d+/api/v4", said), re.search(r"token:?\s+(\S+)", said)
                if url and token:
                    yield url[0], token[1]
                    return
            raise SystemExit(f"the mock server did not start: {said}")
        finally:
            server.terminate()


def _record(arguments: list[str], folder: Path, environment: dict[str, str]) -> list[tuple[float, bytes]]:
    """What the command wrote to its terminal, with the seconds since its start."""
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    begun, pieces = time.monotonic(), []
    with subprocess.Popen(
        arguments, cwd=folder, env=environment, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    ) as process:
        os.close(inside)
        while True:
            ready, _, _ = select.select([terminal], [], [], max(0.0, begun + PATIENCE - time.monotonic()))
            if not ready:
                process.kill()
                raise SystemExit(f"no end after {PATIENCE} seconds")
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:  # Linux says so when the other side is closed
                data = b""
            if not data:
                break
            pieces.append((time.monotonic() - begun, data))
    os.close(terminal)
    if process.returncode not in (0, 3):
        raise SystemExit(b"".join(data for _, data in pieces).decode(errors="replace"))
    return pieces


def _frames(prompt: str, pieces: list[tuple[float, bytes]]) -> list[Frame]:
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    stream.feed(prompt.encode())
    frames = [Frame(rows_of(screen), 1.0)]
    step = pieces[-1][0] / FRAMES
    due = step
    for at, data in pieces:
        if at >= due:
            rows = rows_of(screen)
            if rows != frames[-1].rows:
                frames.append(Frame(rows, max(step, 0.25)))
            due = at + step
        stream.feed(data)
    frames.append(Frame(rows_of(screen), LAST_SECONDS))
    return frames


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="acme-") as name, _mock_server() as (url, token):
        folder = Path(name)
        (folder / "acme.yaml").write_text(PROFILE.format(url=url), encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": name,
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "WRIKE_TOKEN": token,
        }
        pieces = _record([_program("wrikebackup"), "backup", "acme.yaml"], folder, environment)
    frames = _frames("\x1b[32m$\x1b[0m wrikebackup backup acme.yaml\r\n", pieces)
    title = "wrikebackup backs up an account: progress with a bar for each file in flight, then a summary"
    PICTURE.write_text(render(frames, columns=COLUMNS, title=title), encoding="utf-8", newline="\n")
    print(f"written: {PICTURE.relative_to(ROOT)}, {len(frames)} frames, {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
