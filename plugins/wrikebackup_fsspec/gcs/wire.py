"""Requests to the JSON API: one at a time, or again and again for as long as that makes sense."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import tenacity
import urllib3
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ProxyError, SSLError
from urllib3.exceptions import TimeoutError as Silence

from wrikebackup_core import __version__
from wrikebackup_fsspec.gcs.faults import Lost, Refused, is_passing
from wrikebackup_fsspec.gcs.identity import Identity
from wrikebackup_fsspec.gcs.routes import pool_for

__all__ = ["Answer", "Wire", "told"]

GOOGLE = "https://storage.googleapis.com"
_CONNECTIONS = 256  # kept; as many as a profile may have transfers
_CONNECT_SECONDS = 30.0
_SLICE = 128 << 10  # bytes; the time limit is for each piece handed to the socket, not for the whole body
_ATTEMPTS = 9  # of one request, the first included
_PATIENCE = 120.0  # seconds for a server in trouble
_LONGEST_PAUSE = 30.0  # seconds
_STRANGER_ATTEMPTS = 4  # to reach a server that never answered: its address may be wrong

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises Lost for what is none."""
        try:
            found = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise Lost("the answer is not the store's", hint="see whether a proxy stands in the way") from error
        return found if isinstance(found, dict) else {}


class Wire:
    """The way to one server, in one name. Safe from any thread.

    `timeout` is how long a silent server is waited for, in seconds: half of it by each of two attempts.
    """

    def __init__(self, endpoint: str | None, identity: Identity, timeout: float) -> None:
        self.endpoint = (endpoint or GOOGLE).rstrip("/")
        self.identity = identity
        self._timeout = urllib3.Timeout(connect=min(timeout / 2, _CONNECT_SECONDS), read=timeout / 2)
        self._pool = pool_for(self.endpoint, maxsize=_CONNECTIONS)
        self._reached = False

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes | memoryview] = (),
        good: frozenset[int] = frozenset({200}),
    ) -> Answer:
        """One request. Raises Lost, Refused, GoogleAuthError."""
        with self.stream(method, path, query, headers=headers, body=body, good=good) as response:
            with told():
                data = response.read(decode_content=True)
            return Answer(response.status, response.headers, data)

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes | memoryview] = (),
        good: frozenset[int] = frozenset({200}),
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The same, with the body not read yet."""
        target = f"{path}?{urlencode(query)}" if query else path
        pieces = list(body)
        length = {"Content-Length": str(sum(map(len, pieces)))} if pieces or method in ("POST", "PUT", "PATCH") else {}
        given = {"User-Agent": f"wrikebackup/{__version__}", "Accept-Encoding": "identity", **length, **(headers or {})}
        named = self.identity.headers()
        response = self._send(method, target, {**given, **named}, pieces)
        if response.status == 401 and self.identity.renew(named):
            response.drain_conn()
            response = self._send(method, target, {**given, **self.identity.headers()}, pieces)
        try:
            if response.status not in good:
                with told():
                    raise Refused.of(response.status, response.read(), response.headers.get("Retry-After"))
            yield response
        finally:
            response.close()  # a connection whose answer was read to its end is back in the pool already

    def patiently(self, request: Callable[[], _T]) -> _T:
        """What `request` returns, tried again while what it raises may pass. Raises Lost, Refused, GoogleAuthError."""
        silences = 0

        def in_vain(state: tenacity.RetryCallState) -> bool:
            nonlocal silences
            error = state.outcome.exception() if state.outcome is not None else None
            silences += isinstance(error, Lost) and error.silent
            stranger = not self._reached and isinstance(error, Lost) and state.attempt_number >= _STRANGER_ATTEMPTS
            late = (state.seconds_since_start or 0.0) >= _PATIENCE
            return silences >= 2 or stranger or late or state.attempt_number >= _ATTEMPTS

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_passing), stop=in_vain, wait=_pause, reraise=True
        )(request)

    def close(self) -> None:
        self._pool.clear()
        self.identity.close()

    def _send(
        self, method: str, target: str, headers: Mapping[str, str], pieces: list[bytes | memoryview]
    ) -> urllib3.BaseHTTPResponse:
        with told():
            response = self._pool.urlopen(
                method,
                self.endpoint + target,
                body=_sliced(pieces) if pieces else None,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
        self._reached = True
        return response


def _sliced(pieces: list[bytes | memoryview]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), _SLICE):
            yield view[start : start + _SLICE]


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds: what the server asks for, or some that grow; with jitter, so that threads do not come back all at once."""
    error = state.outcome.exception() if state.outcome is not None else None
    wanted = error.retry_after if isinstance(error, Refused) else None
    grown = tenacity.wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE)(state)
    return min(_LONGEST_PAUSE, wanted) + min(grown, 1.0) if wanted is not None else grown


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors of urllib3 as Lost."""
    try:
        yield
    except SSLError as error:
        raise Lost(
            "its certificate is not accepted", hint="SSL_CERT_FILE names a file with other certificates"
        ) from error
    except ProxyError as error:
        raise Lost(
            "the proxy that the environment names cannot be used", hint="look at HTTPS_PROXY and NO_PROXY"
        ) from error
    except NameResolutionError as error:
        raise Lost("its name cannot be found", hint="see whether the address is right and the network is up") from error
    except NewConnectionError as error:
        raise Lost("it cannot be reached", hint="see whether the address is right and the network is up") from error
    except (HTTPError, OSError) as error:
        if isinstance(error, Silence) or any(isinstance(part, TimeoutError) for part in error.args):
            raise Lost("no answer in time", hint="try later, or raise `timeout:`", silent=True) from error
        raise Lost("the connection broke", hint="try again") from error
