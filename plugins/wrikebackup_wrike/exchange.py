"""One GET over an open connection.

Answers of the ordinary form, with a Content-Length, are read here; whatever else HTTP allows is left to http.client. Its reading of
the headers alone takes longer than all that is done with a small file, and its buffers take the body in more pieces.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Answer", "ask"]

_RECEIVE = 1 << 18  # bytes; most files come whole with their head
_LARGEST_HEAD = 1 << 16
_ENOUGH = 1 << 18  # bytes; a piece of this size is worth handing on
_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(r"HTTP/1\.1 ([2-5]\d\d)(?: .*)?")
_BODILESS = (204, 304)
_VISIBLE = re.compile(r"[!-~]+")
_PRINTABLE = re.compile(r"[\t -~]*")


class Answer(Protocol):
    """Status and headers of an answer, the names in small letters, and its body as it comes."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def length(self) -> int | None:
        """Bytes of the body that are still to come; None where the answer does not say."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, `b""` at the end or where the connection ends. Raises OSError, http.client's HTTPException."""

    @property
    def reusable(self) -> bool:
        """Whether the connection can take another request: the body was read to its end, and the server keeps it open."""


def ask(connection: socket.socket, target: str, headers: Mapping[str, str]) -> Answer:
    """Sends `GET target` and reads the answer's head.

    Raises ValueError for what cannot stand in a request, OSError, http.client's HTTPException, and of them ConnectionError where no
    answer came at all.
    """
    if not _VISIBLE.fullmatch(target) or not all(map(_PRINTABLE.fullmatch, headers.values())):
        raise ValueError("a request cannot hold control characters, or spaces in its address")
    lines = [f"GET {target} HTTP/1.1", *[f"{name}: {text}" for name, text in headers.items()], "\r\n"]
    connection.sendall("\r\n".join(lines).encode("ascii"))
    received, end = _head(connection)
    return _Plain.read_from(connection, received, end) or _Other(connection, received)


def _head(connection: socket.socket) -> tuple[bytes, int]:
    """What came until the head was there, and where the head ends; 0 for what is no head."""
    received = connection.recv(_RECEIVE)
    if not received:
        raise http.client.RemoteDisconnected("the server closed the connection without an answer")
    while True:
        if found := _END.search(received):
            return received, found.end()
        if len(received) > _LARGEST_HEAD or not received.startswith(b"HTTP/"[: len(received)]):
            return received, 0
        more = connection.recv(_RECEIVE)
        if not more:
            return received, 0
        received += more


class _Plain:
    """An answer of announced length."""

    __slots__ = ("_connection", "_keep", "_received", "headers", "length", "status")

    def __init__(
        self, connection: socket.socket, status: int, headers: dict[str, str], length: int, received: bytes
    ) -> None:
        self._connection, self._received = connection, received
        self.status, self.headers, self.length = status, headers, length
        # More than was announced is no answer to anything: such a connection cannot be trusted with another request.
        self._keep = len(received) <= length and "close" not in headers.get("connection", "").lower()

    @classmethod
    def read_from(cls, connection: socket.socket, received: bytes, end: int) -> _Plain | None:
        """None for an answer of any other form."""
        first, *lines = received[:end].decode("latin-1").split("\r\n")
        found = _STATUS.fullmatch(first)
        if found is None or lines[-2:] != ["", ""]:
            return None
        headers: dict[str, str] = {}
        for line in lines[:-2]:
            name, _, text = line.partition(":")
            if not _VISIBLE.fullmatch(name) or len(name) == len(line) or "\n" in text or "\r" in text:
                return None
            name = name.lower()
            if name in headers and name in ("content-length", "connection"):
                return None
            headers.setdefault(name, text.strip(" \t"))
        length, status = headers.get("content-length", ""), int(found[1])
        if not length.isdecimal() or "transfer-encoding" in headers or status in _BODILESS:
            return None
        return cls(connection, status, headers, int(length), received[end:])

    def read(self, size: int) -> bytes:
        size = min(size, self.length)
        parts, got = [], 0
        if self._received:
            parts = [self._received[:size]]
            self._received = self._received[size:]
            got = len(parts[0])
        while got < size and got < _ENOUGH:
            part = self._connection.recv(size - got)
            if not part:
                self._keep = False
                break
            parts.append(part)
            got += len(part)
        self.length -= got
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def reusable(self) -> bool:
        return self._keep and not self.length


class _Other:
    """An answer as http.client understands it."""

    def __init__(self, connection: socket.socket, received: bytes) -> None:
        self._connection, self._received = connection, received
        self._response = http.client.HTTPResponse(self, method="GET")  # type: ignore[arg-type] # it asks for `makefile` only
        self._response.begin()
        self.status = self._response.status
        self.headers = {name.lower(): text for name, text in self._response.headers.items()}

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client reads from: what was received already, then the connection."""
        assert mode == "rb"
        return io.BufferedReader(_Rest(self._connection, self._received))

    @property
    def length(self) -> int | None:
        return self._response.length

    def read(self, size: int) -> bytes:
        return self._response.read(size)

    @property
    def reusable(self) -> bool:
        return self._response.isclosed() and not self._response.will_close


class _Rest(io.RawIOBase):
    def __init__(self, connection: socket.socket, received: bytes) -> None:
        self._connection, self._received = connection, received

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        if not self._received:
            return self._connection.recv_into(view)
        part = self._received[: len(view)]
        view[: len(part)] = part
        self._received = self._received[len(part) :]
        return len(part)
