"""The source kind `mock`."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from pydantic import ValidationError

from wrikebackup_core import Attachment, Context, Forbidden, Kind, NotFound, Source
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemoryCrawled, SourceContract, crawl
from wrikebackup_mock import MockOptions
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.source import MockSource


class TestMockSource(SourceContract):
    @pytest.fixture
    def source(self) -> Source:
        return MockSource(MockAccount(tasks=20, attachments=8, comments=1200))


def test_it_brings_the_whole_truth_but_for_what_lies_in_the_bin() -> None:
    account = MockAccount(tasks=60, generation=1)
    crawled, forbidden = crawl(MockSource(account))
    assert not forbidden
    for kind in Kind:
        trashed = False if kind in (Kind.FOLDERS, Kind.TASKS) else None
        assert list(crawled.records(kind)) == list(account.records(kind, trashed=trashed)), kind


def test_it_tells_which_folders_and_tasks_lie_in_the_bin() -> None:
    account = MockAccount()
    source = MockSource(account)
    for kind in Kind:
        told = {name for page in source.pages(kind, 0, MemoryCrawled(), None) for name in page.recycled}
        binned = {msgspec.json.decode(record)["id"] for record in account.records(kind, trashed=True)}
        assert told == (binned if kind in (Kind.FOLDERS, Kind.TASKS) else set())


def test_a_page_says_how_many_there_are_in_all() -> None:
    source = MockSource(MockAccount(comments=2500))
    pages = list(source.pages(Kind.COMMENTS, 0, MemoryCrawled(), None))
    assert [len(page.records) for page in pages][:-1] == [1000, 1000]
    assert {page.total for page in pages} == {sum(len(page.records) for page in pages)}


def test_a_kind_without_records_has_one_empty_page() -> None:
    source = MockSource(MockAccount(comments=0))
    (page,) = source.pages(Kind.COMMENTS, 0, MemoryCrawled(), None)
    assert page.records == []
    assert page.total == 0


def test_files_are_those_of_the_account_also_from_an_offset() -> None:
    account = MockAccount()
    source = MockSource(account)
    for name, title, size in account.files(versions=True, trashed=True):
        with source.open_attachment(Attachment(name, title, size)) as reader:
            assert hashlib.sha256(reader.read()).hexdigest() == account.sha256(name)
        with source.open_attachment(Attachment(name, title, size), size + 10) as reader:
            assert (reader.start, reader.read()) == (size, b"")


def test_a_file_that_wrike_only_links_to_is_not_found() -> None:
    account = MockAccount()
    external = next(each for each in account.dicts(Kind.ATTACHMENTS) if each["type"] == "Box")
    with pytest.raises(NotFound):
        MockSource(account).open_attachment(Attachment(external["id"], external["name"], None))


def test_a_forbidden_kind_is_forbidden_and_others_are_not() -> None:
    source = MockSource(MockAccount(), forbidden=frozenset({Kind.GROUPS}))
    _, forbidden = crawl(source)
    assert set(forbidden) == {Kind.GROUPS}
    with pytest.raises(Forbidden):
        list(source.pages(Kind.GROUPS, 0, MemoryCrawled(), None))
    assert [check.ok for check in source.checks()] == [True, False]


def test_a_profile_makes_it() -> None:
    plugins = Plugins.load()
    options = plugins.sources["mock"].options.model_validate(
        {"seed": 7, "tasks": 100, "attachment_size": "100KB", "forbid": ["audit_log"]}
    )
    source = plugins.make_source("mock", options, Context(secret=lambda reference: ""))
    assert isinstance(source, MockSource)
    assert source.account() == MockAccount(7).account
    crawled, forbidden = crawl(source)
    assert set(forbidden) == {Kind.AUDIT_LOG}
    sizes = [msgspec.json.decode(record)["size"] for record in crawled.records(Kind.ATTACHMENTS)]
    assert set(sizes) == {100_000, 0, -1}


@pytest.mark.parametrize(
    "options",
    [{"sed": 1}, {"tasks": 3}, {"tasks": 10**7}, {"attachment_size": "big"}, {"forbid": ["cats"]}, {"generation": -1}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MockOptions.model_validate(options)


def test_every_option_is_described() -> None:
    properties = MockOptions.model_json_schema()["properties"]
    assert all(each.get("description") for each in properties.values())
