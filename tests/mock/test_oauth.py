"""OAuth 2.0: codes, rotating refresh tokens, expiry."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.mock.client import Client, Serve
from wrikebackup_mock.oauth import OAuthApp

_BACK = "http://127.0.0.1:9/callback?keep=1"
_APP = {"client_id": "mock-client", "client_secret": "mock-secret"}


def _authorize(client: Client, **changed: str) -> httpx.Response:
    query = {"client_id": "mock-client", "response_type": "code", "redirect_uri": _BACK, "state": "s&=ü", **changed}
    return client.plain.get(f"{client.server.origin}/oauth2/authorize/v4", params={k: v for k, v in query.items() if v})


def _code(client: Client) -> str:
    return parse_qs(urlsplit(_authorize(client).headers["location"]).query)["code"][0]


def _token(client: Client, **form: str) -> httpx.Response:
    return client.plain.post(f"{client.server.origin}/oauth2/token", data={**_APP, **form})


def _works(client: Client, token: str) -> bool:
    url = f"{client.server.base_url}/account"
    return client.plain.get(url, headers={"Authorization": f"bearer {token}"}).status_code == 200


def test_the_browser_comes_back_with_a_code_and_the_state(serve: Serve) -> None:
    answer = _authorize(serve())
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    assert location._replace(query="").geturl() == "http://127.0.0.1:9/callback"
    query = parse_qs(location.query)
    assert query["state"] == ["s&=ü"]
    assert query["keep"] == ["1"]
    assert query["code"][0]


@pytest.mark.parametrize(
    "changed", [{"client_id": "x"}, {"client_id": ""}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": ""}]
)
def test_a_strange_client_or_address_gets_a_page_and_no_redirect(serve: Serve, changed: dict[str, str]) -> None:
    answer = _authorize(serve(), **changed)
    assert answer.status_code == 400
    assert "missing or invalid" in answer.text


def test_only_registered_addresses_match_and_exactly(serve: Serve) -> None:
    client = serve(oauth=OAuthApp(redirect_uris=("http://127.0.0.1:5/a",)))
    assert _authorize(client, redirect_uri="http://127.0.0.1:5/a").status_code == 302
    assert _authorize(client, redirect_uri="http://127.0.0.1:5/a/").status_code == 400
    assert _authorize(client, redirect_uri="").status_code == 302


def test_a_user_who_says_no_is_an_error_with_the_state(serve: Serve) -> None:
    query = parse_qs(urlsplit(_authorize(serve(oauth=OAuthApp(deny=True))).headers["location"]).query)
    assert query["error"] == ["access_denied"]
    assert query["state"] == ["s&=ü"]


def test_a_page_may_ask_first(serve: Serve) -> None:
    client = serve(oauth=OAuthApp(consent=True))
    page = _authorize(client)
    assert page.status_code == 200
    assert '<form method="get">' in page.text
    assert _authorize(client, approve="1").status_code == 302


def test_a_code_is_exchanged_once_for_a_pair_and_the_host(serve: Serve) -> None:
    client = serve()
    code = _code(client)
    answer = _token(client, grant_type="authorization_code", code=code, redirect_uri=_BACK)
    assert answer.status_code == 200
    tokens = answer.json()
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in", "host"}
    assert tokens["host"] == urlsplit(client.server.base_url).netloc
    assert tokens["expires_in"] == 3600
    assert _works(client, tokens["access_token"])
    again = _token(client, grant_type="authorization_code", code=code, redirect_uri=_BACK)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_a_code_is_good_for_its_own_address_only(serve: Serve) -> None:
    client = serve()
    answer = _token(
        client, grant_type="authorization_code", code=_code(client), redirect_uri="http://127.0.0.1:9/other"
    )
    assert answer.json()["error"] == "invalid_grant"


def test_the_host_may_be_another(serve: Serve) -> None:
    client = serve(oauth=OAuthApp(host="app-eu.wrike.com"))
    tokens = _token(client, grant_type="authorization_code", code=_code(client)).json()
    assert tokens["host"] == "app-eu.wrike.com"


@pytest.mark.parametrize("wrong", [{"client_secret": "x"}, {"client_id": "x"}, {"client_secret": ""}])
def test_a_wrong_secret_is_an_unauthorized_client(serve: Serve, wrong: dict[str, str]) -> None:
    client = serve()
    answer = _token(client, grant_type="authorization_code", code=_code(client), **wrong)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized_client")


def test_a_refresh_token_is_good_once(serve: Serve) -> None:
    client = serve()
    first: dict[str, Any] = client.server.tokens.issue()
    second = _token(client, grant_type="refresh_token", refresh_token=str(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert _works(client, second["access_token"])
    again = _token(client, grant_type="refresh_token", refresh_token=str(first["refresh_token"]))
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert client.server.tokens.refreshed == 1
    assert _token(client, grant_type="refresh_token", refresh_token=second["refresh_token"]).status_code == 200


def test_a_server_may_keep_its_refresh_tokens(serve: Serve) -> None:
    client = serve(oauth=OAuthApp(rotate=False))
    refresh = str(client.server.tokens.issue()["refresh_token"])
    for _ in range(2):
        assert _token(client, grant_type="refresh_token", refresh_token=refresh).json()["refresh_token"] == refresh


def test_access_tokens_end_by_time_or_on_demand(serve: Serve) -> None:
    client = serve(oauth=OAuthApp(lifetime=0.05))
    short = str(client.server.tokens.issue()["access_token"])
    time.sleep(0.06)
    assert not _works(client, short)
    other = serve()
    issued = other.server.tokens.issue()
    assert _works(other, str(issued["access_token"]))
    other.server.tokens.expire()
    assert not _works(other, str(issued["access_token"]))
    assert _works(other, "mock-token"), "the permanent token stays good"
    assert _token(other, grant_type="refresh_token", refresh_token=str(issued["refresh_token"])).status_code == 200
    other.server.tokens.revoke()
    assert _token(other, grant_type="refresh_token", refresh_token=str(issued["refresh_token"])).status_code == 400


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"grant_type": "refresh_token"}])
def test_other_grants_are_refused(serve: Serve, form: dict[str, str]) -> None:
    assert _token(serve(), **form).status_code == 400


def test_pages_go_on_with_a_refreshed_token(serve: Serve) -> None:
    """They belong to the user, not to the token."""
    client = serve()
    first = client.server.tokens.issue()
    url, query = f"{client.server.base_url}/tasks", {"subTasks": "true", "pageSize": "20"}
    page = client.plain.get(url, params=query, headers={"Authorization": f"bearer {first['access_token']}"}).json()
    client.server.tokens.expire()
    fresh = _token(client, grant_type="refresh_token", refresh_token=str(first["refresh_token"])).json()["access_token"]
    query["nextPageToken"] = page["nextPageToken"]
    assert client.plain.get(url, params=query, headers={"Authorization": f"bearer {fresh}"}).status_code == 200
