"""A profile in a folder, and the program as a process there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["House"]

_PROGRAM = "import sys; from wrikebackup_core.cli.program import run; sys.exit(run(sys.argv[1:]))"


class House:
    """`profile` is `acme.yaml` in `root`, which is for the test to write; `said` is all that the processes printed."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.root, self.profile, self.said = root, root / "acme.yaml", ""
        self.environment = {
            **os.environ,
            "NO_COLOR": "1",
            "COLUMNS": "80",
            "TZ": "UTC",
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environment,
        }

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run_with(_PROGRAM, *words, **environment)

    def run_with(self, program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The same with a program that does as ours, but for what the test wants."""
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.said += done.stdout + done.stderr
        return done
