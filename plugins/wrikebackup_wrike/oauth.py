"""OAuth 2.0, the authorization-code flow: the only one that Wrike has (developers.wrike.com/oauth-20-authorization).

An access token lives an hour. Each use of the refresh token replaces it, so a new one is stored before anything else is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import filelock
import msgspec

from wrikebackup_core import (
    Interrupted,
    SecretError,
    SourceError,
    Unauthorized,
    json_decoder,
    keep_secret,
    private_folder,
)
from wrikebackup_wrike.client import USER_AGENT, as_source_error, log_request
from wrikebackup_wrike.http import httpx
from wrikebackup_wrike.options import check_host
from wrikebackup_wrike.refusals import traceable
from wrikebackup_wrike.vault import Grant, Vault

__all__ = ["OAuthTokens", "authorize_url", "data_centre", "redeem"]

_SECONDS = 60
_LOCK_SECONDS = 120
LOG_IN_AGAIN = "log in again: wrikebackup login"


class _Tokens(msgspec.Struct):
    access_token: str
    refresh_token: str = ""
    host: str = ""


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""
    errorDescription: str = ""  # noqa: N815 - Wrike's name


def authorize_url(login_url: str, client_id: str, redirect_uri: str, state: str, scope: str | None = None) -> str:
    """The page that asks the user. `/v4` makes the user pick one account."""
    query = {"client_id": client_id, "response_type": "code", "redirect_uri": redirect_uri, "state": state}
    if scope:
        query["scope"] = scope
    return f"{login_url}/authorize/v4?{urlencode(query)}"


def redeem(login_url: str, client_id: str, client_secret: str, code: str, redirect_uri: str) -> tuple[str, Grant]:
    """The access token and the grant for a code. Raises Unauthorized, SourceError."""
    keep_secret(code)
    tokens = _ask(
        login_url,
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
        },
    )
    if not tokens.refresh_token:
        raise SourceError("the login gave no refresh token")
    return tokens.access_token, Grant(tokens.refresh_token, tokens.host)


def data_centre(host: str) -> str | None:
    """The host that a login named, None where it named none. Raises SourceError: the token goes there, so only Wrike's will do."""
    if not host:
        return None
    try:
        return check_host(host)
    except ValueError:
        raise SourceError(f"the login names {host!r} as the account's host, which is none of Wrike's") from None


def _ask(login_url: str, form: Mapping[str, str]) -> _Tokens:
    host, began = urlsplit(login_url).netloc, time.monotonic()
    try:
        response = httpx.post(
            f"{login_url}/token", data=dict(form), headers={"user-agent": USER_AGENT}, timeout=_SECONDS
        )
    except httpx.TransportError as error:
        raise as_source_error(error, host) from error
    log_request("POST", f"/token at {host}", response.status_code, began, 1, headers=response.headers)
    if response.status_code >= 500 or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise traceable(Interrupted(f"{host} answers {response.status_code} to the login"), response.headers)
    if response.status_code != httpx.codes.OK:
        refused = Unauthorized(f"{host} refuses the login: {_reason(response)}", hint=LOG_IN_AGAIN)
        raise traceable(refused, response.headers)
    try:
        tokens = json_decoder(_Tokens)(response.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        strange = SourceError(f"{host}: the answer to the login is not what OAuth promises")
        raise traceable(strange, response.headers) from None
    for secret in (tokens.access_token, tokens.refresh_token):
        keep_secret(secret)
    return tokens


def _reason(response: httpx.Response) -> str:
    try:
        said = json_decoder(_Refusal)(response.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = _Refusal()
    return said.error_description or said.errorDescription or said.error or f"HTTP {response.status_code}"


class OAuthTokens:
    """Access tokens from a stored login. One thread of one process refreshes; all others get what it got."""

    def __init__(self, login_url: str, client_id: str, client_secret: str, vault: Vault) -> None:
        """Raises UsageError where nobody has logged in yet."""
        self._login_url, self._client_id, self._client_secret = login_url, client_id, client_secret
        self._vault = vault
        self._lock = threading.Lock()
        self._access: str | None = None
        self.host = vault.load().host
        """The data centre that the login named, unchecked; empty where it named none."""

    def current(self) -> str:
        return self._access or self.renew("")

    def renew(self, stale: str) -> str:
        with self._lock:
            if self._access is None or self._access == stale:
                self._access = self._refresh()
            return self._access

    def _refresh(self) -> str:
        private_folder(self._vault.lock.parent)
        try:
            with filelock.FileLock(self._vault.lock, timeout=_LOCK_SECONDS):
                grant = self._vault.load()  # another process may have replaced it
                tokens = _ask(
                    self._login_url,
                    {
                        "client_id": self._client_id,
                        "client_secret": self._client_secret,
                        "grant_type": "refresh_token",
                        "refresh_token": grant.refresh_token,
                    },
                )
                if tokens.refresh_token and tokens.refresh_token != grant.refresh_token:
                    self._vault.save(Grant(tokens.refresh_token, grant.host))
        except filelock.Timeout:
            raise SecretError(f"another process holds the login in {self._vault.place}") from None
        return tokens.access_token

    def __repr__(self) -> str:
        return f"OAuthTokens(client_id={self._client_id!r})"
