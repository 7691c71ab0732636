"""What `wrikebackup doctor` is told of a Wrike account."""

from __future__ import annotations

import email.utils
import time

from tests.wrike.crawling import TOKEN, MakeSource
from tests.wrike.scripted import Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Check, Kind
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan
from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.source import WrikeSource
from wrikebackup_wrike.tokens import PermanentToken


def named(source: WrikeSource) -> dict[str, Check]:
    return {check.name: check for check in source.checks()}


def test_a_good_account_passes_every_check() -> None:
    with MockServer(MockAccount(tasks=20)) as server:
        options = WrikeOptions.model_validate({"base_url": server.base_url, "token": "env:X", "rate": "off"})
        source = WrikeSource(options, PermanentToken(server.token))
        checks = named(source)
        source.close()
        assert server.requests.total < 30
    assert [check for check in checks.values() if not check.ok] == []
    assert "owner" in checks["token"].detail
    assert {f"right to read {kind}" for kind in Kind} - checks.keys() == {
        "right to read contacts",
        "right to read dependencies",
    }


def test_a_kind_that_is_forbidden_is_named_with_its_right() -> None:
    with MockServer(MockAccount(tasks=20), plan=Plan(forbidden=frozenset({"audit_log", "account_comments"}))) as server:
        options = WrikeOptions.model_validate({"base_url": server.base_url, "token": "env:X", "rate": "off"})
        source = WrikeSource(options, PermanentToken(server.token))
        checks = named(source)
        source.close()
    audit = checks["right to read audit_log"]
    assert audit.ok is False
    assert "amReadOnlyAuditLog" in (audit.hint or "")
    assert checks["right to read comments"].ok is None
    assert "item by item" in checks["right to read comments"].detail


def test_folders_that_have_to_be_read_one_by_one_are_told_of() -> None:
    plan = Plan(unknown_params=frozenset({("folders", "updatedDate")}))
    with MockServer(MockAccount(tasks=20), plan=plan) as server:
        options = WrikeOptions.model_validate({"base_url": server.base_url, "token": "env:X", "rate": "off"})
        source = WrikeSource(options, PermanentToken(server.token))
        checks = named(source)
        source.close()
    assert checks["right to read folders"].ok is None
    assert "by their ids" in checks["right to read folders"].detail


def test_an_unreachable_host_ends_the_checks_without_raising(make_source: MakeSource) -> None:
    (check,) = make_source("http://127.0.0.1:9/api/v4").checks()
    assert (check.name, check.ok) == ("host", False)


def test_a_bad_token_ends_the_checks_without_raising(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/version", envelope([{"major": "1", "minor": "0"}]))
    server.on("/contacts", refusal(401, "not_authorized"))
    host, token = make_source().checks()
    assert host.ok
    assert token.ok is False
    assert TOKEN not in token.detail


def test_a_clock_that_is_off_is_told(server: ScriptedServer, make_source: MakeSource) -> None:
    late = {"date": email.utils.formatdate(time.time() + 900, usegmt=True)}
    server.on("/version", Reply(envelope([{"major": 4, "minor": 0}]).body, headers=late))
    server.on("/contacts", Reply(envelope([{"id": "K1", "firstName": "Ada"}]).body, headers=late))
    checks = named(make_source())
    assert checks["clock"].ok is False
    assert "user may see" in (checks["token"].hint or "")
