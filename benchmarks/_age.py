"""Encrypts or decrypts one file as backup and restore do it, without a backup around it, and prints how many seconds that took.

python benchmarks/_age.py encrypt|decrypt KEY_FILE SOURCE TARGET [--hash]
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from wrikebackup_age.age import files, keys
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.engine.pipe import Ahead, Behind

_CHUNK = 1 << 20


def encrypt(key: bytes, source: IO[bytes], target: IO[bytes], hashed: list[hashlib._Hash]) -> None:
    """What is stored is hashed and written behind the thread that encrypts."""
    identities = keys.identities(key, lambda: None)
    recipients = [identity.recipient() for identity in identities]  # type: ignore[attr-defined] # of keys of our own

    def take(piece: bytes | bytearray | memoryview) -> None:
        for one in hashed:
            one.update(piece)
        target.write(piece)

    behind = Behind(take)
    for piece in files.encrypt(iter(lambda: source.read(_CHUNK), b""), recipients):
        behind.put(piece)
    behind.finish()


def decrypt(key: bytes, source: IO[bytes], target: IO[bytes], hashed: list[hashlib._Hash]) -> None:
    """What is stored is read and hashed ahead of the thread that decrypts, and what comes out is written behind it."""

    def pieces() -> Iterator[bytes]:
        while piece := source.read(_CHUNK):
            for one in hashed:
                one.update(piece)
            yield piece

    ahead, behind = Ahead(pieces()), Behind(target.write)
    for piece in files.decrypt(lambda _: ahead.next(), keys.identities(key, lambda: None)):
        behind.put(piece)
    behind.finish()


def main(what: str, key: str, source: str, target: str, *hashing: str) -> None:
    keep_heaps_small()  # as the command line does
    work = {"encrypt": encrypt, "decrypt": decrypt}[what]
    hashed = [hashlib.sha256()] if hashing else []
    begun = time.perf_counter()
    with Path(source).open("rb") as stored, Path(target).open("wb") as written:
        work(Path(key).read_bytes(), stored, written, hashed)
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(*sys.argv[1:])
