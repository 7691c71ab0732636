"""A proxy on 127.0.0.1 between a store's client and a real store: it breaks what a test tells it to break, on the wire."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Self

__all__ = ["Asked", "Fault", "Proxy", "answer", "cut", "flip", "hang", "lose", "passed", "shorten"]


@dataclass(frozen=True)
class Asked:
    """A request: `number` counts from 1, `query` is what follows the question mark."""

    number: int
    method: str
    path: str
    query: str
    size: int


Fault = Callable[["_Handler", Asked], None]
Choose = Callable[[Asked], Fault]


class Proxy:
    """`choose` picks the fault for each request; `asked` are all requests so far. A context manager. With `tls` it is spoken to by TLS."""

    def __init__(self, target: str, choose: Choose | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.target = urllib.parse.urlsplit(target)
        self.choose: Choose = choose or (lambda _: passed)
        self.asked: list[Asked] = []
        self.fetched = 0
        self.over = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        if tls is not None:
            listening = self._server.socket
            self._server.socket = tls.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def note(self, method: str, path: str, size: int) -> Asked:
        where, _, query = path.partition("?")
        with self._lock:
            asked = Asked(len(self.asked) + 1, method, where, query, size)
            self.asked.append(asked)
        return asked

    def count(self, size: int) -> None:
        with self._lock:
            self.fetched += size

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException):
            super().handle_one_request()
            return
        self.close_connection = True

    def _any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        asked = self.proxy.note(self.command, self.path, size)
        self.proxy.choose(asked)(self, asked)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_GET` and all the others."""
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the store answers to the request."""
        target = self.proxy.target
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # the host too: it is signed
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        self.proxy.count(len(body))
        self.wfile.write(body)

    def reset(self) -> None:
        """Ends the connection as a broken line does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)

    def body(self, size: int) -> bytes:
        return self.rfile.read(size) if size else b""


def passed(handler: _Handler, asked: Asked) -> None:
    """Nothing is broken."""
    handler.reply(*handler.forward(handler.body(asked.size)))


def cut(handler: _Handler, asked: Asked) -> None:
    """The line breaks in the middle of the request."""
    handler.body(asked.size // 2)
    handler.reset()


def lose(handler: _Handler, asked: Asked) -> None:
    """The store does what it was asked, and its answer never comes."""
    handler.forward(handler.body(asked.size))
    handler.reset()


def flip(handler: _Handler, asked: Asked) -> None:
    """A bit of the request changes on its way."""
    body = bytearray(handler.body(asked.size))
    body[len(body) // 2] ^= 1
    handler.reply(*handler.forward(bytes(body)))


def shorten(handler: _Handler, asked: Asked) -> None:
    """The line breaks in the middle of the answer."""
    status, headers, body = handler.forward(handler.body(asked.size))
    handler.send_response_only(status)
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.reset()


def hang(handler: _Handler, asked: Asked) -> None:
    """No answer, until the test is over."""
    handler.body(asked.size)
    handler.proxy.over.wait()
    handler.reset()


def answer(status: int, body: bytes = b"", *headers: tuple[str, str]) -> Fault:
    """An answer that is not the store's."""

    def fault(handler: _Handler, asked: Asked) -> None:
        handler.body(asked.size)
        handler.reply(status, list(headers), b"" if handler.command == "HEAD" else body)

    return fault
