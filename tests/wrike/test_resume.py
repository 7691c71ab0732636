"""A crawl killed after any page goes on without a request repeated, and ends with the same records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.wrike.crawling import MakeSource
from wrikebackup_core import Kind
from wrikebackup_core.testing import MemoryCrawled
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan
from wrikebackup_wrike.crawl import queries
from wrikebackup_wrike.source import WrikeSource


@pytest.fixture(params=["all", "no account-wide comments"])
def mock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    small = {"pageSize": "7"}
    pages = {
        kind: tuple(queries.replace(q, params={**q.params, **small}) if "pageSize" in q.params else q for q in listings)
        for kind, listings in queries.LISTINGS.items()
    }
    for kind, listings in pages.items():
        monkeypatch.setitem(queries.LISTINGS, kind, listings)
    plan = Plan() if request.param == "all" else Plan(forbidden=frozenset({"account_comments"}))
    with MockServer(MockAccount(seed=11, tasks=20), plan=plan) as server:
        yield server


def what(server: MockServer) -> Counter[tuple[str, str]]:
    """Every request, but for the one that each life begins with."""
    asked = [entry for entry in server.requests if not entry.path.endswith("/account")]
    return Counter((entry.path, json.dumps(entry.query, sort_keys=True)) for entry in asked)


def open_source(make_source: MakeSource, server: MockServer, **options: object) -> WrikeSource:
    source = make_source(server.base_url, **options)
    source._api.tokens._token = server.token  # type: ignore[attr-defined]
    return source


class Survives:
    """What outlives a killed program: the records, and the last cursor of each listing."""

    def __init__(self) -> None:
        self.crawled = MemoryCrawled()
        self._cursors: dict[tuple[int, Kind], str] = {}
        self._finished: set[tuple[int, Kind]] = set()

    def live(self, source: WrikeSource, pages: int) -> bool:
        """Reads that many pages and dies; whether the crawl came to its end before."""
        source.account()
        for wave, kinds in enumerate(source.waves()):
            for kind in kinds:
                if (wave, kind) not in self._finished:
                    pages = self._read(source, wave, kind, pages)
                    if not pages:
                        return False
                    self._finished.add((wave, kind))
        return True

    def _read(self, source: WrikeSource, wave: int, kind: Kind, left: int) -> int:
        pages = source.pages(kind, wave, self.crawled, self._cursors.get((wave, kind)))
        for page in pages:
            self.crawled.add(kind, page.records)
            self._cursors[wave, kind] = page.cursor
            self.crawled.reach(kind, wave, page.cursor)
            left -= 1
            if not left:
                pages.close()  # type: ignore[attr-defined]
                break
        return left


def crawl_in_lives(make_source: MakeSource, server: MockServer, pages_a_life: int) -> MemoryCrawled:
    """One request at a time is in flight, so that whatever is asked for twice was asked for in vain."""
    survives, ended = Survives(), False
    while not ended:
        source = open_source(make_source, server, concurrency=1)
        ended = survives.live(source, pages_a_life)
        source.close()
    return survives.crawled


def test_a_crawl_of_many_lives_equals_one_of_a_single_life(mock: MockServer, make_source: MakeSource) -> None:
    whole = crawl_in_lives(make_source, mock, 10**9)
    once = what(mock)
    assert max(once.values()) == 1
    for pages_a_life in (1, 3):
        mock.requests.clear()
        again = crawl_in_lives(make_source, mock, pages_a_life)
        for kind in Kind:
            assert sorted(again.records(kind)) == sorted(whole.records(kind)), kind
        repeated = {request: count for request, count in what(mock).items() if count > 1}
        # A kind refused as a whole is refused again in each life that has not got a page of it yet.
        assert {path for path, _ in repeated} <= {"/api/v4/comments", "/comments"}
        windows_moved = {path for path, _ in (what(mock) - once)} - {"/api/v4/comments", "/comments"}
        assert windows_moved <= {"/api/v4/attachments", "/attachments"}
