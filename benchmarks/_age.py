"""Encrypts or decrypts one file as a backup does, without a backup around it.

python benchmarks/_age.py encrypt|decrypt KEY_FILE SOURCE TARGET [--hash]
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

from wrikebackup_age.age import files, keys

_CHUNK = 1 << 20


def hashed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, whose SHA-256 is taken in a thread of its own."""
    digest, queue = hashlib.sha256(), Queue[bytes](4)

    def take() -> None:
        while piece := queue.get():
            digest.update(piece)

    thread = threading.Thread(target=take)
    thread.start()
    for piece in pieces:
        queue.put(piece)
        yield piece
    queue.put(b"")
    thread.join()


def main(what: str, key: str, source: str, target: str, *hashing: str) -> None:
    identities = keys.identities(Path(key).read_bytes(), lambda: None)
    with Path(source).open("rb") as stored, Path(target).open("wb") as written:
        if what == "encrypt":
            pieces = iter(lambda: stored.read(_CHUNK), b"")
            recipients = [identity.recipient() for identity in identities]  # type: ignore[attr-defined] # of keys of our own
            result = files.encrypt(hashed(pieces) if hashing else pieces, recipients)
        else:
            result = files.decrypt(stored.read, identities)
            result = hashed(result) if hashing else result
        written.writelines(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
