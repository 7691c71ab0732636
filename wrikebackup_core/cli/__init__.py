"""The command line. `main` is the program; `command` is the click group with the commands of all plugins in it."""

from __future__ import annotations

import contextlib
import os
import sys

from wrikebackup_core.cli.logs import log_uncaught
from wrikebackup_core.cli.program import command, run
from wrikebackup_core.errors import ExitCode

__all__ = ["command", "main"]


def main() -> None:
    """The console script."""
    log_uncaught()
    code = run(sys.argv[1:])
    if code == ExitCode.INTERRUPTED:
        # Python would wait for the threads of every pool, and those for answers that may never come. A run bears being killed.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
