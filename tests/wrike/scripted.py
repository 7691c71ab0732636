"""A small HTTP server that answers by a test's script, and notes what it was asked: a reading of the API of its own."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

BASE = "/api/v4"


@dataclass(frozen=True)
class Asked:
    """A request: `path` below /api/v4 where it is the API's."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """`cut` closes the connection after that many bytes of the body; `chunked` leaves its length untold."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    chunked: bool = False


Answering = Callable[[Asked], Reply]


def envelope(records: Iterable[Any], kind: str = "things", **more: Any) -> Reply:
    return Reply(json.dumps({"kind": kind, **more, "data": list(records)}).encode())


def refusal(status: int, error: str, description: str = "no", **headers: str) -> Reply:
    body = json.dumps({"errorDescription": description, "error": error}).encode()
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class ScriptedServer:
    """`server.on("/tasks", answering)`: one answerer for a path, or for all below it where it ends in `/`."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._routes: dict[str, Answering] = {}
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def base_url(self) -> str:
        return self.origin + BASE

    def on(self, path: str, answering: Answering | Reply) -> None:
        self._routes[path] = (lambda _: answering) if isinstance(answering, Reply) else answering

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def count(self, path: str) -> int:
        return self.paths().count(path)

    def queries(self, path: str) -> list[dict[str, str]]:
        return [asked.query for asked in self.asked if asked.path == path]

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
        if (exact := self._routes.get(asked.path)) is not None:
            return exact(asked)
        below = [path for path in self._routes if path.endswith("/") and asked.path.startswith(path)]
        if below:
            return self._routes[max(below, key=len)](asked)
        return refusal(404, "method_not_found", f"no {asked.path}")

    def _handler(server) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's below
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with contextlib.suppress(
                    ConnectionError
                ):  # a client that leaves in the middle is what some tests are about
                    super().handle()

            def do_GET(self) -> None:
                self._do(b"")

            def do_POST(self) -> None:
                self._do(self.rfile.read(int(self.headers["content-length"])))

            def _do(self, body: bytes) -> None:
                parts = urlsplit(self.path)
                reply = server._answer(
                    Asked(
                        parts.path.removeprefix(BASE),
                        dict(parse_qsl(parts.query, keep_blank_values=True)),
                        {name.lower(): value for name, value in self.headers.items()},
                        dict(parse_qsl(body.decode())),
                    )
                )
                self._send(reply)

            def _send(self, reply: Reply) -> None:
                headers = {"content-type": "application/json;charset=UTF-8", **reply.headers}
                if reply.chunked:
                    headers["connection"] = "close"
                else:
                    headers.setdefault("content-length", str(len(reply.body)))
                lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
                head = "\r\n".join(lines).encode() + b"\r\n\r\n"
                body = reply.body if reply.cut is None else reply.body[: reply.cut]
                try:
                    self.wfile.write(head + body)
                    self.wfile.flush()
                    if reply.cut is not None or reply.chunked:
                        self.close_connection = True
                        self.connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
