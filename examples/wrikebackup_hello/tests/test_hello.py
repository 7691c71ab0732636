"""The contracts of the three ports, inherited; and what is special to this plugin."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from wrikebackup_hello.sink import HelloSink
from wrikebackup_hello.source import HelloSource
from wrikebackup_hello.transform import HelloTransform

from wrikebackup_core import Kind, SourceError
from wrikebackup_core.testing import MemoryCrawled, SinkContract, SourceContract, TransformContract, crawl


class TestSource(SourceContract):
    @pytest.fixture
    def source(self):
        return HelloSource()


class TestSink(SinkContract):
    @pytest.fixture
    def sink(self, tmp_path):
        sink = HelloSink(str(tmp_path / "store.sqlite3"))
        yield sink
        sink.close()

    def leftovers(self, sink):
        return sink.run("SELECT DISTINCT token FROM piece WHERE token NOT IN (SELECT token FROM object)")


class TestTransform(TransformContract):
    @pytest.fixture
    def transform(self):
        return HelloTransform()


def test_the_example_account_is_complete():
    crawled, forbidden = crawl(HelloSource())
    counts = {kind.value: len(list(crawled.ids(kind))) for kind in Kind if list(crawled.ids(kind))}
    assert counts == {"account": 1, "contacts": 2, "folders": 2, "tasks": 3, "comments": 1, "attachments": 1}
    assert forbidden == {}


def test_another_folder_is_another_account(tmp_path: Path):
    (tmp_path / "account.json").write_text(json.dumps([{"id": "IEAAAAAB", "name": "Other"}]))
    assert HelloSource(str(tmp_path)).account().name == "Other"
    (tmp_path / "account.json").write_text("{")
    with pytest.raises(SourceError, match=r"cannot read .*account.json"):
        HelloSource(str(tmp_path)).account()


def test_a_store_can_be_opened_again(tmp_path: Path):
    path = str(tmp_path / "store.sqlite3")
    first = HelloSink(path)
    writer = first.create("a/b")
    writer.write(b"data")
    writer.commit()
    first.create("a/unfinished").write(b"half")
    first.close()
    second = HelloSink(path)
    assert [entry.key for entry in second.list("")] == ["a/b"]
    assert second.open("a/b").read() == b"data"
    second.close()


def test_the_readme_greets_and_counts():
    class Run:
        account, started, crawled = HelloSource().account(), datetime(2026, 5, 9, tzinfo=UTC), MemoryCrawled()

    Run.crawled.add(Kind.TASKS, [b'{"id": "IEAAAEDYKQAAAAAV"}'])
    (artifact,) = HelloTransform("Good morning").add(Run())
    text = b"".join(artifact.chunks()).decode()
    assert text.startswith("Good morning!\n")
    assert "Hello Inc. (IEAAAEDY)" in text
    assert "It holds 1 task." in text
