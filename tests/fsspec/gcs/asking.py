"""What tests ask of a sink, and when something goes wrong on the way."""

from __future__ import annotations

from typing import Any

from tests.fsspec.proxy import Asked, Fault, passed
from wrikebackup_fsspec.objects.sink import ObjectSink

__all__ = ["FIRST", "LARGE", "LAST", "MIDDLE", "Once", "get", "keys", "put"]

LARGE = bytes(range(256)) * 120_000  # 30 MB: pieces of 8 MiB, 16 MiB and the rest, where 16 MiB is the largest
FIRST, MIDDLE, LAST = "bytes 0-", "bytes 8388608-", "bytes 25165824-"


def put(sink: ObjectSink, key: str, data: bytes) -> None:
    writer = sink.create(key)
    writer.write(data)
    writer.commit()


def get(sink: ObjectSink, key: str) -> bytes:
    with sink.open(key) as reader:
        return reader.read()


def keys(sink: ObjectSink) -> list[str]:
    return sorted(entry.key for entry in sink.list(""))


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
