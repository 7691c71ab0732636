"""The contracts are worth inheriting: a part with a typical defect does not pass them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wrikebackup_core import Account, Artifact, Attachment, Backup, Entry, Kind, Page, Reader, Record, Run, Transform
from wrikebackup_core.testing import (
    LockingContract,
    MemoryCrawled,
    MemoryReader,
    MemorySink,
    SinkContract,
    SourceContract,
    TransformContract,
)


def breaks(test: Callable[..., None], *arguments: object) -> None:
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        test(*arguments)
    assert not isinstance(caught.value, TypeError | AttributeError), "broken in another way than meant"


class Wrapped:
    """A writer that does everything right; defects override a part."""

    def __init__(self, sink: MemorySink, key: str) -> None:
        self.sink, self.key, self.inner = sink, key, MemorySink.create(sink, key)

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        return self.inner.write(data)

    def commit(self) -> None:
        self.inner.commit()

    def discard(self) -> None:
        self.inner.discard()


class Replaces(MemorySink):
    def create(self, key: str) -> Any:
        self.objects.pop(key, None)
        return super().create(key)


class ReplacesAtCommit(MemorySink):
    def create(self, key: str) -> Any:
        sink = self

        class Writer(Wrapped):
            def commit(self) -> None:
                sink.objects.pop(key, None)
                super().commit()

        return Writer(self, key)


class ShowsUnfinished(MemorySink):
    def create(self, key: str) -> Any:
        sink = self

        class Writer(Wrapped):
            def write(self, data: bytes | bytearray | memoryview, /) -> int:
                sink.objects[key] = bytes(data)
                return len(data)

            def commit(self) -> None:
                pass

        return Writer(self, key)


class PublishesOnDiscard(MemorySink):
    def create(self, key: str) -> Any:
        class Writer(Wrapped):
            def discard(self) -> None:
                self.inner.commit()

        return Writer(self, key)


class KeepsTheBuffer(MemorySink):
    def create(self, key: str) -> Any:
        class Writer(Wrapped):
            def __init__(self, sink: MemorySink, key: str) -> None:
                super().__init__(sink, key)
                self.pieces: list[Any] = []

            def write(self, data: bytes | bytearray | memoryview, /) -> int:
                self.pieces.append(data)
                return len(data)

            def commit(self) -> None:
                self.inner.write(b"".join(self.pieces))
                self.inner.commit()

        return Writer(self, key)


class ListsByString(MemorySink):
    def list(self, prefix: str) -> Iterator[Entry]:
        return iter([Entry(key, len(data)) for key, data in self.objects.items() if key.startswith(prefix)])


class IgnoresTheOffset(MemorySink):
    def open(self, key: str, offset: int = 0) -> MemoryReader:
        return super().open(key)


class MissesAtDelete(MemorySink):
    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            del self.objects[key]


class SweepsTooMuch(MemorySink):
    def sweep(self, prefix: str) -> None:
        self.objects.clear()


class SweepsNothing(MemorySink):
    def sweep(self, prefix: str) -> None:
        pass


class LeavesAProbe(MemorySink):
    def checks(self) -> Iterator[Any]:
        self.objects["probe"] = b""
        return super().checks()


class TakesAnyKey(MemorySink):
    def create(self, key: str) -> Any:
        return super().create(key.replace("..", "_").strip("/.") or "x")


class WithLeftovers(SinkContract):
    def leftovers(self, sink: Any) -> list[str]:
        return sink.unfinished()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("sink", "test"),
    [
        (Replaces, WithLeftovers.test_a_key_that_exists_is_refused_and_kept),
        (ReplacesAtCommit, WithLeftovers.test_of_two_writers_of_a_key_the_first_to_commit_wins),
        (ReplacesAtCommit, WithLeftovers.test_a_race_for_a_key_has_one_winner),
        (ShowsUnfinished, WithLeftovers.test_an_object_cannot_be_seen_before_its_commit),
        (ShowsUnfinished, WithLeftovers.test_an_abandoned_object_does_not_exist),
        (ShowsUnfinished, WithLeftovers.test_a_large_object_written_in_chunks_is_whole),
        (PublishesOnDiscard, WithLeftovers.test_a_discarded_object_leaves_nothing_behind),
        (KeepsTheBuffer, WithLeftovers.test_a_buffer_may_be_used_again_as_soon_as_it_was_written),
        (ListsByString, WithLeftovers.test_a_prefix_is_a_folder),
        (MissesAtDelete, WithLeftovers.test_delete_takes_the_keys_and_their_empty_folders_and_nothing_else),
        (SweepsTooMuch, WithLeftovers.test_sweep_removes_what_killed_writers_left_and_nothing_else),
        (SweepsNothing, WithLeftovers.test_sweep_removes_what_killed_writers_left_and_nothing_else),
        (LeavesAProbe, WithLeftovers.test_checks_tell_that_all_is_well_and_leave_nothing_behind),
    ],
)
def test_a_defect_of_a_sink_is_caught(sink: type[MemorySink], test: Callable[..., None]) -> None:
    breaks(test, WithLeftovers(), sink())


def test_a_sink_that_ignores_offsets_or_takes_any_key_is_caught() -> None:
    breaks(SinkContract.test_reading_can_begin_at_an_offset, SinkContract(), IgnoresTheOffset(), 5)
    breaks(SinkContract.test_what_is_no_relative_path_is_refused, SinkContract(), TakesAnyKey(), "../up")


class NamesEveryFolder(MemorySink):
    def folders(self, prefix: str) -> Iterator[str]:
        return iter(sorted({part for key in self.objects for part in key.split("/")[:-1]}))


def test_a_sink_that_names_the_wrong_folders_is_caught() -> None:
    contract = SinkContract()
    breaks(contract.test_folders_can_be_named_without_listing_all_that_is_in_them, NamesEveryFolder())


class LocksNothing(MemorySink):
    def delete(self, keys: Iterable[str]) -> None:
        self.locks.clear()
        super().delete(keys)


class DeletesInSilence(MemorySink):
    def delete(self, keys: Iterable[str]) -> None:
        pass


class ProlongsNothing(MemorySink):
    def prolong(self, keys: Iterable[str]) -> None:
        pass


class ProlongsTheFirst(MemorySink):
    def prolong(self, keys: Iterable[str]) -> None:
        super().prolong(list(keys)[:1])


class ProlongsToADate(MemorySink):
    """Whatever was before."""

    def prolong(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.locks.pop(key, None)
            super().prolong([key])


class LocksWhatIsNotThere(MemorySink):
    def locked(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        return dict.fromkeys(keys, datetime.now(UTC) + timedelta(days=1))


class LocksAlways(MemorySink):
    def __init__(self, lock_days: int | None) -> None:
        super().__init__(lock_days=lock_days or 1)


@pytest.mark.parametrize(
    ("sink", "test"),
    [
        (LocksNothing, LockingContract.test_a_locked_key_cannot_be_deleted_and_is_kept),
        (DeletesInSilence, LockingContract.test_a_locked_key_cannot_be_deleted_and_is_kept),
        (LocksWhatIsNotThere, LockingContract.test_keys_that_are_not_there_are_passed_over),
    ],
)
def test_a_defect_of_a_lock_is_caught(sink: type[MemorySink], test: Callable[..., None]) -> None:
    breaks(test, LockingContract(), sink(lock_days=30))


@pytest.mark.parametrize(
    ("sink", "test"),
    [
        (ProlongsNothing, LockingContract.test_prolonging_locks_old_keys_as_long_as_a_new_one),
        (ProlongsTheFirst, LockingContract.test_prolonging_locks_old_keys_as_long_as_a_new_one),
        (ProlongsToADate, LockingContract.test_prolonging_never_shortens),
    ],
)
def test_a_defect_in_prolonging_is_caught(sink: type[MemorySink], test: Callable[..., None]) -> None:
    short, longer = sink(lock_days=30), sink(lock_days=60)
    longer.objects, longer.locks = short.objects, short.locks
    breaks(test, LockingContract(), short, longer)


def test_a_lock_that_nobody_asked_for_is_caught() -> None:
    breaks(LockingContract.test_without_a_lock_in_the_profile_nothing_is_locked, LockingContract(), LocksAlways(None))


NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Small:
    """A source of three tasks in three pages and one attachment."""

    records: Sequence[Record] = tuple(Record(b'{"id":"IEAAAEDYKQAAAAA%d"}' % number) for number in range(3))
    file = Record(b'{"id":"IEAAAEDYIYAAAABJ","name":"a.txt","type":"Wrike","size":10}')

    def account(self) -> Account:
        return Account("IEAAAEDY", "Small")

    def waves(self) -> Sequence[Sequence[Kind]]:
        return [[Kind.TASKS, Kind.ATTACHMENTS]]

    def pages(self, kind: Kind, wave: int, crawled: Any, cursor: str | None) -> Iterator[Page]:
        records = self.records if kind == Kind.TASKS else [self.file]
        for number in range(int(cursor or 0), len(records)):
            yield Page([records[number]], cursor=str(number + 1))

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        return MemoryReader(b"0123456789", offset)


def test_a_source_without_defects_passes() -> None:
    contract, source = SourceContract(), Small()
    contract.test_a_crawl_goes_on_after_any_page(source)  # type: ignore[arg-type]
    contract.test_every_record_is_one_json_object_on_one_line(source)  # type: ignore[arg-type]
    contract.test_attachments_are_read_whole(source)  # type: ignore[arg-type]
    contract.test_an_attachment_can_be_read_on_from_an_offset(source)  # type: ignore[arg-type]


class SkipsAfterACursor(Small):
    def pages(self, kind: Kind, wave: int, crawled: Any, cursor: str | None) -> Iterator[Page]:
        pages = super().pages(kind, wave, crawled, cursor)
        if cursor is not None:
            next(pages, None)
        return pages


class TwoOnALine(Small):
    records = (Record(b'[{"id":"1"}]'),)


class WithANewline(Small):
    records = (Record(b'{"id":"1"}\n'),)


class Short(Small):
    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        return MemoryReader(b"0123", offset, size=None)


class LiesAboutTheStart(Small):
    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        reader = MemoryReader(b"0123456789", 0)
        reader.start = offset
        return reader


@pytest.mark.parametrize(
    ("source", "test"),
    [
        (SkipsAfterACursor, SourceContract.test_a_crawl_goes_on_after_any_page),
        (TwoOnALine, SourceContract.test_every_record_is_one_json_object_on_one_line),
        (WithANewline, SourceContract.test_every_record_is_one_json_object_on_one_line),
        (Short, SourceContract.test_attachments_are_read_whole),
        (LiesAboutTheStart, SourceContract.test_an_attachment_can_be_read_on_from_an_offset),
        (Small, SourceContract.test_an_attachment_that_is_not_there_is_not_found),
    ],
)
def test_a_defect_of_a_source_is_caught(source: type[Small], test: Callable[..., None]) -> None:
    breaks(test, SourceContract(), source())


class TestTheBaseClassOfTransforms(TransformContract):
    """A transform that overrides nothing changes nothing."""

    @pytest.fixture
    def transform(self) -> Transform:
        transform = Transform()
        transform.kind = "nothing"
        return transform


class Forgetful(Transform):
    """Loses the last byte of every write but the first."""

    def encode(self, target: Any) -> Any:
        class Writer:
            first = True

            def write(self, data: bytes) -> int:
                target.write(data if self.first else data[:-1])
                self.first = False
                return len(data)

            commit, discard = target.commit, target.discard

        return Writer()


class CommitsOnDiscard(Transform):
    def encode(self, target: Any) -> Any:
        class Writer:
            write, commit, discard = target.write, target.commit, target.commit

        return Writer()


class Shouts(Transform):
    """Changes the bytes without saying so in the name."""

    def encode(self, target: Any) -> Any:
        class Writer:
            commit, discard = target.commit, target.discard

            def write(self, data: bytes) -> int:
                return int(target.write(bytes(data).upper()))

        return Writer()


class AddsOutside(Transform):
    def add(self, run: Run) -> Iterator[Artifact]:
        yield Artifact("../manifest.json", lambda: iter([b""]))


class AddsOnce(Transform):
    def add(self, run: Run) -> Iterator[Artifact]:
        pieces = iter([b"once"])
        yield Artifact("once.txt", lambda: pieces)


class VotesForGhosts(Transform):
    def keep(self, backups: Sequence[Backup], now: datetime) -> Mapping[str, str]:
        return {"20200101T000000Z-ghost0": "daily"}


class DescribesATime(Transform):
    def describe(self) -> dict[str, object]:
        return {"when": NOW}


@pytest.mark.parametrize(
    ("transform", "test", "more"),
    [
        (Forgetful, TransformContract.test_decoding_gives_back_what_was_encoded, (1000, 300)),
        (CommitsOnDiscard, TransformContract.test_commit_and_discard_are_passed_on, ()),
        (Shouts, TransformContract.test_bytes_that_change_are_told_by_the_name, ()),
        (AddsOutside, TransformContract.test_what_it_adds_has_keys_of_its_own_inside_the_backup, (None,)),
        (AddsOnce, TransformContract.test_what_it_adds_can_be_read_again, (None,)),
        (VotesForGhosts, TransformContract.test_it_votes_only_to_keep_backups_that_there_are, ()),
    ],
)
def test_a_defect_of_a_transform_is_caught(
    transform: type[Transform], test: Callable[..., None], more: tuple[object, ...]
) -> None:
    breaks(test, TransformContract(), transform(), *more)


def test_a_description_that_is_no_json_is_caught() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        TransformContract().test_the_description_is_json(DescribesATime())


def test_crawled_in_memory_answers_like_the_spool() -> None:
    crawled = MemoryCrawled()
    crawled.add(Kind.COMMENTS, [Record(b'{"id":"c1","taskId":"t1"}'), Record(b'{"id":"c2","folderId":"f1"}')])
    crawled.add(Kind.COMMENTS, [Record(b'{"id":"c1","taskId":"t2"}'), Record(b'{"no":"id"}')])
    assert list(crawled.ids(Kind.COMMENTS)) == ["c1", "c2"]
    assert list(crawled.parents(Kind.COMMENTS)) == ["t2", "f1"]
    assert crawled.missing(Kind.COMMENTS, ["x", "c1", "x", "y"]) == ["x", "y"]
    assert len(list(crawled.records(Kind.COMMENTS))) == 3
