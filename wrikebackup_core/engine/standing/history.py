"""What a host remembers of a profile's runs: a JSON line for each that ended, the newest last."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.homes import private_folder
from wrikebackup_core.monitors import Ran

__all__ = ["History"]

_KEPT = 500
_SLACK = 100  # so many lines more before the file is written anew


class History:
    """Below the profile's own state folder. Whoever appends holds the lock of its notes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "runs.jsonl"

    def runs(self) -> tuple[list[Ran], int]:
        """The runs, the oldest first, and how many lines after the last of them could not be made out: what is older than a run that was
        noted since is nobody's concern any more. Raises OSError, unless there is no such file.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], 0
        decode, found, strange = json_decoder(Ran), list[Ran](), 0
        for line in lines:
            try:
                ran = decode(line) if line.strip() else None
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                strange += 1
                continue
            if ran is not None and (ran.started.tzinfo is None or ran.ended.tzinfo is None):
                strange += 1
            elif ran is not None:
                found.append(ran)
                strange = 0
        return found[-_KEPT:], strange

    def append(self, ran: Ran) -> None:
        """Durable when this returns. A line that was cut off spoils no other. Raises OSError."""
        private_folder(self.path.parent)
        line = msgspec.json.encode(ran) + b"\n"
        with self.path.open("ab+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)  # one write, at the end whatever else was written meanwhile
            file.flush()
            os.fsync(file.fileno())
        self._shorten()

    def _shorten(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        if len(lines) > _KEPT + _SLACK:
            replace_file(self.path, b"".join(lines[-_KEPT:]))
