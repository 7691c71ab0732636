"""The loopback end of an OAuth login: catches the code that the browser brings back (RFC 8252, section 7.3)."""

from __future__ import annotations

import hmac
import http.server
import threading
import time
from typing import Self
from urllib.parse import parse_qs, urlsplit

from wrikebackup_core import SourceError, UsageError

__all__ = ["Callback", "code_in"]

_PATH = "/callback"
_PAGE = "<!doctype html><title>wrikebackup</title><p>{}. You may close this window.</p>"


def code_in(url: str, state: str) -> str:
    """The code in a redirect's address. Raises UsageError where it is not of this login, SourceError where Wrike refused."""
    query = parse_qs(urlsplit(url).query)
    if not hmac.compare_digest(query.get("state", [""])[0].encode(), state.encode()):
        raise UsageError("this address does not belong to this login", hint="use the address that this run printed")
    if "error" in query:
        reason = query.get("error_description", query["error"])[0]
        raise SourceError(f"the login was refused: {reason}")
    code = query.get("code", [""])[0]
    if not code:
        raise UsageError("this address holds no code")
    return code


class Callback:
    """Listens on 127.0.0.1 until the one redirect with the right state has come."""

    def __init__(self, port: int, state: str) -> None:
        """Raises UsageError where the port is taken. Port 0 takes any."""
        self._state = state
        self._came = threading.Event()
        self._code: str | None = None
        self._error: SourceError | None = None
        try:
            self._server = http.server.HTTPServer(("127.0.0.1", port), self._handler())
        except OSError:
            raise UsageError(f"the port {port} of this machine is taken", hint="give another with --port") from None
        self.redirect_uri = f"http://localhost:{self._server.server_port}{_PATH}"

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        callback = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                status, text = callback._arrived(self.path)
                body = _PAGE.format(text).encode()
                self.send_response(status)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing: the line would hold the code."""

        return Handler

    def _arrived(self, path: str) -> tuple[int, str]:
        if urlsplit(path).path != _PATH:
            return 404, "There is nothing here"
        try:
            self._code = code_in(path, self._state)
        except UsageError:
            return 400, "This does not belong to the login that is going on"
        except SourceError as error:
            self._error = error
        self._came.set()
        return 200, "Wrike refused the login" if self._error else "You are logged in"

    @property
    def came(self) -> bool:
        """Whether the redirect has come."""
        return self._came.is_set()

    def wait(self, seconds: float) -> str:
        """The code. Raises SourceError when Wrike refused, or when nothing has come in time."""
        until = time.monotonic() + seconds
        while not self._came.is_set() and (left := until - time.monotonic()) > 0:
            self._server.timeout = min(left, 1.0)
            self._server.handle_request()
        if self._error is not None:
            raise self._error
        if self._code is None:
            raise SourceError(
                f"nobody logged in within {seconds:.0f} s", hint="run the command again, or with --no-browser"
            )
        return self._code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.server_close()
