"""Connections that are kept for the next request."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from wrikebackup_wrike.exchange import Answer, ask
from wrikebackup_wrike.routes import Origin, Route

__all__ = ["Connections", "Response"]

_HUNG_UP = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Connections:
    """Safe from any thread; keeps as many connections to a host as threads use it."""

    def __init__(self, connect_timeout: float, read_timeout: float) -> None:
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._routes: dict[Origin, Route] = {}

    def get(self, origin: Origin, target: str, headers: Mapping[str, str]) -> Response:
        """The answer to `GET target`, whose body is still to come. Close it.

        A kept connection that the server has closed in the meantime is replaced by a new one, once. Raises OSError, ValueError,
        HTTPException of http.client and HTTPError of urllib3; SourceError for a proxy that cannot be used.
        """
        route = self._routes.get(origin) or self._routes.setdefault(
            origin, Route(origin, self._connect_timeout, self._read_timeout)
        )
        target, headers = route.prefix + target, {**route.headers, **headers}
        kept = route.idle()
        if kept is not None:
            try:
                return _ask(route, kept, target, headers)
            except _HUNG_UP:
                pass
        return _ask(route, route.connect(), target, headers)

    def close(self) -> None:
        """Ends the idle connections, and the others as soon as they are."""
        for route in list(self._routes.values()):
            route.close()


def _ask(route: Route, connection: socket.socket, target: str, headers: Mapping[str, str]) -> Response:
    try:
        return Response(ask(connection, target, headers), connection, route)
    except BaseException:
        connection.close()
        raise


class Response:
    """An answer: its status, its headers by name in small letters, and its body's length where that is announced."""

    __slots__ = ("_answer", "_connection", "_route", "headers", "length", "status")

    def __init__(self, answer: Answer, connection: socket.socket, route: Route) -> None:
        self._answer, self._route = answer, route
        self._connection: socket.socket | None = connection
        self.status, self.headers, self.length = answer.status, answer.headers, answer.length

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, `b""` at the end or where the connection ends. Raises OSError, http.client's HTTPException."""
        return self._answer.read(size)

    def close(self) -> None:
        """A connection whose answer was read to its end is kept."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._answer.reusable:
                self._route.keep(connection)
            else:
                connection.close()
