"""A file's body as it comes: no byte less and no byte more than was announced."""

from __future__ import annotations

from http.client import HTTPException
from typing import Self

from wrikebackup_core import Interrupted
from wrikebackup_wrike.client import as_source_error
from wrikebackup_wrike.connections import Response

__all__ = ["Body"]

_PIECE = 1 << 20


class Body:
    """A Reader over a response.

    `left` bytes are still to come by the record or the answer, None where neither says; `announced` where the answer does.
    """

    __slots__ = ("_announced", "_ended", "_left", "_response", "_what", "size", "start")

    def __init__(
        self,
        response: Response,
        what: str,
        *,
        start: int,
        size: int | None,
        left: int | None,
        announced: bool,
    ) -> None:
        self._response, self._what, self._left, self._announced = response, what, left, announced
        self.start, self.size = start, size
        self._ended = False
        if left == 0 and announced:
            self._read(1)  # nothing comes; only a response that was read lets go of its connection
            self._ended = True

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes. Raises Interrupted when the body ends early or goes on for too long."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        if self._ended or size == 0:
            return b""
        data = self._read(size)
        if self._left is not None:
            self._left -= len(data)
            if self._left == 0:
                if not self._announced and self._read(1):
                    self._left = -1
                self._ended = True
            if self._left < 0 or (self._left > 0 and not data):
                self.close()
                raise Interrupted(f"{self._what} is {'longer' if self._left < 0 else 'shorter'} than its record says")
        self._ended = self._ended or not data
        return data

    def _read(self, size: int) -> bytes:
        try:
            return self._response.read(size)
        except (HTTPException, OSError) as error:
            self.close()
            if isinstance(error, HTTPException):
                raise Interrupted(f"{self._what} ended early") from error
            raise as_source_error(error, f"the server of {self._what}") from error

    def close(self) -> None:
        """A body that was read whole gives its connection back; any other ends it."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
