"""The way back: what transforms made of a file, undone, in the opposite order."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import IO

from wrikebackup_core.errors import FormatError, KeyRefused
from wrikebackup_core.ports import Reader, Sink
from wrikebackup_core.stored import CHUNK, open_stored
from wrikebackup_core.transforms import Transform

__all__ = ["Decoding"]


class Decoding:
    """Reads what a sink holds as it was before the transforms that encoded it. Without any it is read as it is stored."""

    def __init__(self, transforms: Sequence[Transform] = ()) -> None:
        """`transforms` in the order in which they encoded, which is that of the manifest."""
        self._transforms = tuple(transforms)

    @property
    def suffix(self) -> str:
        """What they added to the names."""
        return "".join(transform.suffix for transform in self._transforms)

    def chunks(self, sink: Sink, key: str) -> Iterator[bytes]:
        """The file's bytes from start to end. Raises KeyNotFound, SinkError, and KeyRefused and FormatError, which name the key."""
        with sink.open(key) as stored:
            yield from self.pieces(stored, key)

    def pieces(self, stored: Reader, key: str) -> Iterator[bytes]:
        """The same of what is open already."""
        with _naming(key), self.reader(stored) as reader:
            while chunk := reader.read(CHUNK):
                yield chunk

    @contextlib.contextmanager
    def reader(self, stored: Reader) -> Iterator[Reader]:
        """What is read of a stored file, decoded. Raises KeyRefused, FormatError."""
        with contextlib.ExitStack() as stack:
            reader = stored
            for transform in reversed(self._transforms):
                reader = stack.enter_context(transform.decode(reader))
            yield reader

    @contextlib.contextmanager
    def file(self, sink: Sink, key: str, size: int) -> Iterator[IO[bytes]]:
        """An object of `size` stored bytes as a file that can seek: only what is looked at is fetched, where the transforms can do that.

        Raises as `chunks` does, here and when it is read.
        """
        with contextlib.ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(open_stored(sink, key, size))
            with _naming(key):
                for transform in reversed(self._transforms):
                    file = stack.enter_context(transform.decode_file(file))
            yield io.BufferedReader(_Named(file, key)) if self._transforms else file


@contextlib.contextmanager
def _naming(key: str) -> Iterator[None]:
    """Transforms do not know what they decode: whoever reads their errors wants to."""
    try:
        yield
    except (FormatError, KeyRefused) as error:
        if error.message.startswith(f"{key}: "):
            raise
        raise type(error)(f"{key}: {error.message}", hint=error.hint) from error


class _Named(io.RawIOBase):
    """A decoded file whose errors name the key. It does not own the file."""

    def __init__(self, file: IO[bytes], key: str) -> None:
        self._file, self._key = file, key

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # typeshed: any writable buffer
        with _naming(self._key):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with _naming(self._key):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
