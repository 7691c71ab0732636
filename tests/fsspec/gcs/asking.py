"""What tests send, and when something goes wrong on the way."""

from __future__ import annotations

from typing import Any

from tests.fsspec.proxy import Asked, Fault, passed

__all__ = ["FIRST", "LARGE", "LAST", "MIDDLE", "Once"]

LARGE = bytes(range(256)) * 120_000  # 30 MB: pieces of 8 MiB, 16 MiB and the rest, where 16 MiB is the largest
FIRST, MIDDLE, LAST = "bytes 0-", "bytes 8388608-", "bytes 25165824-"


class Once:
    """The first request that fits meets the fault, or as many as `times` says; the others pass."""

    def __init__(self, fault: Fault, method: str, *, query: str = "", covers: str = "", times: int = 1) -> None:
        self.fault, self.method, self.query, self.covers, self.left = fault, method, query, covers, times

    def __call__(self, asked: Asked) -> Fault:
        return self._look if asked.method == self.method and self.query in asked.query else passed

    def _look(self, handler: Any, asked: Asked) -> None:
        fits = self.left > 0 and handler.headers.get("Content-Range", "").startswith(self.covers)
        self.left -= fits
        (self.fault if fits else passed)(handler, asked)
