"""age files as streams: encrypted as they are written, decrypted as they are read, and opened anywhere where the store can."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterable, Iterator
from typing import IO

from wrikebackup_age.age.errors import HeaderError, PayloadError
from wrikebackup_age.age.header import FILE_KEY_SIZE, Header, Identity, Recipient
from wrikebackup_age.age.payload import CHUNK, NONCE_SIZE, SEALED, Opener, Sealer, sealed_size, split
from wrikebackup_age.age.stream import Read, Stream

__all__ = ["Decrypted", "begin", "decrypt", "encrypt"]

_HEADER = 4096  # bytes, that are read at a time until the header is there
_AT_ONCE = 16  # chunks, at the most, that are read at a time


def begin(recipients: Iterable[Recipient]) -> tuple[bytes, Sealer]:
    """What a file begins with, and what encrypts its content. Raises ValueError for recipients that must not stand together."""
    file_key = secrets.token_bytes(FILE_KEY_SIZE)
    sealer = Sealer(file_key)
    return Header.write(file_key, recipients) + sealer.nonce, sealer


def encrypt(plain: Iterable[bytes], recipients: Iterable[Recipient]) -> Iterator[bytes | memoryview]:
    """The age file of some content, in pieces, each good until the next is asked for. Raises ValueError as `begin` does."""
    start, sealer = begin(recipients)
    yield start
    for piece in plain:
        yield from sealer.feed(piece)
    yield sealer.finish()


def decrypt(read: Read, identities: Iterable[Identity]) -> Iterator[bytes]:
    """The content of an age file, in pieces, none of which was altered; it is whole only when no more come.

    Raises NoMatch, FormatError: at the latest behind the last piece that is as it was written.
    """
    stream = Stream(read, _AT_ONCE * SEALED)
    opener = _opener(stream, Header.read(stream), identities)
    number, last = 0, False
    while not last:
        sealed = memoryview(stream.take(_AT_ONCE * SEALED))
        last = stream.at_end()
        try:
            piece = opener.open_all(number, sealed, last=last)
        except PayloadError:
            yield from _singly(opener, number, sealed, last=last)
            raise
        yield piece
        number += _AT_ONCE


def _singly(opener: Opener, number: int, sealed: memoryview, *, last: bool) -> Iterator[bytes]:
    """Of chunks of which one was altered: all before it, one by one. Raises PayloadError."""
    for start in range(0, max(1, len(sealed)), SEALED):
        chunk = sealed[start : start + SEALED]
        ends = last and start + SEALED >= len(sealed)
        try:
            piece = opener.open(number, chunk, last=ends)
        except PayloadError:
            if ends and len(chunk) < SEALED:
                raise
            yield opener.open(number, chunk, last=not ends)  # it is as it was written, only not what it is taken for
            cause = "the content was cut off" if ends else "something follows the end of the content"
            raise PayloadError(cause) from None
        if not piece and number:
            raise PayloadError("the content has an empty chunk at its end")
        yield piece
        number += 1


def _opener(stream: Stream, header: Header, identities: Iterable[Identity]) -> Opener:
    """For the payload, whose nonce it reads."""
    file_key, nonce = header.file_key(identities), stream.take(NONCE_SIZE)
    if len(nonce) < NONCE_SIZE:
        raise HeaderError("the file was cut off behind its header")
    return Opener(file_key, nonce)


class Decrypted(io.RawIOBase):
    """The content of an age file as a file that can seek. Reads only the chunks that are asked for, a few at a time.

    The last chunk is opened first: a file that was cut off is refused before anything of it is used. As of any raw file,
    `read(size)` may give less than asked: `io.BufferedReader` gives all. One thread at a time.
    """

    def __init__(self, file: IO[bytes], size: int, identities: Iterable[Identity]) -> None:
        """`file` can seek and has `size` bytes. It is closed with this, and where this raises: NoMatch, FormatError."""
        self._file, self._at, self._ahead = file, 0, 1
        self._first, self._plain = 0, b""
        try:
            file.seek(0)
            stream = Stream(file.read, _HEADER)
            header = Header.read(stream)
            self._opener = _opener(stream, header, identities)
            self._start = header.size + NONCE_SIZE
            self._chunks, self.size = split(size - header.size)
            self._load(self._chunks - 1, 1)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence not in (io.SEEK_SET, io.SEEK_CUR, io.SEEK_END):
            raise ValueError("from no place that is known")
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("before the first byte")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # typeshed: any writable buffer
        if self.closed:
            raise ValueError("the file is closed")
        if self._at >= self.size:
            return 0
        number, follows = self._at // CHUNK, self._first + -(-len(self._plain) // CHUNK)
        if not self._first <= number < follows:
            # Who reads on from where the last piece ended is likely to read further.
            self._ahead = min(2 * self._ahead, _AT_ONCE) if number == follows else 1
            self._load(number, self._ahead)
        target = memoryview(buffer).cast("B")
        offset = self._at - self._first * CHUNK
        piece = self._plain[offset : offset + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _load(self, number: int, count: int) -> None:
        count = min(count, self._chunks - number)
        at, end = number * SEALED, min((number + count) * SEALED, sealed_size(self.size) - NONCE_SIZE)
        self._file.seek(self._start + at)
        sealed = memoryview(Stream(self._file.read, 0).take(end - at))
        if len(sealed) < end - at:
            raise PayloadError("the content was cut off")
        self._plain = self._opener.open_all(number, sealed, last=number + count == self._chunks)
        self._first = number
