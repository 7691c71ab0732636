"""The contract for addresses that others can read from, kept and broken by a small HTTP server."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from wrikebackup_core import KeyNotFound, UsageError
from wrikebackup_core.testing import MemorySink, SigningContract

WEEK = 7 * 24 * 60 * 60


class Served(MemorySink):
    """A sink in memory whose objects are given out over HTTP to whoever has a signed address."""

    key = b"a key of the store's own"
    checks_signatures = True

    def __init__(self) -> None:
        super().__init__()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                data, fields = sink.objects.get(unquote(parts.path[1:])), parse_qs(parts.query)
                status = 200 if data is not None and sink._fits(parts.path, fields) else 403
                self.send_response(status)
                self.end_headers()
                self.wfile.write(data if data is not None and status == 200 else b"no")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def sign(self, key: str, seconds: int) -> str:
        if key not in self.objects:
            raise KeyNotFound(f"{self.name}: there is no {key}")
        if seconds > WEEK:
            raise UsageError("a week at most")
        path, until = f"/{quote(key)}", int(time.time()) + seconds
        return (
            f"http://127.0.0.1:{self.server.server_port}{path}?until={until}&signature={self._signature(path, until)}"
        )

    def _signature(self, path: str, until: int) -> str:
        return hmac.new(self.key, f"{path} {until}".encode(), hashlib.sha256).hexdigest()

    def _fits(self, path: str, fields: dict[str, list[str]]) -> bool:
        until, given = int(fields.get("until", ["0"])[0]), fields.get("signature", [""])[0]
        return not self.checks_signatures or (until > time.time() and given == self._signature(path, until))


class SignsAnything(Served):
    def sign(self, key: str, seconds: int) -> str:
        self.objects.setdefault(key, b"")
        return super().sign(key, min(seconds, WEEK))


class ChecksNothing(Served):
    checks_signatures = False


@pytest.fixture
def serve() -> Iterator[Callable[[type[Served]], Served]]:
    sinks: list[Served] = []

    def start(kind: type[Served]) -> Served:
        sinks.append(kind())
        return sinks[-1]

    yield start
    for sink in sinks:
        sink.stop()


class TestServed(SigningContract):
    @pytest.fixture
    def sink(self, serve: Callable[[type[Served]], Served]) -> Served:
        return serve(Served)


def test_a_defect_of_signing_is_caught(serve: Callable[[type[Served]], Served]) -> None:
    contract = SigningContract()
    for kind, test in (
        (SignsAnything, contract.test_what_is_not_there_cannot_be_signed),
        (SignsAnything, contract.test_a_longer_time_than_the_store_allows_is_refused),
        (ChecksNothing, contract.test_an_address_is_good_for_its_object_only_and_not_when_it_was_changed),
    ):
        with pytest.raises(pytest.fail.Exception):
            test(serve(kind))
