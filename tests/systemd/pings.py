"""A server in the machine that writes down what it is told: pings of a run, and messages."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Noted(BaseHTTPRequestHandler):
    """Each request is a line in /run/pings."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with Path("/run/pings").open("a", encoding="utf-8") as file:
            file.write(f"{self.path} {body!r}\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 9000), Noted).serve_forever()
