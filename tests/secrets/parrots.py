"""Servers that refuse whoever comes, and repeat in their answers all that they were told: the worst that a library has to report."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs
from xml.sax.saxutils import escape


class _Http(http.server.BaseHTTPRequestHandler):
    """Refuses as Wrike's API, its login, Google Cloud Storage and S3 do. Takes what is told to `/taken`, and gives a token at `/token`."""

    protocol_version = "HTTP/1.1"
    token = ""

    def _refuse(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode(errors="replace")
        told = f"{self.headers.get('authorization')} {self.path} {dict(self.headers)} {body} {parse_qs(body)}"
        status = 403
        if self.path.startswith("/api/v4"):
            answer = json.dumps({"error": "access_forbidden", "errorDescription": told})
        elif self.path.startswith("/token"):
            status, answer = 200, json.dumps({"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"})
        elif self.path.startswith("/taken"):
            status, answer = 200, told
        elif self.path.startswith(("/storage", "/upload")):
            answer = json.dumps({"error": {"message": told, "errors": [{"reason": "forbidden"}]}})
        elif self.path.startswith("/login"):
            status, answer = 400, json.dumps({"error": "invalid_grant", "error_description": told})
        else:
            answer = f"<Error><Code>AccessDenied</Code><Message>{escape(told)}</Message></Error>"
        self.send_response(status)
        self.send_header("content-length", str(len(answer.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _refuse  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002 - its name there


class _Ftp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 hello\r\n")
        while line := self.rfile.readline().strip():
            code = b"331 " if line.startswith(b"USER") else b"530 not "
            self.wfile.write(code + line + b"\r\n")


@contextlib.contextmanager
def parrot(kind: str, token: str = "") -> Iterator[int]:
    """The port of a server of this kind: `http` or `ftp`. `token` is what it gives to whoever asks for one."""
    handler: type[socketserver.BaseRequestHandler] = (
        type("Http", (_Http,), {"token": token}) if kind == "http" else _Ftp
    )
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
