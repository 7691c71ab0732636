"""The promises of a transform, as tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from wrikebackup_core.errors import NotOffered
from wrikebackup_core.model import Account, Attachment, Backup, Kind
from wrikebackup_core.ports import Check, Export, Page, Reader, Run, Source
from wrikebackup_core.testing.crawled import MemoryCrawled
from wrikebackup_core.testing.memory import MemoryReader, MemorySink
from wrikebackup_core.transforms import Artifact, Transform
from wrikebackup_core.witnesses import Silent, Witness

__all__ = ["TransformContract"]

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
SIZES = [0, 1, 1000, 65535, 65536, 65537, 300_001]
STEPS = [1009, 65536, 10**6]


class _EmptySource:
    """A source with nothing in it."""

    def account(self) -> Account:
        return Account("IEAAAEDY", "Example")

    def waves(self) -> list[list[Kind]]:
        return []

    def pages(self, kind: Kind, wave: int, crawled: object, cursor: str | None) -> Iterator[Page]:
        yield from ()

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        return MemoryReader(b"", 0)

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta()) -> Export:
        raise NotOffered("an empty source has no BI export")

    def export_edition(self) -> str:
        raise NotOffered("an empty source has no BI export")

    def checks(self) -> Iterator[Check]:
        yield from ()

    def close(self) -> None:
        pass


@dataclass
class _Run:
    profile: str = "example"
    account: Account = field(default_factory=lambda: Account("IEAAAEDY", "Example"))
    backup_uid: str = "20261123T153000Z-7f3a9c"
    started: datetime = NOW
    source: Source = field(default_factory=_EmptySource)
    crawled: MemoryCrawled = field(default_factory=MemoryCrawled)
    witness: Witness = field(default_factory=Silent)


class TransformContract:
    """Inherit it in a class called `Test…` and override the fixture `transform`; `run` too, if `add` needs an account with content.

    A transform that needs a key to decode is given one here.
    """

    @pytest.fixture
    def transform(self) -> Transform:
        raise NotImplementedError("a contract needs the fixture `transform`")

    @pytest.fixture
    def run(self) -> Run:
        return _Run()

    def encode(self, transform: Transform, data: bytes, step: int) -> bytes:
        sink = MemorySink()
        writer = transform.encode(sink.create("object"))
        for offset in range(0, len(data), step):
            piece = data[offset : offset + step]
            assert writer.write(piece) == len(piece)
        writer.commit()
        return sink.objects["object"]

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("size", SIZES)
    def test_decoding_gives_back_what_was_encoded(self, transform: Transform, size: int, step: int) -> None:
        data = bytes(i * 31 % 251 for i in range(size))
        stored = self.encode(transform, data, step)
        with transform.decode(MemoryReader(stored)) as reader:
            assert reader.read() == data
        with transform.decode(MemoryReader(stored)) as reader:
            assert b"".join(iter(lambda: reader.read(step), b"")) == data
            assert reader.read(1) == b""

    def test_bytes_that_change_are_told_by_the_name(self, transform: Transform) -> None:
        if self.encode(transform, b"plain", 5) != b"plain":
            assert transform.suffix.startswith(".")
        assert "/" not in transform.suffix

    def test_a_buffer_may_be_used_again_as_soon_as_it_was_written(self, transform: Transform) -> None:
        sink, buffer = MemorySink(), bytearray(b"first---")
        writer = transform.encode(sink.create("object"))
        writer.write(buffer)
        buffer[:] = b"second--"
        writer.write(memoryview(buffer)[:6])
        buffer[:] = b"garbage!"
        writer.commit()
        assert transform.decode(MemoryReader(sink.objects["object"])).read() == b"first---second"

    def test_commit_and_discard_are_passed_on(self, transform: Transform) -> None:
        sink = MemorySink()
        kept, dropped = transform.encode(sink.create("kept")), transform.encode(sink.create("dropped"))
        kept.write(b"data")
        dropped.write(b"data")
        assert sink.objects == {}
        dropped.discard()
        assert sink.unfinished() == ["kept"]
        kept.commit()
        assert list(sink.objects) == ["kept"]
        assert sink.unfinished() == []

    def test_what_it_adds_has_keys_of_its_own_inside_the_backup(self, transform: Transform, run: Run) -> None:
        keys = [item.key for item in transform.add(run) if isinstance(item, Artifact)]
        assert len({key.casefold() for key in keys}) == len(keys)
        for key in keys:
            assert "\\" not in key
            assert not set(key.split("/")) & {"", ".", ".."}
            assert all(len(part.encode()) + len(transform.suffix) <= 255 for part in key.split("/"))
            assert not key.endswith(".zip")
            assert key not in ("SHA256SUMS", "manifest.json")

    def test_what_it_adds_can_be_read_again(self, transform: Transform, run: Run) -> None:
        for item in transform.add(run):
            if isinstance(item, Artifact):
                first = b"".join(item.chunks())
                assert b"".join(item.chunks()) == first

    def test_it_votes_only_to_keep_backups_that_there_are(self, transform: Transform) -> None:
        starts = [NOW - timedelta(hours=13 * n) for n in reversed(range(60))]
        backups = [
            Backup(f"{start:%Y%m%dT%H%M%SZ}-7f3a9c", start, complete=None if n % 7 == 0 else n % 5 != 0)
            for n, start in enumerate(starts)
        ]
        votes = transform.keep(backups, NOW)
        assert set(votes) <= {backup.uid for backup in backups}
        assert all(reason for reason in votes.values())
        assert transform.keep(backups, NOW) == votes
        assert dict(transform.keep([], NOW)) == {}

    def test_the_description_is_json(self, transform: Transform) -> None:
        description = transform.describe()
        assert json.loads(json.dumps(description)) == description

    def test_it_says_its_kind(self, transform: Transform) -> None:
        assert transform.kind
