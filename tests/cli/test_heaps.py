"""The memory of large blocks does not stay with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from wrikebackup_core.cli.heaps import keep_heaps_small

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

keep_heaps_small()
del (first := [b"x" * (8 << 20)])[:]  # here glibc learns on its own that such blocks come and go
before, blocks, between = resident(), [], []
for _ in range(10):
    blocks.append(b"x" * (8 << 20))
    between.append(b"y" * 100_000)  # what stays keeps the end of a heap in place
assert resident() - before > 70 << 20
del blocks
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is what has this trait")
def test_large_blocks_go_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 10 << 20
