"""In whose name requests are made."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import google.auth
import google.auth.credentials
import google.auth.transport.urllib3
from google.auth.exceptions import GoogleAuthError, TransportError
from google.oauth2 import service_account

from wrikebackup_core import Context, SecretError, keep_secret
from wrikebackup_fsspec.gcs.faults import Lost
from wrikebackup_fsspec.gcs.routes import Routes
from wrikebackup_fsspec.options import GcsOptions

__all__ = ["Anonymous", "Identity", "Signed", "identity"]

_SCOPES = ("https://www.googleapis.com/auth/devstorage.full_control",)  # locks need more than read_write
_TOKENS_AWAY = "the server that gives tokens cannot be reached"


class Identity(Protocol):
    """Safe from any thread."""

    def headers(self) -> Mapping[str, str]:
        """What a request must carry. Raises GoogleAuthError, Lost."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether there are other headers than the refused ones. Raises GoogleAuthError, Lost."""

    def signer(self) -> google.auth.credentials.Signing | None:
        """Who can sign an address; None where nobody can. Raises GoogleAuthError."""

    def close(self) -> None: ...


class Anonymous:
    """Nobody: for servers of one's own."""

    def headers(self) -> Mapping[str, str]:
        return {}

    def renew(self, refused: Mapping[str, str]) -> bool:
        return False

    def signer(self) -> None:
        return None

    def close(self) -> None:
        pass


class Signed:
    """Google credentials, loaded with the first request.

    google-auth's own way to prepare a request also looks up, in the background, where the account may be used from; a token needs
    none of that, so only what is asked for goes out.
    """

    def __init__(self, load: Callable[[Any], Any], timeout: float) -> None:
        self._routes = Routes(timeout)
        self._request = google.auth.transport.urllib3.Request(self._routes)  # type: ignore[no-untyped-call, unused-ignore]
        self._load, self._credentials = load, None
        self._lock = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            if not self._loaded().valid:
                self._refresh()
            return self._current()

    def renew(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            if self._current() == refused:  # else another thread was faster
                self._refresh()
            return self._current() != refused

    def signer(self) -> google.auth.credentials.Signing | None:
        with self._lock:
            credentials = self._loaded()
        return credentials if isinstance(credentials, google.auth.credentials.Signing) else None

    def close(self) -> None:
        self._routes.clear()

    def _loaded(self) -> Any:
        if self._credentials is None:
            self._credentials = self._load(self._request)
        return self._credentials

    def _current(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        self._loaded().apply(headers)
        return headers

    def _refresh(self) -> None:
        try:
            self._loaded().refresh(self._request)
        except TransportError as error:
            raise Lost(
                _TOKENS_AWAY, hint="see whether the network is up, and a proxy set where one is needed"
            ) from error
        except GoogleAuthError as error:
            if error.retryable:
                raise Lost("the server that gives tokens is in trouble", hint="try later") from error
            raise
        keep_secret(self._loaded().token or "")


def identity(options: GcsOptions, context: Context) -> Identity:
    """Asks nobody yet. Raises SecretError for what is no service account's key."""
    if options.anonymous:
        return Anonymous()
    if options.credentials is None:
        return Signed(_machine, options.timeout)
    key = _key(options.credentials, context.secret(options.credentials))
    return Signed(lambda _: key, options.timeout)


def _machine(request: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the quota project of a person's own credentials
        credentials, _ = google.auth.default(scopes=_SCOPES, request=request)
    return credentials


def _key(reference: str, secret: str) -> service_account.Credentials:
    """None of the messages repeats anything of the secret."""
    hint = "it must be the whole JSON text of the key, as the Google Cloud console hands it out"
    try:
        found = json.loads(secret)
    except ValueError:
        raise SecretError(f"the secret {reference} is no service account's key: it is not JSON", hint=hint) from None
    kind = found.get("type") if isinstance(found, dict) else None
    if kind != "service_account":
        raise SecretError(
            f"the secret {reference} is no service account's key: its type is another",
            hint="leave `credentials` out for other kinds, and set GOOGLE_APPLICATION_CREDENTIALS to the file",
        )
    try:
        return service_account.Credentials.from_service_account_info(found, scopes=_SCOPES)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]
    except (ValueError, TypeError, GoogleAuthError):
        raise SecretError(f"the secret {reference} is no service account's key: it is damaged", hint=hint) from None
