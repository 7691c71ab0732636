"""Lines of a crontab, in a block that says whose it is. What else is there stays as it is, byte for byte."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from wrikebackup_core.errors import UsageError
from wrikebackup_core.schedule.calendars import cron_fields
from wrikebackup_core.schedule.errands import Errand, Marked, inspect, mark

__all__ = ["Block", "block", "found", "replaced"]

_LONGEST = 990  # characters of a command; Debian's cron takes a thousand


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it stands in a crontab: where, and what it says of itself. `marked` is None where its head was changed."""

    start: int
    end: int
    marked: Marked | None


def block(errands: Sequence[Errand]) -> str:
    """The block for errands of one profile. Raises UsageError for what a crontab cannot hold."""
    body = "".join(f"{cron_fields(errand.schedule)} {_command(errand)}\n" for errand in errands)
    first = errands[0]
    return f"# BEGIN wrikebackup {first.name}\n{mark(body, first.profile)}# END wrikebackup {first.name}\n"


def _command(errand: Errand) -> str:
    if unfit := next(
        (char for word in (*errand.words, errand.folder or "") for char in word if char in "\\\n\r\0"), None
    ):
        hint = "take another path, or `--as systemd`"
        raise UsageError(f"{errand.profile}: no crontab can hold a path with the character {unfit!r}", hint=hint)
    line = shlex.join(errand.words)
    if errand.delay:
        line = f"sleep {errand.delay}; {line}"
    if errand.folder is not None:
        line = f"cd {shlex.quote(errand.folder)} && {{ {line}; }}"
    line = line.replace("%", "\\%")  # cron's own sign for the end of a line
    if len(line.encode(errors="surrogateescape")) > _LONGEST:
        raise UsageError(f"{errand.profile}: the command is too long for a crontab", hint="take shorter paths")
    return line


def found(text: str, name: str) -> Block | None:
    """The block of that name. Raises UsageError where its end is missing."""
    begin = re.search(rf"^# BEGIN wrikebackup {re.escape(name)}$\n?", text, re.MULTILINE)
    if begin is None:
        return None
    end = re.compile(rf"^# END wrikebackup {re.escape(name)}$\n?", re.MULTILINE).search(text, begin.end())
    if end is None:
        hint = "`crontab -e`, and put it back or delete the block"
        raise UsageError(f"the crontab has a line `BEGIN wrikebackup {name}` and no END for it", hint=hint)
    return Block(begin.start(), end.end(), inspect(text[begin.end() : end.start()]))


def replaced(text: str, old: Block | None, new: str) -> str:
    """The crontab with the new block in the old one's place, or at its end."""
    if old is not None:
        return text[: old.start] + new + text[old.end :]
    gap = "" if not text or text.endswith("\n") else "\n"
    return text + gap + new
