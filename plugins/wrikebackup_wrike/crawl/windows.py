"""Cutting time into windows that the API accepts. Pure: seconds since 1970 in, windows out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from wrikebackup_core import json_decoder

__all__ = ["Window", "Windows", "instant", "seconds"]


class Window(NamedTuple):
    """From `start` up to but not including `end`, in seconds since 1970, UTC."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        return f'{{"start":"{instant(self.start)}","end":"{instant(self.end)}"}}'


def instant(second: int) -> str:
    """`2026-10-01T00:00:00Z`: the API takes seconds, and nothing finer."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(date: str) -> int | None:
    """The second in which an API date lies; None where it is no date."""
    try:
        found = datetime.fromisoformat(date)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


class _Stretch(msgspec.Struct, array_like=True):
    """Time not yet asked for, to be cut into windows of `width` seconds."""

    start: int
    end: int
    width: int


class _Saved(msgspec.Struct):
    width: int
    left: list[_Stretch]
    longest: int = 0
    start: int = 0
    end: int = 0


class Windows:
    """Each second between `start` and `end` is asked for in windows of at most `width`, until every window is `done`."""

    def __init__(self, start: int, end: int, width: int) -> None:
        self.longest = width
        self.whole = Window(start, end)
        """All that is asked for, done or not."""
        self._width = width
        self._left = deque([_Stretch(start, end, width)] if start < end else [])
        self._taken: set[Window] = set()

    @classmethod
    def load(cls, saved: str, longest: int) -> Windows:
        """Goes on from what `save` gave."""
        state = json_decoder(_Saved)(saved)
        windows = cls(0, 0, min(longest, state.longest or longest))
        windows.whole = Window(state.start, state.end)
        windows._width = min(state.width, windows.longest)
        windows._left = deque(state.left)
        return windows

    def save(self) -> str:
        """All that is not done, with what is in flight."""
        flying = [_Stretch(window.start, window.end, window.length) for window in sorted(self._taken)]
        left = flying + list(self._left)
        return msgspec.json.encode(_Saved(self._width, left, self.longest, *self.whole)).decode()

    @property
    def flying(self) -> int:
        """How many windows are asked for at the moment."""
        return len(self._taken)

    def add(self, start: int, end: int) -> None:
        """Asks for this stretch too."""
        self._left.append(_Stretch(start, end, self.longest))

    def take(self) -> Window | None:
        """The next window to ask for; None when all are done or taken."""
        if not self._left:
            return None
        stretch = self._left[0]
        end = min(stretch.end, stretch.start + min(stretch.width, self._width))
        window = Window(stretch.start, end)
        if end < stretch.end:
            self._left[0] = _Stretch(end, stretch.end, stretch.width)
        else:
            self._left.popleft()
        self._taken.add(window)
        return window

    def done(self, window: Window, *, quiet: bool = False) -> None:
        """`window` was answered whole. `quiet`: with so little in it that wider windows will do again."""
        self._taken.remove(window)
        if quiet:
            self._width = min(self.longest, self._width * 2)

    def split(self, window: Window) -> bool:
        """`window` was not answered whole: its halves are asked for instead. False where it is a single second."""
        if window.length < 2:
            return False
        self._taken.remove(window)
        half = (window.length + 1) // 2
        self._left.appendleft(_Stretch(window.start, window.end, half))
        self._width = min(self._width, half)
        return True

    def refused(self, window: Window, longest: int) -> None:
        """The API takes no window as long as this one: from now on they are of at most `longest` seconds."""
        self._taken.remove(window)
        end = self._left.popleft().end if self._left and self._left[0].start == window.end else window.end
        self._left.appendleft(_Stretch(window.start, end, longest))
        self.longest = min(self.longest, longest)
        self._width = min(self._width, longest)

    def cut(self, window: Window, end: int) -> None:
        """`window` was not answered, and nothing from `end` on is asked for."""
        self._taken.remove(window)
        self.whole = Window(self.whole.start, min(self.whole.end, end))
        self._left = deque(_Stretch(one.start, min(one.end, end), one.width) for one in self._left if one.start < end)
        if window.start < end:
            self._left.appendleft(_Stretch(window.start, end, self.longest))

    def unfinished(self) -> Iterator[Window]:
        """What is not done yet, taken or not, oldest first."""
        stretches = [Window(stretch.start, stretch.end) for stretch in self._left]
        yield from sorted([*self._taken, *stretches])
