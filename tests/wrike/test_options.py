"""What a profile may say under `wrike:`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.pace import parse_rate


def options(**values: Any) -> WrikeOptions:
    return WrikeOptions.model_validate({"token": "env:WRIKE_TOKEN", **values})


@pytest.mark.parametrize(
    "host", ["www.wrike.com", "app-eu.wrike.com", "app-us2.wrike.com", "app-new9.wrike.com", " App-EU.wrike.com "]
)
def test_every_data_centre_of_wrike_is_taken(host: str) -> None:
    assert options(host=host).address() == f"https://{host.strip().lower()}/api/v4"


@pytest.mark.parametrize(
    "host",
    [
        "https://www.wrike.com",
        "www.wrike.com/api/v4",
        "www.wrike.com:443",
        "evil.com",
        "www.wrike.com.evil.com",
        "app-eu.wrike.com@evil.com",
        "wrike.com",
        "",
        "app-eu.wrike.com\nevil.com",
    ],
)
def test_the_token_goes_to_no_host_but_wrikes(host: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        options(host=host)


def test_the_default_host_is_the_american_one_unless_a_login_named_another() -> None:
    assert options().address() == "https://www.wrike.com/api/v4"
    assert options().address("app-eu.wrike.com") == "https://app-eu.wrike.com/api/v4"
    assert options(host="www.wrike.com").address("app-eu.wrike.com") == "https://www.wrike.com/api/v4"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://127.0.0.1:8750/api/v4", "http://127.0.0.1:8750/api/v4"),
        ("http://localhost:8750/api/v4/", "http://localhost:8750/api/v4"),
        ("http://[::1]:8750", "http://[::1]:8750/api/v4"),
        ("https://proxy.example.com/wrike/v4", "https://proxy.example.com/wrike/v4"),
    ],
)
def test_a_base_url_is_taken_whole(given: str, address: str) -> None:
    assert options(base_url=given).address("app-eu.wrike.com") == address


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy.example.com/api/v4",
        "ftp://127.0.0.1/x",
        "127.0.0.1:80",
        "https://u:p@h/api",
        "https://h/?q=1",
        "https://h:port/",
        "",
    ],
)
def test_a_base_url_that_would_show_or_lose_the_token_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        options(base_url=url)


def test_plain_http_to_another_machine_needs_saying_so() -> None:
    assert options(base_url="http://proxy.lan/api/v4", insecure=True).address() == "http://proxy.lan/api/v4"


def test_host_and_base_url_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="not both"):
        options(host="www.wrike.com", base_url="https://h/api/v4")


def test_exactly_one_way_to_sign_in_is_given() -> None:
    oauth = {"client_id": "id", "client_secret": "env:S"}
    with pytest.raises(ValidationError, match="exactly one of token and oauth"):
        options(oauth=oauth)
    with pytest.raises(ValidationError, match="exactly one of token and oauth"):
        WrikeOptions.model_validate({})
    assert WrikeOptions.model_validate({"oauth": oauth}).oauth is not None


def test_the_token_itself_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        WrikeOptions.model_validate({"token": "eyJsecret"})
    assert "eyJsecret" not in str(caught.value.errors(include_input=False))
    assert "must be a reference" in str(caught.value)


def test_a_path_for_the_login_goes_with_the_file_store_only() -> None:
    oauth = {"client_id": "id", "client_secret": "env:S", "path": "login.json"}
    with pytest.raises(ValidationError, match="store: file"):
        WrikeOptions.model_validate({"oauth": oauth})
    assert WrikeOptions.model_validate({"oauth": {**oauth, "store": "file"}}).oauth


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("400/min", (400, 60.0)),
        ("5/s", (5, 1.0)),
        ("1000 / hour", (1000, 3600.0)),
        ("10/minute", (10, 60.0)),
        ("off", None),
        ("OFF", None),
    ],
)
def test_rates_are_read(text: str, rate: tuple[int, float] | None) -> None:
    assert parse_rate(text) == rate
    assert options(rate=text).rate == text


@pytest.mark.parametrize("text", ["", "400", "0/min", "-1/s", "fast", "400/day", "4.5/s"])
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="400/min"):
        options(rate=text)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="hots"):
        options(hots="www.wrike.com")
