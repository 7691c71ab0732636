"""One object on its way into a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from wrikebackup_core import AlreadyExists, SinkError
from wrikebackup_fsspec.local.faults import failed

__all__ = ["LocalWriter", "create_temporary"]

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_CLOSED = -1


def create_temporary(path: str) -> int:
    """The descriptor of a new file that only the owner may read: account data. Raises OSError."""
    return os.open(path, _FLAGS, 0o600)


class LocalWriter:
    """A Writer. Every `write` goes straight to the operating system; hand it large pieces."""

    __slots__ = ("_descriptor", "_key", "_publish", "_target", "_temporary")

    def __init__(
        self, key: str, temporary: str, target: str, descriptor: int, publish: Callable[[str, str], None]
    ) -> None:
        self._key = key
        self._temporary = temporary
        self._target = target
        self._descriptor = descriptor
        self._publish = publish

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        size = len(data)
        try:
            written = os.write(self._open(), data)
            while written < size:
                written += os.write(self._descriptor, memoryview(data)[written:])
        except OSError as error:
            raise failed("write", self._target, error) from error
        return size

    def commit(self) -> None:
        descriptor = self._open()
        try:
            self._descriptor = _CLOSED
            os.close(descriptor)  # here NFS and quotas say that there was no room
            self._publish(self._temporary, self._target)
        except FileExistsError:
            self._remove()
            hint = "a folder stands where a file belongs: move it away" if os.path.isdir(self._target) else None
            raise AlreadyExists(f"{self._target} exists already", hint=hint) from None
        except OSError as error:
            self._remove()
            raise failed("store", self._target, error) from error

    def discard(self) -> None:
        if self._descriptor != _CLOSED:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = _CLOSED
            self._remove()

    def _open(self) -> int:
        if self._descriptor == _CLOSED:
            raise SinkError(f"{self._key} was committed or discarded before")
        return self._descriptor

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)

    def __del__(self) -> None:
        self.discard()
