"""What of a backup is wanted: a pure value, and what its words mean."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wrikebackup_core.errors import UsageError
from wrikebackup_core.format import ids

__all__ = ["Selection", "fits", "moment", "number_of", "since", "until"]

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_STORED = "%Y-%m-%d %H:%M:%S"
_RECORDED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Selection:
    """Of several of one kind one must fit, and of several kinds all. Nothing at all selects everything.

    `tasks`, `folders`, `projects` say where: ids, numbers, permalinks, and for the latter two titles. A folder stands for all that is
    below it. `authors` and the times say whose and when: of a file who attached it and when, of a task or folder who made it and when.
    `names` and `types` are patterns for files. Times are as `since` and `until` give them: `since` included, `until` not.
    """

    tasks: Sequence[str] = ()
    folders: Sequence[str] = ()
    projects: Sequence[str] = ()
    authors: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    names: Sequence[str] = ()
    types: Sequence[str] = ()

    @property
    def places(self) -> bool:
        """Whether it says where."""
        return bool(self.tasks or self.folders or self.projects)

    @property
    def only_files(self) -> bool:
        """Whether tasks and folders are not chosen for themselves, but for their files."""
        return bool(self.names or self.types)

    def __bool__(self) -> bool:
        return bool(self.places or self.authors or self.since or self.until or self.only_files)


def fits(text: str, patterns: Sequence[str]) -> bool:
    """Whether a name or content type fits one of the patterns (`*.pdf`), upper and lower case alike; any does where there is none."""
    folded = text.casefold()
    return not patterns or any(fnmatch.fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def number_of(word: str) -> int | None:
    """The number in `4579949064`, `#4579949064` or a permalink; None for other words."""
    digits = word.removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 20:
        return int(digits)
    return ids.permalink_number(word)


def since(text: str) -> str:
    """The beginning of a day, or a moment, as times are compared here: `2026-10-07 01:48:56`, UTC. Raises UsageError."""
    return _time(text).strftime(_STORED)


def until(text: str) -> str:
    """The end of a day, or of the second that is named. Raises UsageError."""
    step = timedelta(days=1) if _DAY.fullmatch(text) else timedelta(seconds=1)
    try:
        return (_time(text) + step).strftime(_STORED)
    except OverflowError:
        return "9999-12-31 23:59:59"


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date", hint="write it as 2026-10-07 or 2026-10-07T13:30Z") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def moment(text: str | None) -> str:
    """A record's time as times are compared here; `""` for one that cannot be made out."""
    if not text:
        return ""
    if _RECORDED.fullmatch(text):
        return f"{text[:10]} {text[11:19]}"
    try:
        return _time(text).strftime(_STORED)
    except (UsageError, OverflowError):
        return ""
