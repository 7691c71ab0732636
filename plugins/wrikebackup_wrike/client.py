"""The JSON API over httpx: with the token, at the pace, tried again where that may help."""

from __future__ import annotations

import contextlib
import email.utils
import itertools
import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

import tenacity

from wrikebackup_core import Interrupted, SourceError, Unauthorized, __version__, without_passwords
from wrikebackup_wrike.answer import Answer, Named, read
from wrikebackup_wrike.http import httpx
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.refusals import InTrouble, Malformed, Unusable, refusal, request_id, retry_after, traceable
from wrikebackup_wrike.tokens import Tokens

__all__ = ["RENEWALS", "USER_AGENT", "Api", "as_source_error", "log_request"]

USER_AGENT = f"wrikebackup/{__version__}"
FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_FEW_ATTEMPTS = 4
_TELL_AFTER, _TELL_EVERY = 2.0, 10.0  # seconds
LOOK_EVERY, LONG, TELL_AGAIN = 5.0, 15.0, 30.0  # seconds: at requests in flight, which wait long, of those again
_SHOWN = 80  # characters of a path, which may hold a hundred ids
_PATIENCE = 90.0  # seconds for a call that fails while others are answered
RENEWALS = 3  # of the token in a row: one may expire while others wait for their turn
_OK, _ACCEPTED = 200, 202

_log = logging.getLogger(__name__)
_N = TypeVar("_N", bound=Named)


class Api:
    """Safe from any thread. `stop` calls off every wait."""

    def __init__(
        self,
        base_url: str,
        tokens: Tokens,
        pace: Pace,
        *,
        stop: threading.Event,
        concurrency: int = 8,
        connect_timeout: float = 20,
        read_timeout: float = 180,
        retry_seconds: float = 900,
    ) -> None:
        self.base_url, self.pace, self.tokens = base_url, pace, tokens
        self._host = urlsplit(base_url).netloc
        self._stop, self._budget = stop, retry_seconds
        self._answered: float | None = None
        self._told = -math.inf
        self._lock = threading.Lock()
        self._in_flight: dict[object, tuple[str, float]] = {}
        self._watcher: threading.Thread | None = None
        self._closing = threading.Event()
        self.server_ahead: float | None = None
        """Seconds by which the server's clock is ahead of ours, by its newest answer; to a second."""
        self._http = httpx.Client(
            headers={"user-agent": USER_AGENT, "accept": "application/json"},
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            follow_redirects=False,
            # Reading the certificate store takes longer than many a request, and over http nobody looks at it.
            verify=httpx.create_ssl_context() if base_url.startswith("https:") else False,
        )

    def get(self, path: str, params: Mapping[str, str], shape: type[_N], *, dispensable: bool = False) -> Answer[_N]:
        """One answer to `GET path`, its records decoded as `shape`.

        Raises BadRequest, Forbidden, NotFound, Unauthorized at once, and Interrupted or SourceError after trying for a while:
        a shorter one for what is `dispensable` and the server cannot answer, if it answers the rest.
        """
        return self._try("GET", path, params, shape, self._in_vain if dispensable else self._give_up)

    def post(self, path: str, shape: type[_N]) -> Answer[_N]:
        """One answer to `POST path`, for a request that may be made twice: a broken connection does not tell whether it has arrived.

        Raises what `get` raises.
        """
        return self._try("POST", path, {}, shape, self._give_up)

    def wait(self, seconds: float) -> None:
        """Raises Interrupted where the run is called off meanwhile."""
        self._sleep(seconds)

    def _try(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        shape: type[_N],
        stop: Callable[[tenacity.RetryCallState], bool],
    ) -> Answer[_N]:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Interrupted),
            wait=self._pause,
            stop=stop,
            sleep=self._sleep,
            before_sleep=self._note,
            reraise=True,
        )
        try:
            return retrying(self._once, method, path, params, shape, itertools.count(1))
        except Malformed as error:
            raise Unusable(str(error), hint="look at what `base_url:` or a proxy on the way answers") from error

    def now(self) -> float:
        """Seconds since 1970, by the server's clock where one was seen."""
        return time.time() + (self.server_ahead or 0.0)

    def close(self) -> None:
        """Ends the connections, those in use when their requests have ended."""
        with self._lock:
            self._closing.set()
            idle = not self._in_flight
        if idle:
            self._http.close()

    def _once(
        self, method: str, path: str, params: Mapping[str, str], shape: type[_N], attempts: Iterator[int]
    ) -> Answer[_N]:
        token = self.tokens.current()
        status, headers, body = self._send(method, path, params, token, next(attempts))
        for _ in range(RENEWALS):
            if status != httpx.codes.UNAUTHORIZED:
                break
            try:
                token = self.tokens.renew(token)
            except Unauthorized as error:
                raise traceable(error, headers) from error.__cause__
            status, headers, body = self._send(method, path, params, token, next(attempts))
        if status in (_OK, _ACCEPTED):
            try:
                answer = _begun(body, path, shape) if status == _ACCEPTED else read(body, path, shape)
            except Malformed as error:
                raise traceable(error, headers) from error.__cause__
            self._answered = time.monotonic()
            self.pace.accepted()
            return answer
        wait = headers.get("retry-after")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            self.pace.refused(retry_after(wait))
        raise traceable(refusal(status, path, body, wait=wait, location=headers.get("location")), headers)

    def _send(
        self, method: str, path: str, params: Mapping[str, str], token: str, attempt: int
    ) -> tuple[int, httpx.Headers, bytearray]:
        self.pace.take()
        began = time.monotonic()
        headers = {"authorization": f"bearer {token}"}
        try:
            with (
                self._flight(path),
                self._http.stream(method, self.base_url + path, params=dict(params), headers=headers) as response,
            ):
                # Not `response.content`: httpx's responses are reference cycles, and would keep megabytes until they are collected.
                body = bytearray()
                for part in response.iter_bytes():
                    body += part
        except httpx.DecodingError as error:
            log_request(method, path, type(error).__name__, began, attempt)
            raise Malformed(f"{path}: the answer cannot be unpacked") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            log_request(method, path, type(error).__name__, began, attempt)
            raise as_source_error(error, self._host) from error
        log_request(method, path, response.status_code, began, attempt, headers=response.headers)
        self._look_at_clock(response.headers.get("date"))
        return response.status_code, response.headers, body

    @contextlib.contextmanager
    def _flight(self, path: str) -> Iterator[None]:
        flight = object()
        with self._lock:
            if self._closing.is_set():
                raise Interrupted("the run was called off")
            self._in_flight[flight] = (path, time.monotonic())
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="wrike-waiting", daemon=True)
                self._watcher.start()
        try:
            yield
        finally:
            with self._lock:
                del self._in_flight[flight]
                last = self._closing.is_set() and not self._in_flight
            if last:
                self._http.close()

    def _watch(self) -> None:
        """A server may take a connection and say nothing: tells so now and then, by the request that waits longest."""
        told = -math.inf
        while not self._closing.wait(LOOK_EVERY):
            now = time.monotonic()
            with self._lock:
                path, since = next(iter(self._in_flight.values()), ("", now))  # in the order in which they left
            if now - since >= LONG and now - told >= TELL_AGAIN:
                told = now
                shown = path if len(path) <= _SHOWN else f"{path[: _SHOWN - 1]}…"
                _log.warning("%s: no answer from %s for %.0f s, still waiting", shown, self._host, now - since)

    def _look_at_clock(self, date: str | None) -> None:
        try:
            told = email.utils.parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        self.server_ahead = told - time.time()

    def _pause(self, state: tenacity.RetryCallState) -> float:
        growing = tenacity.wait_exponential(multiplier=FIRST_WAIT, max=_LONGEST_WAIT)
        jitter = tenacity.wait_random(0, FIRST_WAIT * state.attempt_number)
        error = _error_of(state)
        asked = error.retry_after if isinstance(error, Interrupted) else None
        return max(growing(state) + jitter(state), asked or 0.0)

    def _give_up(self, state: tenacity.RetryCallState) -> bool:
        error = _error_of(state)
        if self._stop.is_set():
            return True
        unreachable = self._answered is None and isinstance(error.__cause__, httpx.ConnectError)
        hopeless = isinstance(error, Malformed) or unreachable
        if hopeless and state.attempt_number >= _FEW_ATTEMPTS:
            return True
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep > self._budget

    def _note(self, state: tenacity.RetryCallState) -> None:
        """Many requests fail together: whoever waits is told now and then, by one of them."""
        waiting, now = (state.seconds_since_start or 0.0) + state.upcoming_sleep, time.monotonic()
        with self._lock:
            loud = waiting >= _TELL_AFTER and now - self._told >= _TELL_EVERY
            if loud:
                self._told = now
        level = logging.WARNING if loud else logging.INFO
        _log.log(level, "%s; trying again in %.1f s", _error_of(state), state.upcoming_sleep)

    def _in_vain(self, state: tenacity.RetryCallState) -> bool:
        passed = state.seconds_since_start or 0.0
        others = self._answered is not None and time.monotonic() - self._answered < passed
        return self._give_up(state) or (others and passed > _PATIENCE and isinstance(_error_of(state), InTrouble))

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Interrupted("the run was called off")


def log_request(
    method: str, path: str, came: int | str, began: float, attempt: int, *, headers: Mapping[str, str] | None = None
) -> None:
    """One line for each request, for -vv: what came of it, a status or the error of the connection, and the name of the request.

    Parameters are left out: they may be as long as a page, and some are keys to further pages.
    """
    if not _log.isEnabledFor(logging.DEBUG):
        return
    seconds, name = time.monotonic() - began, request_id(headers or {})
    shown = path if len(path) <= _SHOWN else f"{path[: _SHOWN - 1]}…"
    more = f", attempt {attempt}" if attempt > 1 else ""
    more += f" (request id {name})" if name else ""
    facts = {"event": "request", "method": method, "path": path, "seconds": round(seconds, 3), "attempt": attempt}
    facts |= {"status": came} if isinstance(came, int) else {"error": came}
    _log.debug("%s %s: %s in %.3f s%s", method, shown, came, seconds, more, extra={**facts, "request_id": name})


def _begun(body: bytearray, path: str, shape: type[_N]) -> Answer[_N]:
    """The answer to what the API has only begun to do. It need not say anything."""
    try:
        return replace(read(body, path, shape), accepted=True)
    except Malformed:
        return Answer((), (), None, None, accepted=True)


def _error_of(state: tenacity.RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None
    return error


def as_source_error(error: BaseException, host: str) -> SourceError:
    """One clear line for a connection that does not come about, or breaks. Interrupted where trying again may help."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(
                f"the certificate of {host} is not trusted: {cause.verify_message}",
                hint="if a proxy with its own certificate stands between, name its CA file in SSL_CERT_FILE",
            )
        if isinstance(cause, socket.gaierror):
            return Interrupted(f"the host {host} cannot be found", hint="check `host:` and the network", outage=True)
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in causes):
        return Interrupted(f"{host} does not answer in time", outage=True)
    if isinstance(error, httpx.InvalidURL):
        return SourceError(f"{host}: the address cannot be used: {error}")
    return Interrupted(
        f"the connection to {host} fails: {without_passwords(str(error)) or type(error).__name__}", outage=True
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        reason = getattr(error, "reason", None)  # urllib3 puts the cause there
        error = error.__cause__ or error.__context__ or (reason if isinstance(reason, BaseException) else None)
    return found
