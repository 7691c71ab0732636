"""Ways to a host: with TLS checked, and through the proxy that the environment names."""

from __future__ import annotations

import threading
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from wrikebackup_core import SinkError

__all__ = ["Routes", "pool_for"]

_METADATA = {"169.254.169.254", "metadata.google.internal"}  # only ever on the machine's own network


def pool_for(address: str, **more: Any) -> urllib3.PoolManager:
    """Connections to the host of an address. Raises SinkError for a proxy that cannot be used."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        import httpx

        more["ssl_context"] = httpx.create_ssl_context()
    proxy = _proxy(parts.scheme, parts.hostname or "")
    if not proxy:
        return urllib3.PoolManager(**more)
    try:
        auth = urllib3.util.parse_url(proxy).auth
        headers = urllib3.util.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **more)
    except (HTTPError, ValueError):
        # The address may hold a password, and the error's own words the address.
        raise SinkError(
            "the proxy that the environment names cannot be used",
            hint="only proxies for http and https are; look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
        ) from None


class Routes:
    """To whatever hosts google-auth asks, in the manner of urllib3's managers. Safe from any thread."""

    def __init__(self, timeout: float) -> None:
        self._timeout = urllib3.Timeout(timeout)
        self._pools: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def request(self, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(url)
        with self._lock:
            key = (parts.scheme, parts.netloc)
            pool = self._pools.get(key) or self._pools.setdefault(key, pool_for(url))
        return pool.request(method, url, **{"timeout": self._timeout, "retries": False, **more})

    def clear(self) -> None:
        for pool in self._pools.values():
            pool.clear()


def _proxy(scheme: str, host: str) -> str:
    """The address of a proxy; empty for none."""
    if host in _METADATA or urllib.request.proxy_bypass(host):
        return ""
    named = urllib.request.getproxies()
    address = named.get(scheme) or named.get("all") or ""
    return address if "://" in address or not address else f"http://{address}"
