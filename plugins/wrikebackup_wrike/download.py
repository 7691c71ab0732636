"""Attachment bytes over urllib3: streamed, checked against the record, resumed with Range, the token to the API alone.

What `/attachments/{id}/download` does is not documented beyond its bytes: it may redirect to a storage host, may ignore Range,
and may answer a file that Wrike does not store with 400.
"""

from __future__ import annotations

import mimetypes
import re
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from wrikebackup_core import Attachment, Interrupted, NotFound, SourceError
from wrikebackup_wrike.body import Body
from wrikebackup_wrike.client import USER_AGENT, as_source_error
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.refusals import BadRequest, Malformed, refusal, retry_after
from wrikebackup_wrike.tokens import Tokens

__all__ = ["Downloads"]

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_ERROR_PAGES = ("text/html", "application/json", "application/xml", "text/xml")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PORTS = {"http": 80, "https": 443}
_Origin = tuple[str, str, int]


class Downloads:
    """Safe from any thread; keeps as many connections a host as threads use it, up to `connections`."""

    def __init__(
        self,
        base_url: str,
        tokens: Tokens,
        pace: Pace,
        *,
        connect_timeout: float = 20,
        read_timeout: float = 180,
        connections: int = 128,
    ) -> None:
        self._tokens, self._pace = tokens, pace
        self._home, self._path = _split(base_url)
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._connections = connections
        self._pools: dict[_Origin, tuple[HTTPConnectionPool, str]] = {}
        self._unannounced: set[str] = set()

    def open(self, attachment: Attachment, offset: int = 0) -> Body:
        """Raises Forbidden, NotFound, Unauthorized, and Interrupted where trying again may help."""
        what = f"attachment {attachment.id}"
        if attachment.id in self._unannounced:
            # What came before may have been no part of the file: from its start, so that the two can be compared.
            offset = 0
        response, token = self._request(attachment, offset, self._tokens.current())
        if response.status == 401:
            _let_go(response)
            response, token = self._request(attachment, offset, self._tokens.renew(token))
        try:
            body = _checked(response, attachment, offset, what, self._pace)
        except BaseException:
            response.close()
            raise
        if response.length_remaining is None:
            self._unannounced.add(attachment.id)
        return body

    def close(self) -> None:
        for pool, _ in list(self._pools.values()):
            pool.close()

    def _request(self, attachment: Attachment, offset: int, token: str) -> tuple[urllib3.BaseHTTPResponse, str]:
        origin, target = self._home, f"{self._path}/attachments/{quote(attachment.id, safe='')}/download"
        headers = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
        if offset:
            headers["range"] = f"bytes={offset}-"
        for _ in range(_MOST_REDIRECTS + 1):
            sent = {**headers, "authorization": f"bearer {token}"} if origin == self._home else headers
            response = self._send(origin, target, sent)
            location = response.headers.get("location")
            if not location or response.status not in _REDIRECTS:
                return response, token
            _let_go(response)
            origin, target = _next(origin, target, location, attachment.id)
        raise SourceError(f"attachment {attachment.id}: the API redirects more than {_MOST_REDIRECTS} times")

    def _send(self, origin: _Origin, target: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        if origin == self._home:
            self._pace.take()
        pool, prefix = self._pools.get(origin) or self._open_pool(origin)
        try:
            return pool.urlopen(
                "GET",
                prefix + target,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise as_source_error(error, origin[1]) from error

    def _open_pool(self, origin: _Origin) -> tuple[HTTPConnectionPool, str]:
        """The pool, and what stands before a path: a proxy for http wants the whole address."""
        scheme, host, port = origin
        options: dict[str, Any] = {
            "maxsize": self._connections,
            "block": True,
            "timeout": self._timeout,
            "ssl_context": httpx.create_ssl_context() if scheme == "https" else None,
        }
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme)
        manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        prefix = _address(origin) if proxy and scheme == "http" else ""
        return self._pools.setdefault(origin, (manager.connection_from_host(host, port, scheme), prefix))


def _address(origin: _Origin) -> str:
    scheme, host, port = origin
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _split(url: str) -> tuple[_Origin, str]:
    """Raises ValueError for what is no http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return (parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]), target


def _next(origin: _Origin, target: str, location: str, id_: str) -> tuple[_Origin, str]:
    """Where a redirect leads. Raises SourceError for one from https to http, or to no web address at all."""
    try:
        following = _split(urljoin(_address(origin) + target, location))
    except ValueError:
        raise SourceError(f"attachment {id_}: the redirect leads to no web address") from None
    if origin[0] == "https" and following[0][0] == "http":
        raise SourceError(f"attachment {id_}: the redirect leads from https to http")
    return following


def _let_go(response: urllib3.BaseHTTPResponse) -> None:
    """Makes the connection ready for the next request; a long page that nobody wants is not waited for."""
    if (response.length_remaining or 0) > 65_536:
        response.close()
    else:
        response.drain_conn()
    response.release_conn()


def _checked(response: urllib3.BaseHTTPResponse, attachment: Attachment, offset: int, what: str, pace: Pace) -> Body:
    """The body, if it is the file from `offset` or from its start."""
    headers = response.headers
    if response.status not in (200, 206):
        raise _refused(response, f"/attachments/{attachment.id}/download", pace)
    pace.accepted()
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise Malformed(f"{what} came packed, which nobody asked for")
    length = response.length_remaining
    if response.status == 206:
        start, total = _range(headers.get("content-range"), offset, length, what)
    else:
        start, total = 0, length
    size = attachment.size
    if size is not None and total is not None and size != total:
        raise Interrupted(f"{what} is {size} bytes by its record, and the API sends {total}")
    if total is None or size is None:
        _refuse_error_page(headers.get("content-type", ""), attachment, what)
    whole = size if size is not None else total
    left = None if whole is None else whole - start
    return Body(response, what, start=start, size=whole, left=left, announced=length is not None)


def _range(text: str | None, offset: int, length: int | None, what: str) -> tuple[int, int | None]:
    match = _CONTENT_RANGE.fullmatch(text or "")
    if match is None or int(match[1]) != offset:
        raise Malformed(f"{what}: asked for the bytes from {offset} on, the API sends {text or 'some others'}")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if (total is not None and last + 1 != total) or (length is not None and length != last + 1 - first):
        raise Malformed(f"{what}: asked for all bytes from {offset} on, the API sends {text}")
    return offset, last + 1 if total is None else total


def _refuse_error_page(content_type: str, attachment: Attachment, what: str) -> None:
    """Where the lengths of record and answer cannot be compared, a page that is not what the name says is no file."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _ERROR_PAGES and mimetypes.guess_type(attachment.name)[0] != kind:
        raise Malformed(f"{what}: the API sends a page of {kind} instead")


def _refused(response: urllib3.BaseHTTPResponse, path: str, pace: Pace) -> SourceError:
    body = response.read(65_536)
    wait = response.headers.get("retry-after")
    if response.status == 429:
        pace.refused(retry_after(wait))
    error = refusal(response.status, path, body, wait=wait, location=response.headers.get("location"))
    if isinstance(error, BadRequest):
        # The API says 400 for an attachment that is gone, and for one that Wrike does not store.
        return NotFound(str(error))
    return error
