"""Whatever is told, the secrets that this process knows are not in it."""

from __future__ import annotations

import base64
import json
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core import SinkError
from wrikebackup_core.cli.words import clean
from wrikebackup_core.engine.listeners import listeners
from wrikebackup_core.masking import MASK, forget_secrets, keep_secret, masked, masked_values
from wrikebackup_core.model import Event, FileFinished, Gap, GapFound, Message, SinkDropped
from wrikebackup_core.plugins import Plugins

SECRET = "pä$$ w/o+rd=%:'\"\\x"

WRITTEN = {
    "as it is": SECRET,
    "in a path": quote(SECRET),
    "in an address": quote(SECRET, safe=""),
    "in an address, in small letters": quote(SECRET, safe="").lower(),
    "in a form": quote_plus(SECRET),
    "in JSON": json.dumps({"password": SECRET}),
    "in JSON with other letters": json.dumps({"password": SECRET}, ensure_ascii=False),
    "as Python shows text": repr({"password": SECRET}),
    "as Python shows bytes": repr(SECRET.encode()),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_secret_is_masked_however_libraries_write_it(name: str) -> None:
    keep_secret(SECRET)
    told = masked(f"before {WRITTEN[name]} behind")
    assert MASK in told
    assert told.startswith("before ")
    assert told.endswith(" behind")
    assert not any(part in told for part in ("rd=", "rd%3D", "rd%3d"))


@given(
    secret=st.text(string.ascii_letters + string.digits + "+/ä:€", min_size=10, max_size=40),
    user=st.text(string.ascii_letters, max_size=7),
    behind=st.text(string.ascii_letters, max_size=3),
)
def test_a_secret_is_masked_wherever_it_stands_in_base64(secret: str, user: str, behind: str) -> None:
    forget_secrets()
    keep_secret(secret)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        told = masked(encode(f"{user}:{secret}{behind}".encode()).decode())
        # All but the characters that it shares with its neighbours.
        assert MASK in told
        assert len(told.replace(MASK, "")) <= len(base64.b64encode(f"{user}:{behind}".encode())) + 8


def test_short_secrets_are_masked_where_they_stand_alone() -> None:
    keep_secret("test1")
    keep_secret("cat")
    assert masked("password test1, latest1, cat") == f"password {MASK}, latest1, cat"


def test_a_longer_secret_is_masked_before_a_part_of_it() -> None:
    keep_secret("secret-of-mine")
    keep_secret("secret-of-mine-and-yours")
    assert masked("secret-of-mine-and-yours") == MASK


def test_a_secret_in_small_letters_is_masked_too() -> None:
    keep_secret("Hunter-22-Of-Mine")
    assert masked("who says hunter-22-of-mine?") == f"who says {MASK}?"


def test_each_line_of_a_key_is_masked() -> None:
    keep_secret("-----BEGIN KEY-----\nAbCdEfGhIjKlMnOpQrSt\nUvWx\n-----END KEY-----")
    assert masked("line 2: AbCdEfGhIjKlMnOpQrSt") == f"line 2: {MASK}"


def test_what_all_keys_begin_with_is_not_masked() -> None:
    keep_secret("-----BEGIN PRIVATE KEY-----\nAbCdEfGhIjKlMnOpQrSt\n-----END PRIVATE KEY-----")
    assert masked("there is no -----BEGIN PRIVATE KEY-----") == "there is no -----BEGIN PRIVATE KEY-----"


@given(
    secrets=st.lists(st.text(string.ascii_letters + string.digits + "+/=", min_size=6, max_size=90), min_size=1),
    before=st.text(st.characters(exclude_categories=["Cs"]), max_size=70),
    behind=st.text(st.characters(exclude_categories=["Cs"]), max_size=70),
)
def test_secrets_of_any_length_are_masked_wherever_they_stand(secrets: list[str], before: str, behind: str) -> None:
    forget_secrets()
    for secret in secrets:
        keep_secret(secret)
    text = f" {behind}{before} ".join(secrets)
    assert [secret for secret in secrets if secret in masked(before + text + behind)] == []


SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "acme-backup-214300",
    "private_key_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQ+/Cz\n-----END PRIVATE KEY-----\n",
    "client_email": "backup@acme-backup-214300.iam.gserviceaccount.com",
    "client_id": "103214567890123456789",
    "token_uri": "https://oauth2.googleapis.com/token",
    "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/backup%40acme-backup-214300.iam.gserviceaccount.com",
}


@pytest.mark.parametrize("indent", [None, 2])
def test_of_a_service_account_s_key_the_private_key_is_masked_and_each_of_its_lines(indent: int | None) -> None:
    keep_secret(json.dumps(SERVICE_ACCOUNT, indent=indent))
    key = SERVICE_ACCOUNT["private_key"]
    for shown in (key, repr(key), json.dumps({"key": key}), key.replace("\n", "\r\n"), *key.splitlines()[1:3]):
        assert [line for line in key.splitlines()[1:3] if line in masked(f"cannot load {shown}")] == []
    assert masked(f"bad line {key.splitlines()[2]}") == f"bad line {MASK}"


def test_what_else_is_in_a_service_account_s_key_is_told() -> None:
    keep_secret(json.dumps(SERVICE_ACCOUNT))
    told = " ".join(value for name, value in SERVICE_ACCOUNT.items() if name != "private_key")
    assert masked(told) == told


@pytest.mark.parametrize(
    "secret",
    [
        {"client_secret": "hunter-22-of-mine", "type": "authorized_user"},
        {"credentials": [{"SessionToken": "hunter-22-of-mine"}], "AccessKeyId": "AKIA"},
        {"data": {"db-password": "hunter-22-of-mine"}},
        [{"apiKey": "hunter-22-of-mine"}],
    ],
)
def test_values_of_a_secret_that_is_json_are_masked_by_themselves(secret: object) -> None:
    keep_secret(json.dumps(secret))
    assert masked("refused: hunter-22-of-mine, authorized_user, AKIA") == f"refused: {MASK}, authorized_user, AKIA"


@pytest.mark.parametrize("secret", ["{not JSON at all", "[" * 100_000])
def test_a_secret_that_only_looks_like_json_is_masked_as_it_is(secret: str) -> None:
    keep_secret(secret)
    assert masked(f"it is {secret}") == f"it is {MASK}"


def test_of_an_address_the_parts_that_look_like_keys_are_masked() -> None:
    keep_secret("https://user:pass%21word@hooks.example.com/services/T0123456789/b1946ac92492d234?key=0a1b2c3d4e5f")
    assert masked("refused: /services/T0123456789/b1946ac92492d234") == f"refused: /services/{MASK}/{MASK}"
    assert masked("pass!word 0a1b2c3d4e5f hooks.example.com") == f"{MASK} {MASK} hooks.example.com"


def test_values_of_json_are_masked_and_its_keys_are_not() -> None:
    keep_secret("hunter22")
    value = {"hunter22": ["hunter22", {"a": ("x hunter22",)}, 5, None]}
    assert masked_values(value) == {"hunter22": [MASK, {"a": [f"x {MASK}"]}, 5, None]}


def test_errors_lines_and_events_are_masked() -> None:
    keep_secret("hunter22")
    error = SinkError("the store says hunter22", hint="not hunter22")
    assert (str(error), error.args, error.hint) == (
        f"the store says {MASK}",
        (f"the store says {MASK}",),
        f"not {MASK}",
    )
    assert clean("hunter22\n") == f"{MASK}\\n"
    heard: list[Event] = []
    tell = listeners(Plugins(), heard.append)
    for event in (
        Message("hunter22"),
        SinkDropped("s3", "hunter22", "hunter22"),
        GapFound(Gap("tasks", None, "hunter22", "hunter22")),
        FileFinished("key", 1, "hunter22"),
    ):
        tell(event)
    assert "hunter22" not in repr(heard)
    assert len(heard) == 4


def test_what_was_kept_secret_in_one_run_is_forgotten_in_the_next() -> None:
    keep_secret("hunter22")
    forget_secrets()
    assert masked("hunter22") == "hunter22"
