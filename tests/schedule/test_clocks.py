"""Programs with a clock of libfaketime leave nothing in shared memory, however they end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clocks import swept

pytestmark = pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")


def test_a_program_that_is_killed_leaves_nothing_and_one_that_lives_keeps_its_own() -> None:
    library = subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, check=True).stdout
    environment = {**os.environ, "LD_PRELOAD": library.decode().strip(), "FAKETIME": "+0"}
    with (
        subprocess.Popen(["sh", "-c", "echo; read _"], env=environment, stdin=-1, stdout=-1) as lives,
        swept(),
        subprocess.Popen(["sh", "-c", "echo; read _"], env=environment, stdin=-1, stdout=-1) as killed,
    ):
        for process in (lives, killed):
            assert process.stdout is not None
            process.stdout.readline()
            assert shared(process.pid)
        killed.kill()
        killed.wait()
        assert shared(killed.pid)
    assert shared(killed.pid) == []


def shared(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"*faketime_*_{pid}"))
