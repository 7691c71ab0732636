"""Pings as healthchecks.io documents them, to a server on 127.0.0.1."""

from __future__ import annotations

import socket
import threading
import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.listener import Listener
from wrikebackup_core import Report, UsageError, WrikeBackupError
from wrikebackup_core.testing.reports import NOW, bad_report, good_report, look
from wrikebackup_notify import HealthchecksOptions
from wrikebackup_notify.pings import Pings

CHECK = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"


def pings(url: str, *, patience: float = 30, **options: Any) -> Pings:
    made = HealthchecksOptions.model_validate({"url": "env:PING_URL", **options})
    return Pings(made, lambda _reference: url, pause=0, patience=patience)


def address(listener: Listener, more: str = "") -> str:
    return f"http://{listener.address}/ping/{CHECK}{more}"


def ended(exit_code: int, *, gaps: int = 0, reason: str | None = None) -> Report:
    good = good_report()
    assert good.run is not None
    return replace(good, run=replace(good.run, exit_code=exit_code, gaps=gaps, sinks={"local:/backups": reason}))


def test_a_run_is_pinged_when_it_begins_and_when_it_has_ended_under_one_id(listener: Listener) -> None:
    monitor = pings(address(listener))
    for _ in range(2):
        monitor.started("example", NOW)
        monitor.told(good_report())
    assert [request.path for request in listener.requests] == [f"/ping/{CHECK}/start", f"/ping/{CHECK}"] * 2
    first, last, other, _ = (uuid.UUID(request.query["rid"][0]) for request in listener.requests)
    assert first == last != other


@pytest.mark.parametrize(
    ("report", "gaps", "ending"),
    [
        (ended(0), "fail", ""),
        (ended(1), "fail", "/1"),
        (ended(130), "fail", "/130"),
        (ended(3, gaps=2), "fail", "/3"),
        (ended(3, gaps=2), "success", ""),
        (ended(3, gaps=2, reason="it is away"), "success", "/3"),
        (ended(3), "success", "/3"),
        (ended(256), "fail", "/1"),
    ],
)
def test_how_it_ended_is_the_end_of_the_address(listener: Listener, report: Report, gaps: str, ending: str) -> None:
    pings(address(listener), gaps=gaps).told(report)
    assert listener.requests[0].path == f"/ping/{CHECK}{ending}"


def test_a_run_that_found_another_at_work_leaves_the_state_of_the_check(listener: Listener) -> None:
    pings(address(listener)).told(ended(5))
    begun = pings(address(listener))
    begun.started("example", NOW)
    begun.told(ended(5))  # it lost its lease
    assert [one.path.removeprefix(f"/ping/{CHECK}") for one in listener.requests] == ["/log", "/start", "/5"]


def test_after_a_look_nothing_is_pinged(listener: Listener) -> None:
    pings(address(listener)).told(look())
    assert listener.requests == []


def test_the_body_says_how_it_ended_and_then_the_log(listener: Listener) -> None:
    pings(address(listener)).told(bad_report())
    assert listener.requests[0].body.decode().split("\n") == [
        "backup failed: no space left (exit code 1)",
        "hint: make room",
        "",
        "03:11 crawling",
        "03:12 no space left",
    ]


def test_of_a_long_log_the_last_lines_are_sent(listener: Listener) -> None:
    log = [f"{number} é\udce9" + "x" * 90 for number in range(5000)]
    pings(address(listener)).told(replace(bad_report(), log=log))
    lines = listener.requests[0].body.decode().split("\n")
    assert 90_000 < len(listener.requests[0].body) <= 100_000
    assert lines[0] == "backup failed: no space left (exit code 1)"
    assert lines[-1].startswith("4999 é")


def test_a_line_that_is_longer_than_all_that_fits_is_left_out(listener: Listener) -> None:
    pings(address(listener)).told(replace(bad_report(), log=["x" * 200_000, "the last line"]))
    assert listener.requests[0].body.decode().endswith("\n\nthe last line")


@pytest.mark.parametrize(("more", "path"), [("/", f"/ping/{CHECK}/log"), ("?create=1", f"/ping/{CHECK}/log")])
def test_a_test_is_logged_and_leaves_the_state_of_the_check(listener: Listener, more: str, path: str) -> None:
    assert pings(address(listener, more)).test("example").startswith("logged at 127.0.0.1")
    assert listener.requests[0].path == path
    assert listener.requests[0].query.get("create") == (["1"] if "create" in more else None)


def test_a_server_in_trouble_is_asked_again(listener: Listener) -> None:
    listener.behaviour = lambda number: (500, None, 200)[number]
    pings(address(listener)).told(good_report())
    assert len(listener.requests) == 3


@pytest.mark.parametrize(
    ("status", "words"), [(404, "knows no such check"), (429, "status 429"), (409, "status 409"), (302, "status 302")]
)
def test_what_is_refused_is_not_asked_again(listener: Listener, status: int, words: str) -> None:
    listener.behaviour = lambda _number: status
    listener.headers = {"Location": f"http://{listener.address}/elsewhere/{CHECK}"}
    with pytest.raises(WrikeBackupError, match=words) as caught:
        pings(address(listener)).told(good_report())
    assert len(listener.requests) == 1
    assert CHECK not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


def test_a_check_that_an_older_server_does_not_know_is_an_error_too(listener: Listener) -> None:
    listener.says = b"OK (not found)"
    with pytest.raises(WrikeBackupError, match="knows no such check"):
        pings(address(listener)).test("example")


@pytest.mark.parametrize("status", [503, None])
def test_a_server_that_stays_in_trouble_is_told_by_its_host(listener: Listener, status: int | None) -> None:
    listener.behaviour = lambda _number: status
    with pytest.raises(WrikeBackupError, match=r"127\.0\.0\.1 could not be pinged: ") as caught:
        pings(address(listener)).test("example")
    assert len(listener.requests) == 4
    assert CHECK not in str(caught.value)


def test_where_nobody_listens_the_reason_is_the_systems(listener: Listener) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(
            WrikeBackupError, match=r"127\.0\.0\.1 could not be pinged: .*(refused|Errno|WinError)"
        ) as caught:
            pings(f"http://127.0.0.1:{taken.getsockname()[1]}/{CHECK}", patience=0).test("example")
    assert CHECK not in str(caught.value)


def test_a_server_that_hangs_is_given_up(listener: Listener) -> None:
    listener.hangs = threading.Event()
    with pytest.raises(WrikeBackupError, match="no answer within 1 s"):
        pings(address(listener), timeout="1s", patience=0).told(good_report())
    assert len(listener.requests) == 1


@pytest.mark.parametrize(
    "bad", ["", CHECK, f"ftp://host/{CHECK}", f"http://[{CHECK}", f"https://host:x/{CHECK}", "https://"]
)
def test_what_is_no_address_is_said_by_its_reference(bad: str) -> None:
    with pytest.raises(UsageError, match="env:PING_URL is not the address of a check") as caught:
        pings(bad).test("example")
    assert CHECK not in f"{caught.value} {caught.value.hint}"
    (check,) = pings(bad).checks()
    assert check.ok is False


@pytest.mark.parametrize("timeout", ["0s", "31s", "5", "2m"])
def test_a_time_limit_that_a_monitor_does_not_have_is_refused(timeout: str) -> None:
    with pytest.raises(ValueError, match="timeout"):
        pings("", timeout=timeout)
