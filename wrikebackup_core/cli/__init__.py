"""The command line. `main` is the program; `command` is the click group with the commands of all plugins in it."""

from __future__ import annotations

import sys

from wrikebackup_core.cli.program import command, run

__all__ = ["command", "main"]


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
