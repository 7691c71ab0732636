"""Bytes of attachments and of the BI export's tables: streamed, checked against what is known of them, resumed with Range.

The token goes to the API alone; a table's to the host that the API names, if that is the API's own or in its domain, and as encrypted as
the API. It never goes along a redirect. What `/attachments/{id}/download` does is not documented beyond its bytes: it may redirect to a storage host, may ignore Range,
and may answer a file that Wrike does not store with 400.
"""

from __future__ import annotations

import contextlib
import itertools
import mimetypes
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from urllib.parse import quote, urljoin, urlsplit

from urllib3.exceptions import HTTPError

from wrikebackup_core import Attachment, Interrupted, NotFound, SourceError, Unauthorized
from wrikebackup_wrike.body import Body
from wrikebackup_wrike.client import RENEWALS, USER_AGENT, as_source_error, log_request
from wrikebackup_wrike.connections import Connections, Response
from wrikebackup_wrike.pace import Pace
from wrikebackup_wrike.refusals import BadRequest, Malformed, refusal, retry_after, traceable
from wrikebackup_wrike.routes import PORTS, Origin
from wrikebackup_wrike.tokens import Tokens

__all__ = ["Downloads", "TableFile", "in_domain"]

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_ERROR_PAGES = ("text/html", "application/json", "application/xml", "text/xml")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_WRIKE = ".wrike.com"
_PAGE = 65_536  # bytes; no page of an error is longer, or nobody reads on
_AS_IT_STANDS = "%!#$&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class _File:
    """What is asked for: how errors call it and its request, its name, its size in bytes where that is known beforehand, and headers."""

    what: str
    path: str
    name: str
    size: int | None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def witness(self) -> str:
        return "its record" if self.path.startswith("/attachments/") else "the first answer"


@dataclass(slots=True)
class _Marks:
    """What the first answer said of a table: later ones are parts of the same only if they agree."""

    etag: str = ""
    announced: bool = True
    size: int | None = None


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table of the BI export, and where the API says that it is."""

    name: str
    url: str
    marks: _Marks = field(default_factory=_Marks)


def in_domain(host: str, home: str) -> bool:
    """Whether a host may see the token of the API at `home`: it is that host, below it, or both are Wrike's own."""
    return host == home or host.endswith(f".{home}") or (host.endswith(_WRIKE) and home.endswith(_WRIKE))


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
        path = f"/attachments/{quote(attachment.id, safe='')}/download"
        what = f"attachment {attachment.id}"
        if attachment.id in self._unannounced:
            # What came before may have been no part of the file: from its start, so that the two can be compared.
            offset = 0
        file = _File(what, path, attachment.name, attachment.size)
        response = self._answer(file, self._home, self._path + path, offset)
        body = self._body(response, file, offset)
        if response.length is None:
            self._unannounced.add(attachment.id)
        return body

    def open_table(self, file: TableFile, offset: int = 0) -> Body:
        """A table of the BI export. Raises what `open` raises."""
        what, marks = f"table {file.name}", file.marks
        if not marks.announced:
            offset = 0
        same = {"if-range": marks.etag} if offset and marks.etag else {}
        asked = _File(what, what, f"{file.name}.csv", marks.size if offset else None, same)
        response = self._answer(asked, *self._place_of(file), offset)
        if response.status == 200 and offset and response.length != marks.size:
            # Another file: its start is no continuation of what came before, and the comparison would say so only behind all of that.
            asked = replace(asked, size=None)
        body = self._body(response, asked, offset)
        if not offset:
            etag = response.headers.get("etag", "")
            marks.etag = "" if etag.startswith("W/") else etag
            marks.announced, marks.size = response.length is not None, response.length
        return body

    def _place_of(self, file: TableFile) -> tuple[Origin, str]:
        """Raises SourceError for a host that must not see the token."""
        try:
            origin, target = _split(file.url)
        except ValueError:
            raise SourceError(f"table {file.name}: its address is none") from None
        if origin.scheme == "http" and self._home.scheme == "https":
            raise SourceError(f"table {file.name}: it can be had over http only, on which the token is readable")
        if not in_domain(origin.host, self._home.host):
            raise SourceError(
                f"table {file.name} lies at {origin.host}, which is not of {self._home.host}: the token is not sent there"
            )
        return origin, quote(target, safe=_AS_IT_STANDS)

    def _answer(self, file: _File, origin: Origin, target: str, offset: int) -> Response:
        """The answer to a request with a token that the host accepts, if there is one."""
        token, attempts = self._tokens.current(), itertools.count(1)
        response = self._request(file, origin, target, offset, token, attempt=next(attempts))
        for _ in range(RENEWALS):
            if response.status != 401:
                break
            _let_go(response)
            try:
                token = self._tokens.renew(token)
            except Unauthorized as error:
                raise traceable(error, response.headers) from error.__cause__
            response = self._request(file, origin, target, offset, token, attempt=next(attempts))
        return response

    def _body(self, response: Response, file: _File, offset: int) -> Body:
        try:
            return _checked(response, file, offset, self._pace)
        except SourceError as error:
            response.close()
            raise traceable(error, response.headers) from error.__cause__
        except BaseException:
            response.close()
            raise

    def close(self) -> None:
        self._connections.close()

    def _request(self, file: _File, first: Origin, target: str, offset: int, token: str, *, attempt: int) -> Response:
        origin = first
        headers = {"user-agent": USER_AGENT, "accept-encoding": "identity", **file.headers}
        if offset:
            headers["range"] = f"bytes={offset}-"
        for _ in range(_MOST_REDIRECTS + 1):
            sent = {**headers, "authorization": f"bearer {token}"} if origin == first else headers
            response = self._send(origin, target, sent, file.path, attempt)
            location = response.headers.get("location")
            if not location or response.status not in _REDIRECTS:
                return response
            _let_go(response)
            origin, target = _next(origin, target, location, file.what)
        raise SourceError(f"{file.what}: the API redirects more than {_MOST_REDIRECTS} times")

    def _send(self, origin: Origin, target: str, headers: Mapping[str, str], path: str, attempt: int) -> Response:
        if origin == self._home:
            self._pace.take()
        else:
            path = f"{path} at {origin.host}"  # without the address, which may be a key by itself
        began = time.monotonic()
        try:
            response = self._connections.get(origin, target, headers)
        except (HTTPException, HTTPError, OSError) as error:
            log_request("GET", path, type(error).__name__, began, attempt)
            raise as_source_error(error, origin.host) from error
        except ValueError as error:
            # Without the error's words, and without what it is about: the token is part of it.
            raise SourceError(
                f"{origin.host}: a request with this address and token cannot be written",
                hint="look for spaces and other strange characters in `token:` and `base_url:`",
            ) from error
        log_request("GET", path, response.status, began, attempt, headers=response.headers)
        return response


def _split(url: str) -> tuple[Origin, str]:
    """Raises ValueError for what is no http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Origin(parts.scheme, host, parts.port or PORTS[parts.scheme]), target


def _next(origin: Origin, target: str, location: str, what: str) -> tuple[Origin, str]:
    """Where a redirect leads. Raises SourceError for one from https to http, or to no web address at all."""
    try:
        following, path = _split(urljoin(f"{origin.scheme}://{origin.netloc}{target}", location))
    except ValueError:
        raise SourceError(f"{what}: the redirect leads to no web address") from None
    if origin.scheme == "https" and following.scheme == "http":
        raise SourceError(f"{what}: the redirect leads from https to http")
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


def _checked(response: Response, file: _File, offset: int, pace: Pace) -> Body:
    """The body, if it is the file from `offset` or from its start."""
    headers, what = response.headers, file.what
    if response.status not in (200, 206):
        raise _refused(response, file.path, pace)
    pace.accepted()
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise Malformed(f"{what} came packed, which nobody asked for")
    length = response.length
    if response.status == 206:
        start, total = _range(headers.get("content-range"), offset, length, what)
    else:
        start, total = 0, length
    size = file.size
    if size is not None and total is not None and size != total:
        raise Interrupted(f"{what} is {size} bytes by {file.witness}, and the API sends {total}")
    if total is None or size is None:
        _refuse_error_page(headers.get("content-type", ""), file)
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


def _refuse_error_page(content_type: str, file: _File) -> None:
    """Where the lengths of record and answer cannot be compared, a page that is not what the name says is no file."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _ERROR_PAGES and mimetypes.guess_type(file.name)[0] != kind:
        raise Malformed(f"{file.what}: the API sends a page of {kind} instead")


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
