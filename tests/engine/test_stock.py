"""Whether the sinks can be written to is tried first; what they hold is read while the account is crawled."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.engine.conftest import ScriptedSource
from wrikebackup_core import Crawled, Kind, Page, Record, SinkError, Unauthorized
from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.job import Job
from wrikebackup_core.testing import MemorySink

SECONDS = 30.0
MakeJob = Callable[..., Job]


@pytest.fixture
def source() -> ScriptedSource:
    return Endless()


class Endless(ScriptedSource):
    """Tasks never end. `before_page` may wait."""

    before_page: Callable[[], object] = staticmethod(lambda: None)
    last = None

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        if kind is not Kind.TASKS:
            yield from super().pages(kind, wave, crawled, cursor)
            return
        for number in itertools.count() if self.last is None else range(self.last):
            self.before_page()
            yield Page([Record(json.dumps({"id": f"T{number:07d}"}).encode())], str(number))


def test_a_run_without_a_sink_to_write_to_ends_at_once_however_large_the_account(make_job: MakeJob) -> None:
    sinks = MemorySink("a"), MemorySink("b")
    for sink in sinks:
        sink.fail("list")
    with pytest.raises(SinkError, match="told to fail at list"):
        back_up(make_job(*sinks), lambda _: None)


def test_the_listing_does_not_wait_for_the_crawl(source: Endless, make_job: MakeJob) -> None:
    sink, listed = MemorySink(), threading.Event()
    sink.before = lambda operation, _: listed.set() if operation == "list" else None
    source.last, source.before_page = 3, lambda: listed.wait(SECONDS) or pytest.fail("nothing was listed")
    assert back_up(make_job(sink), lambda _: None).counts["tasks"] == 3


def test_a_crawl_that_fails_ends_the_run_and_leaves_the_sinks_alone(source: Endless, make_job: MakeJob) -> None:
    sink = MemorySink()
    source.refuse[Kind.CONTACTS] = Unauthorized("the token has expired")
    with pytest.raises(Unauthorized, match="expired"):
        back_up(make_job(sink), lambda _: None)
    assert (sink.objects, sink.unfinished(), sink.calls["delete"]) == ({}, [], 1)  # of the lease


def test_a_sink_that_cannot_be_written_to_is_found_out_before_anything_is_read(
    source: Endless, make_job: MakeJob
) -> None:
    sink = MemorySink()
    sink.fail("create")
    with pytest.raises(SinkError, match="told to fail at create"):
        back_up(make_job(sink), lambda _: None)
    assert source.asked.keys() == {"account"}


def test_trying_a_sink_leaves_nothing_in_it(source: Endless, make_job: MakeJob) -> None:
    source.last, sink = 1, MemorySink()
    sink.fail("sweep")  # the next thing that is asked of it
    with pytest.raises(SinkError, match="told to fail at sweep"):
        back_up(make_job(sink), lambda _: None)
    assert sink.calls["create"] == 2  # the lease too
    assert (sink.objects, sink.unfinished()) == ({}, [])


def test_one_sink_of_two_that_cannot_be_listed_is_told_of_and_left_out(source: Endless, make_job: MakeJob) -> None:
    source.last = 2
    good, bad = MemorySink("good"), MemorySink("bad")
    bad.fail("list")
    outcome = back_up(make_job(bad, good), lambda _: None)
    assert outcome.sinks == {"memory:bad": "told to fail at list", "memory:good": None}
