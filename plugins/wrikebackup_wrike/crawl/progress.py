"""Which of many numbered pieces are done, when they end in any order."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from wrikebackup_core import json_decoder

__all__ = ["Progress"]


class _Saved(msgspec.Struct, array_like=True):
    mark: int = 0
    ahead: list[int] = []


class Progress:
    """All pieces below `mark` are done, and those in `ahead`."""

    def __init__(self, mark: int = 0, ahead: Iterable[int] = ()) -> None:
        self.mark = mark
        self._ahead = set(ahead)

    @classmethod
    def load(cls, saved: str) -> Progress:
        state = json_decoder(_Saved)(saved)
        return cls(state.mark, state.ahead)

    def save(self) -> str:
        return msgspec.json.encode(_Saved(self.mark, sorted(self._ahead))).decode()

    def __contains__(self, piece: int) -> bool:
        return piece < self.mark or piece in self._ahead

    def done(self, piece: int) -> None:
        self._ahead.add(piece)
        while self.mark in self._ahead:
            self._ahead.remove(self.mark)
            self.mark += 1
