"""Bytes of a backup on their way out: what is stored is hashed as it is read, and only what SHA256SUMS says is taken for whole."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import IO

from wrikebackup_core.engine.findings import Finding, What
from wrikebackup_core.engine.hashing import hashing
from wrikebackup_core.engine.restore.original import Original
from wrikebackup_core.errors import FormatError, KeyNotFound, KeyRefused, SinkError
from wrikebackup_core.stored import CHUNK, hash_stored

__all__ = ["Flawed", "fetched", "pieces"]


class Flawed(Exception):
    """The backup cannot give this object as it should be. `refused`: the key does not fit it; `outage`: it may be the store."""

    def __init__(self, key: str, what: What, detail: str, *, refused: bool = False, outage: bool = False) -> None:
        super().__init__(detail)
        self.finding, self.refused, self.outage = Finding(key, what, detail), refused, outage


def pieces(original: Original, key: str, size: int | None, sha256: str | None) -> Iterator[bytes]:
    """The decoded bytes of an object. When they have come to their end without an exception, what is stored had the SHA-256 that it
    should have, or where that is not known the size that was listed. Raises Flawed.
    """
    _demand_sum(original, key, sha256)
    count = 0

    def read(more: int) -> None:
        nonlocal count
        count += more

    try:
        with original.sink.open(key) as stored, hashing(stored, read) as hashed:
            with original.decoding.reader(hashed) as reader:
                while piece := reader.read(CHUNK):
                    yield piece
            hashed.rest()  # what a decoder leaves at the end belongs to the stored bytes
    except KeyNotFound:
        raise Flawed(key, "missing", "gone since it was listed") from None
    except KeyRefused as error:
        # The part that is for keys, too, can be damaged.
        if sha256 is not None and (damage := _damage(original, key, sha256)) is not None:
            raise damage from None
        raise Flawed(key, "unreadable", error.message, refused=True) from error
    except FormatError as error:
        raise Flawed(key, "damaged", error.message.removeprefix(f"{key}: ")) from error
    except SinkError as error:
        raise Flawed(key, "unreadable", error.message, outage=True) from error
    if sha256 is not None and hashed.sha256 != sha256:
        raise _altered(key, hashed.sha256, sha256)
    if sha256 is None and size is not None and count != size:
        raise Flawed(key, "unexpected size", f"{count:,} bytes, listed with {size:,}")


def _demand_sum(original: Original, key: str, sha256: str | None) -> None:
    if sha256 is None and original.verifiers:
        raise Flawed(key, "unlisted", "SHA256SUMS does not name it, so nobody vouches for it")


def _damage(original: Original, key: str, sha256: str) -> Flawed | None:
    """What to raise where the stored bytes are not those that they should be, or cannot be had."""
    try:
        true = hash_stored(original.sink, key)
    except SinkError as error:
        return Flawed(key, "unreadable", error.message, outage=True)
    return None if true == sha256 else _altered(key, true, sha256)


def _altered(key: str, true: str, sha256: str) -> Flawed:
    return Flawed(key, "damaged", f"SHA-256 is {true}, should be {sha256}")


@contextlib.contextmanager
def fetched(original: Original, key: str, size: int | None, sha256: str | None) -> Iterator[IO[bytes]]:
    """An object, decoded, as a temporary file that can seek. Raises Flawed, KeyRefused."""
    with tempfile.TemporaryFile() as file:
        for piece in pieces(original, key, size, sha256):
            file.write(piece)
        file.seek(0)
        yield file
