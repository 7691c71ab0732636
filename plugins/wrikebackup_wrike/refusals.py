"""What the API says when it does not answer, as errors. Reference: developers.wrike.com/documentation, "Errors".

SourceError
├── BadRequest          400: a parameter, a field, a page token or an id that the API does not take
├── Malformed           not an answer of the API at all, or not the shape that it promises
├── Unusable            so for several times, and not worth asking again
├── Forbidden           403
├── NotFound            404 resource_not_found
│   └── NoSuchMethod    404 method_not_found: this host does not have the call
├── Unauthorized        401
└── Interrupted         429, a broken connection: the same request again may help
    └── InTrouble       5xx
"""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from wrikebackup_core import Forbidden, Interrupted, NotFound, SourceError, Unauthorized, json_decoder, masked

__all__ = [
    "BadRequest",
    "InTrouble",
    "Malformed",
    "NoSuchMethod",
    "Unusable",
    "refusal",
    "request_id",
    "retry_after",
    "traceable",
]

WRONG_DATA_CENTRE = "log in to Wrike with a browser and set `host:` to what its address bar then shows, such as app-eu.wrike.com or app-us2.wrike.com"
_REVOKED = "create a permanent token under Apps & Integrations in Wrike and see that its user is active, or run `wrikebackup login`"
_REQUEST_IDS = ("wrike-response-id", "traceid", "x-request-id", "cf-ray")
"""Headers that name the request, those first that Wrike's own servers send; the last one is of Cloudflare, which stands before them."""
_ID = re.compile(r"[!-~]{1,100}")
_E = TypeVar("_E", bound=SourceError)


class BadRequest(SourceError):
    """The API does not take the request as it is. `code` and `description` are the API's words."""

    def __init__(self, message: str, *, code: str = "", description: str = "") -> None:
        super().__init__(message)
        self.code, self.description = code, description


class Malformed(Interrupted):
    """Bytes that are not what the API promises: a proxy's page, a body cut short, a record without an id."""


class Unusable(SourceError):
    """The host answers, and never as the API does."""


class InTrouble(Interrupted):
    """The server says that it cannot answer."""


class NoSuchMethod(NotFound):
    """The host does not have this call."""


class _ErrorBody(msgspec.Struct):
    error: str
    errorDescription: str = ""  # noqa: N815 - Wrike's name


_decode = json_decoder(_ErrorBody)


def retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, given as seconds or as a date; None where it says nothing usable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The name under which Wrike's support finds a request, by the headers of its answer; their names in small letters."""
    found = (headers.get(name, "") for name in _REQUEST_IDS)
    return next((text for text in found if _ID.fullmatch(text)), None)


def traceable(error: _E, headers: Mapping[str, str]) -> _E:
    """The error, which says what request it is about, so that Wrike's support can be asked."""
    name = request_id(headers)
    if name is not None and "(request id " not in error.message:
        error.message = masked(f"{error.message} (request id {name})")
        error.args = (error.message,)
    return error


def refusal(
    status: int, path: str, body: bytes | bytearray, *, wait: str | None = None, location: str | None = None
) -> SourceError:
    """The error for an answer that is not 200. `path` is what was asked, `wait` the Retry-After header."""
    if status in (405, 501):
        return NoSuchMethod(f"{path}: the server answered {status}{_words(body)}")
    if status in (408, 425, 429) or status >= 500:
        kind, seconds = InTrouble if status >= 500 else Interrupted, retry_after(wait)
        asks = f", and asks to wait {seconds:.0f} s" if seconds else ""
        return kind(f"{path}: the server answered {status}{_words(body)}{asks}", retry_after=seconds, outage=True)
    if status == 401:
        return Unauthorized(f"{path}: the token is not accepted{_words(body)}", hint=_REVOKED)
    if 300 <= status < 400:
        return _elsewhere(status, path, location)
    said = _error(body)
    if said is None:
        return Malformed(f"{path}: HTTP {status} from something that is not the API")
    text = f"{path}: {said.errorDescription or said.error or 'refused'} (HTTP {status} {said.error})"
    known = {403: Forbidden, 404: NoSuchMethod if said.error == "method_not_found" else NotFound}.get(status)
    return known(text) if known else BadRequest(text, code=said.error, description=said.errorDescription)


def _elsewhere(status: int, path: str, location: str | None) -> SourceError:
    if status == 300:
        return SourceError(f"{path}: the account lives in another data centre (HTTP 300)", hint=WRONG_DATA_CENTRE)
    return SourceError(
        f"{path}: the server redirects to {_host(location)}", hint="set `host:` or `base_url:` to the API itself"
    )


def _error(body: bytes | bytearray) -> _ErrorBody | None:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _words(body: bytes | bytearray) -> str:
    said = _error(body)
    return f": {said.errorDescription or said.error}" if said else ""


def _host(location: str | None) -> str:
    try:
        return urlsplit(location or "").hostname or "another path"
    except ValueError:
        return "an address that is none"
