"""Spools that no run will go on with: a profile has other sinks since, or is gone. They hold the account in the clear."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wrikebackup_core.model import Event, Message

__all__ = ["FORGOTTEN_AFTER", "forget_abandoned"]

FORGOTTEN_AFTER = timedelta(days=30)
"""Since anything was last written to it. What it says of stored files is of no use by then: other runs have told what they are."""


def forget_abandoned(state: Path, account: str, mine: str, notify: Callable[[Event], None]) -> None:
    """Deletes the spools of an account that are that old, but the one named `mine`, and tells of each."""
    before = datetime.now(UTC) - FORGOTTEN_AFTER
    for folder in sorted(state.glob(f"{glob.escape(account)}-????????????")):
        if folder.name == mine or not (folder / "spool.sqlite").is_file():
            continue
        with contextlib.suppress(OSError):  # a run that is at work has it open, or it is not ours: it stays
            files = [file for pattern in ("spool.sqlite*", "journal*") for file in folder.glob(pattern)]
            touched = datetime.fromtimestamp(max(file.stat().st_mtime for file in files), UTC)
            if touched < before:
                for file in files:
                    file.unlink()
                folder.rmdir()
                notify(
                    Message(f"what a run of {touched:%Y-%m-%d} had read and nobody went on with is deleted: {folder}")
                )
