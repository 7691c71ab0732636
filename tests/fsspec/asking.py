"""What tests ask of any sink."""

from __future__ import annotations

from wrikebackup_core import Sink

__all__ = ["get", "keys", "put"]


def put(sink: Sink, key: str, data: bytes = b"data") -> None:
    writer = sink.create(key)
    try:
        writer.write(data)
    except BaseException:
        writer.discard()
        raise
    writer.commit()


def get(sink: Sink, key: str) -> bytes:
    with sink.open(key) as reader:
        return reader.read()


def keys(sink: Sink) -> list[str]:
    return sorted(entry.key for entry in sink.list(""))
