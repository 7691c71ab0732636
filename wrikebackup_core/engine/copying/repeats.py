"""The lines that a SHA256SUMS has in common with the one before: of one account's backups nearly all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Self

__all__ = ["Repeats"]

_SHARED = b"  ../attachments/"  # other paths stand for other objects in each backup
_HASH = 64
_PATH = slice(_HASH + 2, None)
_IN_MEMORY = 8 << 20


class Repeats:
    """Files of lines in the order of their paths, one after the other. Those in another order are only slower to tell.

    What was `kept` last is compared with. A context manager.
    """

    def __init__(self) -> None:
        self._last, self._next = _spool(), _spool()
        self._lines: Iterator[bytes] = iter(())
        self._ahead = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._last.close()
        self._next.close()

    def begin(self) -> None:
        """Another file begins."""
        self._last.seek(0)
        self._next.seek(0)
        self._next.truncate()
        self._lines = iter(self._last)
        self._ahead = next(self._lines, b"")

    def __call__(self, line: bytes) -> bool:
        """Whether the line is one of an attachment, and in the file that was kept."""
        if line[_HASH : _HASH + len(_SHARED)] != _SHARED:
            return False
        self._next.write(line)
        while self._ahead and self._ahead != line and self._ahead[_PATH] < line[_PATH]:
            self._ahead = next(self._lines, b"")
        return self._ahead == line

    def keep(self) -> None:
        """All lines of this file are as they should be."""
        self._last, self._next = self._next, self._last


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)
