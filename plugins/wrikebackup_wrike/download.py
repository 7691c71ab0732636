"""Attachment bytes: streamed, checked against the record, resumed with Range, the token to the API alone.

What `/attachments/{id}/download` does is not documented beyond its bytes: it may redirect to a storage host, may ignore Range,
and may answer a file that Wrike does not store with 400.
"""

from __future__ import annotations

import contextlib
import mimetypes
import re
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import quote, urljoin, urlsplit

from urllib3.exceptions import HTTPError

from wrikebackup_core import Attachment, Interrupted, NotFound, SourceError
from wrikebackup_wrike.body import Body
from wrikebackup_wrike.client import RENEWALS, USER_AGENT, as_source_error
from wrikebackup_wrike.connections import Connections, Response
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.refusals import BadRequest, Malformed, refusal, retry_after
from wrikebackup_wrike.routes import PORTS, Origin
from wrikebackup_wrike.tokens import Tokens

__all__ = ["Downloads"]

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_ERROR_PAGES = ("text/html", "application/json", "application/xml", "text/xml")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PAGE = 65_536  # bytes; no page of an error is longer, or nobody reads on
_AS_IT_STANDS = "%!#$&'()*+,/:;=?@[]~"


class Downloads:
    """Safe from any thread."""

    def __init__(
        self,
        base_url: str,
        tokens: Tokens,
        pace: Pace,
        *,
        connect_timeout: float = 20,
        read_timeout: float = 180,
    ) -> None:
        self._tokens, self._pace = tokens, pace
        self._home, path = _split(base_url)
        self._path = quote(path, safe=_AS_IT_STANDS)
        self._connections = Connections(connect_timeout, read_timeout)
        self._unannounced: set[str] = set()

    def open(self, attachment: Attachment, offset: int = 0) -> Body:
        """Raises Forbidden, NotFound, Unauthorized, and Interrupted where trying again may help."""
        what = f"attachment {attachment.id}"
        if attachment.id in self._unannounced:
            # What came before may have been no part of the file: from its start, so that the two can be compared.
            offset = 0
        response, token = self._request(attachment, offset, self._tokens.current())
        for _ in range(RENEWALS):
            if response.status != 401:
                break
            _let_go(response)
            response, token = self._request(attachment, offset, self._tokens.renew(token))
        try:
            body = _checked(response, attachment, offset, what, self._pace)
        except BaseException:
            response.close()
            raise
        if response.length is None:
            self._unannounced.add(attachment.id)
        return body

    def close(self) -> None:
        self._connections.close()

    def _request(self, attachment: Attachment, offset: int, token: str) -> tuple[Response, str]:
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

    def _send(self, origin: Origin, target: str, headers: Mapping[str, str]) -> Response:
        if origin == self._home:
            self._pace.take()
        try:
            return self._connections.get(origin, target, headers)
        except (HTTPException, HTTPError, OSError) as error:
            raise as_source_error(error, origin.host) from error
        except ValueError as error:
            # Without the error's words, and without what it is about: the token is part of it.
            raise SourceError(
                f"{origin.host}: a request with this address and token cannot be written",
                hint="look for spaces and other strange characters in `token:` and `base_url:`",
            ) from error


def _split(url: str) -> tuple[Origin, str]:
    """Raises ValueError for what is no http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Origin(parts.scheme, host, parts.port or PORTS[parts.scheme]), target


def _next(origin: Origin, target: str, location: str, id_: str) -> tuple[Origin, str]:
    """Where a redirect leads. Raises SourceError for one from https to http, or to no web address at all."""
    try:
        following, path = _split(urljoin(f"{origin.scheme}://{origin.netloc}{target}", location))
    except ValueError:
        raise SourceError(f"attachment {id_}: the redirect leads to no web address") from None
    if origin.scheme == "https" and following.scheme == "http":
        raise SourceError(f"attachment {id_}: the redirect leads from https to http")
    # Servers send spaces and letters of any language; headers are read as Latin-1, so this restores their bytes.
    return following, quote(path, safe=_AS_IT_STANDS, encoding="latin-1")


def _let_go(response: Response) -> None:
    """Makes the connection ready for the next request; a long page that nobody wants is not waited for."""
    _page(response)
    response.close()


def _page(response: Response) -> bytes:
    """What came of an error's page."""
    with contextlib.suppress(HTTPException, OSError):
        return response.read(_PAGE)
    return b""


def _checked(response: Response, attachment: Attachment, offset: int, what: str, pace: Pace) -> Body:
    """The body, if it is the file from `offset` or from its start."""
    headers = response.headers
    if response.status not in (200, 206):
        raise _refused(response, f"/attachments/{attachment.id}/download", pace)
    pace.accepted()
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise Malformed(f"{what} came packed, which nobody asked for")
    length = response.length
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


def _refused(response: Response, path: str, pace: Pace) -> SourceError:
    body = _page(response)
    wait = response.headers.get("retry-after")
    if response.status == 429:
        pace.refused(retry_after(wait))
    error = refusal(response.status, path, body, wait=wait, location=response.headers.get("location"))
    if isinstance(error, BadRequest):
        # The API says 400 for an attachment that is gone, and for one that Wrike does not store.
        return NotFound(str(error))
    return error
