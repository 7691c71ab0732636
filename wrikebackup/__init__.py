"""The program's first steps. All else is in `wrikebackup_core`, which plugins import."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The console script. Who presses Ctrl-C while modules are still loaded is told as they would be later, and not where in them that was."""
    try:
        from wrikebackup_core.cli import main as program
    except KeyboardInterrupt:
        print("wrikebackup: error: interrupted", file=sys.stderr)
        sys.exit(130)
    program()
