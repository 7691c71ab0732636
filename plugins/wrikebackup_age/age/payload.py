"""The payload of an age file: STREAM with ChaCha20-Poly1305, in chunks of 64 KiB, each of which can be opened by itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from wrikebackup_age.age.errors import PayloadError
from wrikebackup_age.age.header import derived

__all__ = ["CHUNK", "NONCE_SIZE", "SEALED", "Opener", "Sealer", "sealed_size", "split"]

CHUNK = 64 * 1024
_TAG = 16
SEALED = CHUNK + _TAG  # bytes of a full chunk with its tag
NONCE_SIZE = 16
_AT_ONCE = 16  # chunks encrypted before they are handed on


def _cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(derived(file_key, nonce, b"payload"))


def _counted(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def sealed_size(plain: int) -> int:
    """Bytes of the payload, its nonce included, of so many bytes."""
    return NONCE_SIZE + plain + _TAG * max(1, -(-plain // CHUNK))


def split(sealed: int) -> tuple[int, int]:
    """Chunks, and bytes of plaintext, in a payload of so many bytes, its nonce included. Raises PayloadError for a length that none has."""
    chunks, rest = divmod(sealed - NONCE_SIZE, SEALED)
    if sealed < NONCE_SIZE + _TAG or 0 < rest < _TAG or (rest == _TAG and chunks):
        raise PayloadError("the content was cut off")
    count = chunks + bool(rest)
    return count, sealed - NONCE_SIZE - _TAG * count


class Sealer:
    """Encrypts what it is fed. The chunk that may be the last is held back until `finish`. One thread at a time."""

    def __init__(self, file_key: bytes) -> None:
        """The file key is for this one file."""
        self.nonce = secrets.token_bytes(NONCE_SIZE)
        """Comes before the chunks."""
        self._cipher: ChaCha20Poly1305 | None = _cipher(file_key, self.nonce)
        self._number = 0
        self._held, self._sealed = bytearray(), bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[memoryview]:
        """Pieces of the payload, each good until the next is asked for; all must be asked for. None for a few bytes.

        `data` is contiguous, of any item, and stays as it is meanwhile. Raises ValueError after `finish`.
        """
        view, at = memoryview(data).cast("B"), 0
        if self._held:
            at = CHUNK - len(self._held)
            self._held += view[:at]
            if at >= len(view):
                return
            full, self._held = self._held, bytearray()
            yield self._seal(memoryview(full))
        while len(view) - at > CHUNK:
            end = at + min((len(view) - at - 1) // CHUNK, _AT_ONCE) * CHUNK
            yield self._seal(view[at:end])
            at = end
        self._held += view[at:]

    def finish(self) -> memoryview:
        """The last piece."""
        piece = self._seal(memoryview(self._held), last=True)
        # A second last chunk would be under the nonce of this one, and give both away.
        self._cipher, self._held = None, bytearray()
        return piece

    def _seal(self, plain: memoryview, *, last: bool = False) -> memoryview:
        """Full chunks, or the last one."""
        if self._cipher is None:
            raise ValueError("the file is finished")
        count = max(1, -(-len(plain) // CHUNK))
        if len(self._sealed) < len(plain) + _TAG * count:
            self._sealed = bytearray(len(plain) + _TAG * count)
        size, room = 0, memoryview(self._sealed)
        for start in range(0, max(1, len(plain)), CHUNK):
            chunk = plain[start : start + CHUNK]
            into = room[size : size + len(chunk) + _TAG]
            size += self._cipher.encrypt_into(_counted(self._number, last=last), chunk, None, into)
            self._number += 1
        return room[:size]


class Opener:
    """Decrypts chunks, in any order, for several threads at once. Gives nothing back that was not authenticated."""

    def __init__(self, file_key: bytes, nonce: bytes) -> None:
        self._cipher = _cipher(file_key, nonce)

    def open(self, number: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """The plaintext of a chunk. Raises PayloadError where it was altered, or is not the one that it should be."""
        try:
            return self._cipher.decrypt(_counted(number, last=last), sealed, None)
        except InvalidTag:
            raise _altered(number) from None

    def open_all(self, number: int, sealed: memoryview, *, last: bool) -> bytes:
        """The same of several that follow each other, in one piece; `last` where the file ends with them. All or nothing."""
        count = max(1, -(-len(sealed) // SEALED))
        tail = len(sealed) - (count - 1) * SEALED
        if tail < _TAG or (tail == _TAG and number + count > 1):  # only an empty file has an empty chunk
            raise _altered(number + count - 1)
        plain, at = bytearray(len(sealed) - count * _TAG), 0
        room = memoryview(plain)
        for one in range(count):
            chunk = sealed[one * SEALED : (one + 1) * SEALED]
            nonce = _counted(number + one, last=last and one == count - 1)
            try:
                at += self._cipher.decrypt_into(nonce, chunk, None, room[at : at + len(chunk) - _TAG])
            except InvalidTag:
                raise _altered(number + one) from None
        return bytes(plain)


def _altered(number: int) -> PayloadError:
    return PayloadError(f"the content was altered or cut off, in its chunk {number + 1:,}")
