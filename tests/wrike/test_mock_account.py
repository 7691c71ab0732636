"""The mock server's account, read over a real socket, is the account: record for record and byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from wrikebackup_core import Attachment, Forbidden, Kind
from wrikebackup_core.testing import MemoryCrawled, SourceContract
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan
from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.source import WrikeSource
from wrikebackup_wrike.tokens import PermanentToken

LIVE_ONLY = (Kind.FOLDERS, Kind.TASKS)


def open_source(server: MockServer, **more: Any) -> WrikeSource:
    options = {"base_url": server.base_url, "token": "env:X", "rate": "off", **more}
    return WrikeSource(WrikeOptions.model_validate(options), PermanentToken(server.token))


def crawl(source: WrikeSource) -> tuple[MemoryCrawled, dict[Kind, Forbidden], set[str]]:
    crawled, forbidden, recycled = MemoryCrawled(), dict[Kind, Forbidden](), set[str]()
    source.account()
    for wave, kinds in enumerate(source.waves()):
        for kind in kinds:
            if kind in forbidden:
                continue
            try:
                for page in source.pages(kind, wave, crawled, None):
                    assert not page.gaps
                    crawled.add(kind, page.records)
                    crawled.reach(kind, wave, page.cursor)
                    recycled.update(page.recycled)
            except Forbidden as error:
                forbidden[kind] = error
    return crawled, forbidden, recycled


def truth(account: MockAccount, kind: Kind) -> list[Any]:
    return by_id(account.dicts(kind, trashed=False if kind in LIVE_ONLY else None))


def by_id(records: Any) -> list[Any]:
    found = {record["id"]: record for record in records}
    return [found[id_] for id_ in sorted(found)]


def decoded(crawled: MemoryCrawled, kind: Kind) -> list[Any]:
    return by_id(json.loads(record) for record in crawled.records(kind))


def without_always_given(records: list[Any], like: list[Any]) -> list[Any]:
    """A record read by its id has no more than the list's fields."""
    keys = {record["id"]: record.keys() for record in like}
    return [{key: value for key, value in record.items() if key in keys.get(record["id"], ())} for record in records]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_record_of_every_kind_is_the_account_s(seed: int) -> None:
    account = MockAccount(seed=seed, tasks=200)
    with MockServer(account) as server:
        source = open_source(server)
        crawled, forbidden, recycled = crawl(source)
        source.close()
    assert not forbidden
    for kind in Kind:
        assert decoded(crawled, kind) == truth(account, kind), kind
    live = {record["id"] for kind in LIVE_ONLY for record in account.dicts(kind, trashed=False)}
    assert recycled
    assert not recycled & live


def test_requests_are_close_to_the_fewest_that_the_api_allows() -> None:
    account = MockAccount(seed=4, tasks=3000)
    with MockServer(account) as server:
        source = open_source(server)
        crawled, _, _ = crawl(source)
        source.close()
        asked = server.requests.total
        count = server.requests.count
        assert count("GET /tasks") == -(-3000 // 1000)
        assert count("GET /account") == 1
        dependencies = len(list(crawled.ids(Kind.DEPENDENCIES)))
        assert count("GET /dependencies/{ids}") == -(-dependencies // 100)
        windows = count("GET /comments") + count("GET /attachments")
        lists = sum(-(-max(1, len(list(crawled.ids(kind)))) // 1000) for kind in Kind)
        looked_up = sum(number for what, number in server.requests.counts.items() if "{" in what)
    assert asked - looked_up <= 1.05 * (windows + lists + 1)
    assert looked_up <= 0.05 * asked + -(-dependencies // 100)


def test_every_file_is_the_account_s_byte_for_byte_also_over_redirects() -> None:
    account = MockAccount(seed=5, tasks=40)
    for redirects in (False, True):
        with MockServer(account, plan=Plan(redirects=redirects)) as server:
            source = open_source(server)
            files = list(account.files(versions=True))
            assert files
            for id_, name, size in files:
                with source.open_attachment(Attachment(id_, name, size)) as reader:
                    assert hashlib.sha256(reader.read()).hexdigest() == account.sha256(id_)
            assert not server.leaks
            source.close()


@pytest.mark.parametrize("kind", ["audit_log", "groups", "timelogs"])
def test_a_kind_that_the_plan_forbids_does_not_end_the_crawl(kind: str) -> None:
    account = MockAccount(seed=6, tasks=20)
    with MockServer(account, plan=Plan(forbidden=frozenset({kind}))) as server:
        source = open_source(server)
        crawled, forbidden, _ = crawl(source)
        source.close()
    assert set(forbidden) == {Kind(kind)}
    assert decoded(crawled, Kind.TASKS) == truth(account, Kind.TASKS)


def test_comments_are_complete_where_only_those_of_single_items_are_allowed() -> None:
    account = MockAccount(seed=7, tasks=40)
    with MockServer(account, plan=Plan(forbidden=frozenset({"account_comments"}))) as server:
        source = open_source(server)
        crawled, forbidden, _ = crawl(source)
        source.close()
    assert not forbidden
    live = {record["id"] for kind in LIVE_ONLY for record in account.dicts(kind, trashed=False)}
    expected = [
        record for record in truth(account, Kind.COMMENTS) if (record.get("taskId") or record.get("folderId")) in live
    ]
    assert decoded(crawled, Kind.COMMENTS) == expected


def test_folders_are_complete_where_the_filter_that_brings_whole_ones_is_refused() -> None:
    account = MockAccount(seed=9, tasks=400)
    with MockServer(account, plan=Plan(unknown_params=frozenset({("folders", "updatedDate")}))) as server:
        source = open_source(server)
        crawled, forbidden, _ = crawl(source)
        source.close()
        asked = server.requests.count("GET /folders"), server.requests.count("GET /folders/{ids}")
    assert not forbidden
    expected = truth(account, Kind.FOLDERS)
    assert without_always_given(decoded(crawled, Kind.FOLDERS), expected) == expected
    assert asked[0] == 2
    assert -(-len(expected) // 100) <= asked[1] <= -(-len(expected) // 100) + 1  # one more for what others name


def test_the_crawl_survives_what_a_bad_day_brings() -> None:
    account = MockAccount(seed=8, tasks=60)
    faults = [
        "rate-limit:path=/tasks,at=1,seconds=0",
        "status:path=/comments,every=5",
        "truncate:path=/attachments,at=2,bytes=9",
        "html:path=/folders,at=1",
        "corrupt-json:path=/timelogs,at=1",
        "drop:path=/contacts,at=2",
        "empty-body:path=/groups,at=1",
    ]
    with MockServer(account, faults=faults, plan=Plan(empty_last_page=True)) as server:
        source = open_source(server)
        crawled, forbidden, _ = crawl(source)
        source.close()
        assert server.faults.fired() >= 7
    assert not forbidden
    for kind in Kind:
        assert decoded(crawled, kind) == truth(account, kind), kind


def test_a_limited_server_is_never_asked_too_often() -> None:
    with MockServer(MockAccount(seed=1, tasks=20), rate=1200) as server:
        source = open_source(server, rate="1200/min")
        for _ in range(30):
            source.account()
        source.close()
        assert set(server.requests.statuses) == {200}


class TestContract(SourceContract):
    """What holds for every source."""

    @pytest.fixture
    def source(self) -> Iterator[WrikeSource]:  # type: ignore[override]
        with MockServer(MockAccount(seed=9, tasks=20, attachments=6)) as server:
            source = open_source(server)
            yield source
            source.close()
