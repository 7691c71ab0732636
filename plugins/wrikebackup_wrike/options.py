"""What stands under `wrike:` in a profile."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from wrikebackup_core import Secret
from wrikebackup_wrike.pace import parse_rate

__all__ = ["OAuthOptions", "WrikeOptions", "check_base_url", "check_host", "is_loopback", "login_name"]

_TUNING: dict[str, JsonValue] = {"tuning": True}  # another value reads the same account: a killed run may go on with it
_HOST = re.compile(r"(www|app-[a-z0-9-]+)\.wrike\.com")
DEFAULT_HOST = "www.wrike.com"
DEFAULT_LOGIN_URL = "https://login.wrike.com/oauth2"


def check_host(value: str) -> str:
    """A bare host of Wrike's: `www.wrike.com` or `app-*.wrike.com`. The token goes there, so nothing else will do."""
    host = value.strip().lower()
    if not _HOST.fullmatch(host):
        raise ValueError(
            "must be the host of the account's data centre alone, such as www.wrike.com, app-eu.wrike.com or app-us2.wrike.com;"
            " for any other address use base_url"
        )
    return host


def is_loopback(host: str) -> bool:
    """Whether the host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_base_url(value: str) -> str:
    """An absolute http or https address without user, query or fragment; `/api/v4` is added to a bare host."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://host/api/v4")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must hold neither user, password, query nor fragment")
    _ = parts.port  # raises ValueError where it is no port
    path = parts.path.rstrip("/") or "/api/v4"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _readable_on_the_way(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _check_rate(value: str) -> str:
    parse_rate(value)
    return value


def login_name(client_id: str) -> str:
    """What files of an app's login are called, without their suffix."""
    return f"login-{hashlib.sha256(client_id.encode(errors='replace')).hexdigest()[:12]}"


def _login_file(client_id: str) -> str:
    """Below `~` where it is: a profile may be read by one user and run by another."""
    import platformdirs  # only the few who sign in so need it

    path = platformdirs.user_config_path("wrikebackup") / f"{login_name(client_id)}.json"
    with contextlib.suppress(ValueError, RuntimeError):  # not below it, or no home at all
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    return str(path)


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuthOptions(_Options):
    """An OAuth app of one's own, and where `wrikebackup login` keeps the refresh token."""

    client_id: str = Field(min_length=1, description="the app's client id, from Wrike's Apps & Integrations")
    client_secret: Secret
    store: Literal["keyring", "file"] = Field(
        "keyring",
        description="where the refresh token is kept: the system's keyring, or a file only you can read",
        json_schema_extra=_TUNING,
    )
    path: Path | None = Field(
        None,
        description="the file, for `store: file`; by default in the user's configuration folder",
        json_schema_extra={**_TUNING, "written": True},
    )
    login_url: Annotated[str, AfterValidator(check_base_url)] = Field(
        DEFAULT_LOGIN_URL, description="where the login page is; for tests and proxies"
    )

    @model_validator(mode="before")
    @classmethod
    def _file_has_a_path(cls, given: Any) -> Any:
        """Said in full, so that who lists the files that are written to finds it."""
        if not isinstance(given, dict) or given.get("store") != "file" or given.get("path") is not None:
            return given
        return {**given, "path": _login_file(str(given.get("client_id")))}

    @model_validator(mode="after")
    def _path_needs_file(self) -> Self:
        if self.path is not None and self.store != "file":
            raise ValueError("path goes with `store: file` only")
        if _readable_on_the_way(self.login_url):
            raise ValueError("login_url must be https:")
        return self


class WrikeOptions(_Options):
    """A Wrike account over its REST API."""

    host: Annotated[str, AfterValidator(check_host)] | None = Field(
        None,
        description="the account's data centre, as the browser's address bar shows it"
        f" (default: {DEFAULT_HOST}, or what the login said)",
    )
    base_url: Annotated[str, AfterValidator(check_base_url)] | None = Field(
        None, description="the API's whole address, for proxies and the mock server: http://127.0.0.1:8750/api/v4"
    )
    insecure: bool = Field(
        False,
        description="allow http:// to another machine: the token is then readable on the way",
        json_schema_extra=_TUNING,
    )
    token: Secret | None = Field(None, description="a reference to a permanent access token")
    oauth: OAuthOptions | None = Field(
        None, description="an OAuth app, instead of a permanent token; see `wrikebackup login`"
    )
    rate: Annotated[str, AfterValidator(_check_rate)] = Field(
        "400/min",
        description="requests allowed: `400/min`, `5/s`, `1000/h`, or `off` for a server of one's own",
        json_schema_extra=_TUNING,
    )
    concurrency: int = Field(
        24, ge=1, le=64, description="requests to the JSON API in flight at a time", json_schema_extra=_TUNING
    )
    connect_timeout: float = Field(
        20, gt=0, le=600, description="seconds until a connection must stand", json_schema_extra=_TUNING
    )
    read_timeout: float = Field(
        180,
        gt=0,
        le=3600,
        description="seconds without a byte until an answer counts as lost",
        json_schema_extra=_TUNING,
    )
    retry: float = Field(
        900,
        ge=0,
        description="seconds for which one request is tried again before the run gives up",
        json_schema_extra=_TUNING,
    )

    @model_validator(mode="after")
    def _one_address_one_token(self) -> Self:
        if self.host is not None and self.base_url is not None:
            raise ValueError("give host or base_url, not both")
        if (self.token is None) == (self.oauth is None):
            raise ValueError("give exactly one of token and oauth")
        if self.base_url is not None and not self.insecure and _readable_on_the_way(self.base_url):
            raise ValueError(
                "base_url must be https: over http the token is readable on the way (insecure: true allows it)"
            )
        return self

    def address(self, host: str | None = None) -> str:
        """The API's address; `host` is what the login said, used where the profile names none."""
        return self.base_url or f"https://{self.host or host or DEFAULT_HOST}/api/v4"
