"""What the server answers: who may ask, how often, and what; nothing here knows of connections."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from wrikebackup_mock import content, routes_activity, routes_export, routes_people, routes_work
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.bi_export import Exports
from wrikebackup_mock.faults import Fault, Faults
from wrikebackup_mock.journal import Journal
from wrikebackup_mock.oauth import OAuthApp, Tokens
from wrikebackup_mock.paging import Pages
from wrikebackup_mock.protocol import Bytes, Call, Endpoint, Listing, Refusal, Request, bad_request

ENDPOINTS = [*routes_people.ENDPOINTS, *routes_work.ENDPOINTS, *routes_activity.ENDPOINTS, *routes_export.ENDPOINTS]
KINDS = tuple(sorted({endpoint.kind for endpoint in ENDPOINTS if endpoint.kind}))
ACCOUNT_COMMENTS = "account_comments"
"""Forbids `/comments` only: comments of a task or folder can be read, as on low plans."""

_SCOPED = frozenset({"groups", "invitations", "jobroles", "access_roles", "audit_log", "data_export"})
"""What needs a scope of its own: without it the error is another one than that of a low plan."""

_LINK_SECONDS = 24 * 3600
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Plan:
    """What the account's plan, the token and the data centre allow.

    `forbidden`: kinds (KINDS, or `account_comments`) that are answered with 403. `wrong_host`: this is not the account's data
    centre, every call is answered with 300. `redirects`: downloads are redirected to the storage host. `empty_last_page`: the last
    page of a list has a token, which brings an empty page whose token is refused. `storage_host`: the name in links to
    stored files, whose port is another one than the API's. `lists_bin`: whether account-wide lists of comments, attachments and
    time logs have those of items in the recycle bin (not known of Wrike; what hangs on one item is always listed there).
    `unknown_fields`: values of `fields` that this API does not know (400), `denied_fields`: those it has no rights for (403).
    `unknown_params`: parameters that it does not know (400), each with the kind: `("folders", "updatedDate")`.
    `export_host`: the name in addresses of the BI export's tables, whose port is another one; the API's own by default.
    """

    forbidden: frozenset[str] = frozenset()
    wrong_host: bool = False
    redirects: bool = False
    empty_last_page: bool = False
    storage_host: str = "localhost"
    lists_bin: bool = True
    unknown_fields: frozenset[str] = frozenset()
    denied_fields: frozenset[str] = frozenset()
    unknown_params: frozenset[tuple[str, str]] = frozenset()
    export_host: str = ""

    def __post_init__(self) -> None:
        unknown = self.forbidden - {*KINDS, ACCOUNT_COMMENTS}
        if unknown:
            raise ValueError(
                f"no kind is called {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}, {ACCOUNT_COMMENTS}"
            )


class Limit:
    """At most `rate` requests in any `seconds` for each token; `rate` None for no limit."""

    def __init__(self, rate: int | None, *, retry_after: bool, seconds: float = 60.0) -> None:
        self._rate, self._retry_after, self._seconds = rate, retry_after, seconds
        self._asked: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, token: str) -> None:
        """Raises Refusal when there have been too many."""
        if self._rate is None:
            return
        now = time.monotonic()
        with self._lock:
            asked = self._asked.setdefault(token, deque())
            while asked and asked[0] <= now - self._seconds:
                asked.popleft()
            if len(asked) < self._rate:
                asked.append(now)
                return
            wait = asked[0] + self._seconds - now
        raise too_many(int(wait) + 1 if self._retry_after else None)


def too_many(retry_after: int | None) -> Refusal:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Refusal(429, "rate_limit_exceeded", "Rate limit exceeded", headers)


class Service:
    """One account behind the API, with everything that may be switched while it runs."""

    def __init__(
        self,
        account: MockAccount,
        *,
        token: str,
        rate: int | None,
        retry_after: bool,
        latency: float,
        plan: Plan,
        faults: Iterable[Fault | str],
        oauth: OAuthApp,
    ) -> None:
        self._account = account
        self.plan, self.latency = plan, latency
        self.tokens = Tokens(token, oauth)
        self.limit = Limit(rate, retry_after=retry_after)
        self.faults = Faults(faults)
        self.journal = Journal()
        self.pages = Pages(plan.empty_last_page)
        self.exports = Exports(lambda: self._account)
        self.api_port = self.storage_port = 0
        self.leaks: list[str] = []
        """Paths at the storage host that were asked for with the API's token."""
        self._key = hashlib.sha256(f"storage {account.account.id}".encode()).digest()
        self._routes: dict[int, list[tuple[list[str], Endpoint]]] = {}
        for endpoint in ENDPOINTS:
            self._routes.setdefault(len(endpoint.parts), []).append((endpoint.parts, endpoint))

    @property
    def account(self) -> MockAccount:
        return self._account

    @account.setter
    def account(self, account: MockAccount) -> None:
        self._account = account
        self.pages.forget()

    @property
    def redirects(self) -> bool:
        return self.plan.redirects

    def route(self, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint for a path below `/api/v4` (percent-encoded), and what stands in it for the placeholders."""
        asked = [unquote(part) for part in path.strip("/").split("/")]
        for parts, endpoint in self._routes.get(len(asked), ()):
            if all(part == text or part[0] == "{" for part, text in zip(parts, asked, strict=True)) and all(asked):
                found = {part[1:-1]: text for part, text in zip(parts, asked, strict=True) if part[0] == "{"}
                return endpoint, found
        return None

    def answer(self, request: Request, path: str) -> Listing | Bytes:
        """To a request for a path below `/api/v4`. Raises Refusal."""
        if self.plan.wrong_host:
            return Bytes(300, {"content-length": "0"})
        token = self.check_token(request)
        self.limit.take(token)
        if request.method != "GET" and (request.method, path) != ("POST", "/data_export"):
            raise bad_request("HTTP method is not supported")
        found = self.route(path)
        if found is None:
            raise Refusal(404, "method_not_found", "Requested method is not found")
        endpoint, parts = found
        self._check_plan(endpoint)
        call = Call(endpoint, request, self._account, parts, self.tokens.user(token) or "", self)
        self.pages.adopt(call)
        call.check()
        return endpoint.handle(call)

    def check_token(self, request: Request) -> str:
        """The token that came along. Raises Refusal with 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.query.get("access_token", "")
        if self.tokens.user(token.strip()) is None:
            raise Refusal(401, "not_authorized", "Access token is unknown or invalid")
        return token.strip()

    def _check_plan(self, endpoint: Endpoint) -> None:
        forbidden = self.plan.forbidden
        if endpoint.kind in forbidden or (endpoint.template == "/comments" and ACCOUNT_COMMENTS in forbidden):
            if endpoint.kind in _SCOPED:
                raise Refusal(403, "access_forbidden", "The token has no scope for this method")
            raise Refusal(403, "not_allowed", "Action is not allowed because of license/quota limits")

    def shifted(self, request: Request) -> int:
        return self.faults.shift(request.path.removeprefix("/api/v4"))

    def lost(self, request: Request) -> frozenset[int]:
        return self.faults.lost(request.path.removeprefix("/api/v4"))

    # Stored files

    def storage_url(self, attachment_id: str) -> str:
        """A link to a stored file that is good for 24 hours and needs no token."""
        expires = int(time.time()) + _LINK_SECONDS
        host = f"http://{self.plan.storage_host}:{self.storage_port}"
        return f"{host}/storage/{quote(attachment_id)}?expires={expires}&signature={self._sign(attachment_id, expires)}"

    def _sign(self, attachment_id: str, expires: int) -> str:
        return hmac.new(self._key, f"{attachment_id} {expires}".encode(), hashlib.sha256).hexdigest()[:32]

    def storage_answer(self, request: Request) -> Bytes:
        """What the storage host says. It refuses whoever brings the API's token along, and remembers it."""
        if "authorization" in request.headers or "access_token" in request.query:
            self.leaks.append(request.path)
            return plain(400, "Only one auth mechanism allowed")
        attachment_id = unquote(request.path.removeprefix("/storage/"))
        expires = request.query.get("expires", "")
        if not expires.isascii() or not expires.isdigit() or int(expires) < time.time():
            return plain(403, "The link has expired")
        if not hmac.compare_digest(
            request.query.get("signature", "").encode(), self._sign(attachment_id, int(expires)).encode()
        ):
            return plain(403, "The signature does not match")
        if self._account.find_file(attachment_id) is None:
            return plain(404, "There is no such file")
        return self.file_answer(attachment_id, request)

    def file_answer(self, attachment_id: str, request: Request, *, name: str | None = None) -> Bytes:
        """The bytes of a stored file, or the part of them that `Range` asks for."""
        size, _ = self._account.content(attachment_id)
        headers = {"content-type": "application/octet-stream"}
        if name is not None:
            headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return self.ranged(size, lambda start, stop: content.pieces(attachment_id, stop, start), request, headers)

    def ranged(
        self, size: int, pieces: Callable[[int, int], Iterable[bytes]], request: Request, headers: dict[str, str]
    ) -> Bytes:
        """`size` bytes, or the part of them that `Range` asks for; `pieces` gives those between two places."""
        headers = {**headers, "accept-ranges": "bytes"}
        start, stop = 0, size
        wanted = _RANGE.fullmatch(request.headers.get("range", ""))
        status = 200
        if wanted and any(wanted.groups()):
            start, stop = _bounds(wanted, size)
            if start >= stop:
                return Bytes(416, {"content-range": f"bytes */{size}", "content-length": "0"})
            status = 206
            headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        headers["content-length"] = str(stop - start)
        if request.method == "HEAD":
            return Bytes(status, headers)
        return Bytes(status, headers, pieces(start, stop))

    def table_answer(self, request: Request) -> Bytes:
        """A table of the BI export, which takes the API's token. Raises Refusal."""
        return routes_export.resource(self, request)


def _bounds(wanted: re.Match[str], size: int) -> tuple[int, int]:
    first, last = wanted.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def plain(status: int, text: str) -> Bytes:
    body = text.encode()
    return Bytes(status, {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body))}, [body])
