"""A server on 127.0.0.1 that plays what is pinged and written to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

__all__ = ["Listener", "listener"]

Behaviour = Callable[[int], int | None]
"""The status of the answer to the request of a number, from 0 on; None to close the connection instead."""


@dataclass
class Request:
    path: str
    query: dict[str, list[str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Listener:
    """Keeps what it is sent. `hangs` until it is set, and then answers nothing."""

    port: int = 0
    behaviour: Behaviour = lambda _number: 200
    says: bytes = b"OK"
    headers: dict[str, str] = field(default_factory=dict)
    hangs: threading.Event | None = None
    requests: list[Request] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts, length = urlsplit(self.path), int(self.headers.get("Content-Length", 0))
            listener.requests.append(Request(parts.path, parse_qs(parts.query), self.rfile.read(length)))
            if listener.hangs is not None:
                listener.hangs.wait(60)
            status = None if listener.hangs else listener.behaviour(len(listener.requests) - 1)
            self.close_connection = True
            if status is None:
                return
            self.send_response(status)
            for name, value in listener.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(listener.says)))
            self.end_headers()
            self.wfile.write(listener.says)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    return Handler


@pytest.fixture
def listener() -> Iterator[Listener]:
    kept = Listener()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(kept))
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    if kept.hangs is not None:
        kept.hangs.set()
    server.shutdown()
    server.server_close()
    thread.join()
