"""Ways to a host: through the proxy that the environment names, with TLS checked. urllib3 opens the sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import urllib.request
from typing import NamedTuple
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import make_headers, parse_url

from wrikebackup_core import SourceError
from wrikebackup_wrike.http import httpx

__all__ = ["PORTS", "Origin", "Route"]

PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """`host` is ASCII and without the brackets of an IPv6 address."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


class Route:
    """The way to one host and the idle connections on it. Safe from any thread.

    `prefix` stands before the target of every request and `headers` go with it. Raises SourceError for a proxy that cannot be used.
    """

    def __init__(self, origin: Origin, connect_timeout: float, read_timeout: float) -> None:
        self.origin, self._connect_timeout, self._read_timeout = origin, connect_timeout, read_timeout
        self._idle: list[socket.socket] = []
        self._closed = False
        address = _proxy_address(origin)
        secured = origin.scheme == "https" or address.startswith("https:")
        self._tls = httpx.create_ssl_context() if secured else None
        self._proxy = _proxy(address, self._tls) if address else None
        self.prefix, self.headers = "", {"host": origin.netloc}
        if self._proxy is not None and origin.scheme == "http":
            # A proxy for http wants the whole address, and its password, in each request.
            self.prefix = f"http://{origin.netloc}"
            self.headers |= self._proxy.proxy_headers

    def idle(self) -> socket.socket | None:
        """A connection that waits for a request, if there is one; the server may have closed it in the meantime."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def keep(self, connection: socket.socket) -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Ends the idle connections, and the others as soon as they are."""
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def connect(self) -> socket.socket:
        """A new connection, which from here on waits for an answer as long as an answer may take.

        Raises OSError, urllib3's HTTPError.
        """
        opened = self._opener()
        try:
            opened.connect()
        except BaseException:
            opened.close()
            raise
        assert opened.sock is not None
        opened.sock.settimeout(self._read_timeout)
        return opened.sock

    def _opener(self) -> HTTPConnection:
        origin, timeout = self.origin, self._connect_timeout
        if self._proxy is None:
            if self._tls is None:
                return HTTPConnection(origin.host, origin.port, timeout=timeout)
            return HTTPSConnection(origin.host, origin.port, timeout=timeout, ssl_context=self._tls)
        proxy, config = self._proxy.proxy, self._proxy.proxy_config
        assert proxy is not None
        host, port = proxy.host or "", proxy.port
        if self._tls is None:
            return HTTPConnection(host, port, timeout=timeout)
        opener = HTTPSConnection(host, port, timeout=timeout, proxy=proxy, proxy_config=config, ssl_context=self._tls)
        if origin.scheme == "https":
            headers = self._proxy.proxy_headers
            opener.set_tunnel(origin.host, origin.port, headers=headers, scheme=proxy.scheme or "http")
        return opener


def _proxy_address(origin: Origin) -> str:
    """What the environment or the system names, with a scheme; empty for none."""
    if urllib.request.proxy_bypass(origin.host):
        return ""
    named = urllib.request.getproxies()
    address = named.get(origin.scheme) or named.get("all") or ""
    return address if "://" in address or not address else f"http://{address}"


def _proxy(address: str, tls: ssl.SSLContext | None) -> urllib3.ProxyManager:
    try:
        auth = parse_url(address).auth
        headers = make_headers(proxy_basic_auth=unquote(auth)) if auth else None
        return urllib3.ProxyManager(address, proxy_headers=headers, proxy_ssl_context=tls)
    except (urllib3.exceptions.HTTPError, ValueError):
        # The address may hold a password, and the error's own words the address.
        raise SourceError(
            "the proxy that the environment names cannot be used for downloads",
            hint="only proxies for http and https are; look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
        ) from None
