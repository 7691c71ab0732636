"""Messages over Apprise's own client to a server on 127.0.0.1."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest

pytest.importorskip("apprise", reason="needs the extra notify")

from tests.listener import Listener
from wrikebackup_core import SecretError, UsageError, WrikeBackupError
from wrikebackup_core.testing.reports import NASTY, bad_report, good_report, over_report
from wrikebackup_notify import AppriseOptions
from wrikebackup_notify.services import Services

TOKEN = "tk-5f1c2d3e4b"


def services(*urls: str, on: Sequence[str] = ("trouble", "over"), patience: float = 30) -> Services:
    secrets = {f"env:URL{number}": url for number, url in enumerate(urls)}
    options = AppriseOptions.model_validate({"url": list(secrets) if len(secrets) > 1 else "env:URL0", "on": on})
    return Services(options, secrets.__getitem__, pause=0, patience=patience)


def url(listener: Listener, more: str = "") -> str:
    return f"json://me:{TOKEN}@{listener.address}/{TOKEN}/{more}"


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The names of the loggers whose words a program would see that shows everything."""
    found = list[str]()
    handler, logger = logging.Handler(), logging.getLogger("apprise")
    handler.emit = lambda record: found.append(record.name)  # type: ignore[method-assign] # shorter than a class
    logging.getLogger().addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield found
    logger.setLevel(level)
    logging.getLogger().removeHandler(handler)


def test_a_trouble_arrives_with_title_text_and_kind(listener: Listener) -> None:
    monitor = services(url(listener))
    monitor.told(bad_report())
    monitor.told(over_report())
    bad, over = (request.json for request in listener.requests)
    assert bad["title"].startswith(
        "example: the last run failed: no space left, since 2026-11-27 00:12 UTC (and 1 more)"
    )
    assert bad["message"].startswith("the last run failed")
    assert bad["type"] == "failure"
    assert over["type"] == "success"


def test_a_good_run_is_nothing_to_write_about_unless_asked_for(listener: Listener) -> None:
    services(url(listener)).told(good_report())
    assert listener.requests == []
    services(url(listener), on=["success"]).told(good_report())
    assert len(listener.requests) == 1


def test_markup_in_names_is_text_to_services_that_show_html(listener: Listener) -> None:
    services(url(listener, "?format=html")).told(bad_report("example"))
    assert "&lt;b&gt;markup&lt;/b&gt;" in listener.requests[0].json["message"]
    assert "<b>" not in listener.requests[0].json["message"]


def test_a_service_in_trouble_is_asked_again(listener: Listener) -> None:
    listener.behaviour = lambda number: 500 if number < 2 else 200
    services(url(listener)).told(bad_report())
    assert len(listener.requests) == 3


def test_of_two_services_the_one_that_took_it_is_not_told_twice(listener: Listener) -> None:
    listener.behaviour = lambda number: 500 if number == 0 else 200
    services(url(listener, "first"), url(listener, "second")).told(bad_report())
    assert [request.path.rsplit("/", 1)[1] for request in listener.requests] == ["first", "second", "first"]


def test_a_dead_service_has_nobody_else_told_again_and_is_said(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.behaviour = lambda number: 200 if number == 1 else 500
    services(url(listener, "dead"), url(listener, "well")).told(bad_report())
    (line,) = [one.getMessage() for one in caplog.records if one.name == "wrikebackup_notify.services"]
    assert line.startswith("the message was not taken by JSON at 127.0.0.1")
    assert TOKEN not in line
    listener.requests.clear()
    with pytest.raises(WrikeBackupError, match="not taken by JSON"):
        services(url(listener, "dead"), url(listener, "well")).test("example")


@pytest.mark.parametrize("status", [500, 403, None])
def test_what_is_not_taken_names_the_service_and_not_its_address(
    listener: Listener, status: int | None, logged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    listener.behaviour = lambda _number: status
    with pytest.raises(WrikeBackupError, match=r"not taken by JSON at 127\.0\.0\.1: .+") as caught:
        services(url(listener)).told(bad_report())
    out, err = capfd.readouterr()
    assert TOKEN not in f"{caught.value} {caught.value.hint}"
    assert (out, err) == ("", "")
    assert "apprise" not in logged


def test_a_service_that_hangs_is_given_up(listener: Listener) -> None:
    listener.hangs = threading.Event()
    with pytest.raises(WrikeBackupError, match="not taken by JSON"):
        services(url(listener, "?rto=0.2&cto=0.2"), patience=0).told(bad_report())
    assert len(listener.requests) == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (f"nosuch://{TOKEN}", "nosuch://"),
        (TOKEN, "env:URL0 is not the URL"),
        ("", "env:URL0 is not the URL"),
        (f"tgram://{TOKEN}", "tgram://"),
    ],
)
def test_what_is_no_url_of_a_service_is_said_by_its_reference(
    bad: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        services(bad).test("example")
    assert caught.value.hint
    assert TOKEN not in str(caught.value)
    (check,) = services(bad).checks()
    assert check.ok is False
    assert check.detail == str(caught.value)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_secret_that_is_not_there_fails_when_it_is_needed_and_not_before() -> None:
    def secret(reference: str) -> str:
        raise SecretError(f"{reference} is not set")

    monitor = Services(AppriseOptions.model_validate({"url": "env:URL"}), secret)
    monitor.told(good_report())
    with pytest.raises(SecretError):
        monitor.told(bad_report())
    assert [check.ok for check in monitor.checks()] == [False]


def test_a_test_says_where_it_went(listener: Listener) -> None:
    assert services(url(listener)).test(NASTY) == "sent to JSON at 127.0.0.1"
    assert listener.requests[0].json["type"] == "info"
