"""Tokens: the permanent one, and OAuth 2.0 with authorization codes and rotating refresh tokens."""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from wrikebackup_mock.protocol import Bytes, Request

_CODE_SECONDS = 600
OWNER = "owner"


@dataclass(frozen=True)
class OAuthApp:
    """The API app that a client says it is.

    `lifetime` of access tokens in seconds. `redirect_uris`: the only ones allowed (None: any on a loopback address). `host` is
    what the token answer calls the account's data centre (None: this server). `consent`: show a page with a button instead of
    going back at once. `deny`: the user says no.
    """

    client_id: str = "mock-client"
    client_secret: str = "mock-secret"  # noqa: S105 - made up
    lifetime: float = 3600
    redirect_uris: tuple[str, ...] | None = None
    host: str | None = None
    consent: bool = False
    deny: bool = False
    rotate: bool = True


@dataclass(frozen=True)
class _Code:
    redirect: str
    expires: float


class Tokens:
    """Which tokens are good, and for whom. Safe to use from any thread."""

    def __init__(self, permanent: str, app: OAuthApp) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._permanent = permanent
        self._access: dict[str, tuple[float, str]] = {}
        self._refresh: dict[str, str] = {}
        self._codes: dict[str, _Code] = {}
        self.refreshed = 0
        """How many refresh tokens have been redeemed."""

    def user(self, token: str) -> str | None:
        """Whose token it is; None when it is not good."""
        with self._lock:
            if self._permanent and secrets.compare_digest(token.encode(), self._permanent.encode()):
                return OWNER
            expires, user = self._access.get(token, (0.0, ""))
            return user if expires > time.monotonic() else None

    def expire(self, token: str | None = None) -> None:
        """Ends one access token, or all of them; the permanent token and the refresh tokens stay good."""
        with self._lock:
            if token is None:
                self._access.clear()
            else:
                self._access.pop(token, None)

    def revoke(self) -> None:
        """Ends everything that was issued, the refresh tokens too."""
        with self._lock:
            self._access.clear()
            self._refresh.clear()

    def issue(self, user: str = OWNER) -> dict[str, object]:
        """A new pair of tokens, in the form of the token answer without its `host`. All users see the same account."""
        with self._lock:
            return self._issue(user)

    def _issue(self, user: str) -> dict[str, object]:
        access, refresh = f"mock.access.{secrets.token_urlsafe(24)}", f"mock.refresh.{secrets.token_urlsafe(24)}"
        self._access[access] = time.monotonic() + self.app.lifetime, user
        self._refresh[refresh] = user
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": int(self.app.lifetime),
        }

    # The two pages

    def authorize(self, request: Request) -> Bytes:
        """`GET /oauth2/authorize/v4`: back to the client with a code, at once or after a click."""
        query = request.query
        if query.get("client_id") != self.app.client_id:
            return _page(400, "Client id is missing or invalid")
        redirect = query.get("redirect_uri", (self.app.redirect_uris or ("",))[0])
        if not self._is_allowed(redirect):
            return _page(400, "Redirect uri is missing or invalid")
        answer = {"state": query["state"]} if "state" in query else {}
        if query.get("response_type") != "code":
            return _back(redirect, {"error": "unsupported_response_type", **answer})
        if self.app.deny:
            return _back(redirect, {"error": "access_denied", **answer})
        if self.app.consent and query.get("approve") != "1":
            hidden = "".join(
                f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(text)}">'
                for name, text in query.items()
            )
            return _page(200, f'<form method="get">{hidden}<button name="approve" value="1">Accept</button></form>')
        code = secrets.token_urlsafe(18)
        with self._lock:
            self._codes[code] = _Code(redirect, time.monotonic() + _CODE_SECONDS)
        return _back(redirect, {"code": code, **answer})

    def _is_allowed(self, redirect: str) -> bool:
        if self.app.redirect_uris is not None:
            return redirect in self.app.redirect_uris
        parts = urlsplit(redirect)
        return parts.scheme in ("http", "https") and parts.hostname in ("127.0.0.1", "localhost", "::1")

    def token(self, request: Request, host: str) -> Bytes:
        """`POST /oauth2/token`: a code or a refresh token for a new pair of tokens."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("client_id") != self.app.client_id or form.get("client_secret") != self.app.client_secret:
            return _json(
                401, {"error": "unauthorized_client", "error_description": "Client is unknown or its secret is wrong"}
            )
        grant = form.get("grant_type")
        user = OWNER
        with self._lock:
            if grant == "authorization_code":
                error = self._redeem_code(form)
            elif grant == "refresh_token":
                user, error = self._redeem_refresh(form.get("refresh_token", ""))
            else:
                error = "unsupported_grant_type"
            if error:
                return _json(400, {"error": error, "error_description": "The grant is not accepted"})
            issued = self._issue(user)
            if grant == "refresh_token" and not self.app.rotate:
                del self._refresh[str(issued["refresh_token"])]
                issued["refresh_token"] = form["refresh_token"]
        return _json(200, {**issued, "host": self.app.host or host})

    def _redeem_code(self, form: dict[str, str]) -> str:
        """A code is good once, for ten minutes, and for the address it went to."""
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires < time.monotonic():
            return "invalid_grant"
        return "invalid_grant" if form.get("redirect_uri", code.redirect) != code.redirect else ""

    def _redeem_refresh(self, token: str) -> tuple[str, str]:
        """Whose it was, and the error."""
        user = self._refresh.get(token)
        if user is None:
            return "", "invalid_grant"
        if self.app.rotate:
            del self._refresh[token]
        self.refreshed += 1
        return user, ""


def _page(status: int, inner: str) -> Bytes:
    body = f"<!DOCTYPE html><html><body>{inner}</body></html>".encode()
    return Bytes(status, {"content-type": "text/html; charset=utf-8", "content-length": str(len(body))}, [body])


def _json(status: int, answer: dict[str, object]) -> Bytes:
    body = json.dumps(answer).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    return Bytes(status, headers, [body])


def _back(redirect: str, answer: dict[str, str]) -> Bytes:
    parts = urlsplit(redirect)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *answer.items()])
    return Bytes(302, {"location": urlunsplit(parts._replace(query=query)), "content-length": "0"})
