"""The promises of a sink, as tests."""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import pytest

from wrikebackup_core.errors import AlreadyExists, KeyNotFound, SinkError
from wrikebackup_core.ports import Browsing, Naming, Sink

__all__ = ["SinkContract"]

AWKWARD_NAMES = [
    "two words.txt",
    "hash#mark",
    "question?mark",
    "100%25 %2F.txt",
    "semi;colon,comma=equals&and+plus",
    "quotes'`brackets[]{}()",
    "back tick ~tilde $dollar @at !bang ^hat",
    "Grüße, 世界 😀.txt",
    ".leading-dot",
    "-leading-dash",
    "two  spaces",
    "UPPER.TXT",
    "n" * 255,
    "é" * 127,  # 254 bytes in UTF-8
]
# Names that Windows cannot hold; nothing that wrikebackup itself stores is called so.
NOT_ON_WINDOWS = {"question?mark"}
OUTSIDE = ["", "/", "/etc/passwd", "../up", "a/../../up", "a/..", "a//b", "a/", "./a", "a/./b", "nul\0byte"]


class SinkContract:
    """Inherit it in a class called `Test…` and override the fixture `sink` with a new, empty store.

    Override `leftovers` too where a test can look into the store behind the sink's back.
    """

    awkward_names: Collection[str] = AWKWARD_NAMES
    """Names that the store must hold; take some out only where its own rules forbid them."""

    @pytest.fixture
    def sink(self) -> Sink:
        raise NotImplementedError("a contract needs the fixture `sink`: a new, empty store")

    def leftovers(self, sink: Sink) -> Collection[str]:
        """Whatever lies in the store and is no committed object: temporary files, pending uploads, empty folders."""
        return ()

    def put(self, sink: Sink, key: str, data: bytes = b"content") -> None:
        writer = sink.create(key)
        if data:
            assert writer.write(data) == len(data)
        writer.commit()

    def get(self, sink: Sink, key: str) -> bytes:
        with sink.open(key) as reader:
            return reader.read()

    def keys(self, sink: Sink, prefix: str = "") -> list[str]:
        return sorted(entry.key for entry in sink.list(prefix))

    # Writing

    def test_a_committed_object_is_there_with_exactly_its_bytes(self, sink: Sink) -> None:
        self.put(sink, "account-A/one.bin", b"\x00\r\n\xff" * 1000)
        assert self.get(sink, "account-A/one.bin") == b"\x00\r\n\xff" * 1000
        assert [(entry.key, entry.size) for entry in sink.list("")] == [("account-A/one.bin", 4000)]
        assert not self.leftovers(sink)

    def test_an_object_cannot_be_seen_before_its_commit(self, sink: Sink) -> None:
        writer = sink.create("a/b")
        writer.write(b"half" * 100_000)
        assert self.keys(sink) == []
        with pytest.raises(KeyNotFound):
            sink.open("a/b")
        writer.commit()
        assert self.keys(sink) == ["a/b"]

    def test_a_discarded_object_leaves_nothing_behind(self, sink: Sink) -> None:
        self.put(sink, "a/other")
        writer = sink.create("a/b")
        writer.write(b"half")
        writer.discard()
        assert self.keys(sink) == ["a/other"]
        assert not self.leftovers(sink)
        self.put(sink, "a/b", b"second try")
        assert self.get(sink, "a/b") == b"second try"

    def test_an_abandoned_object_does_not_exist(self, sink: Sink) -> None:
        writer = sink.create("a/b")
        writer.write(b"half")
        del writer
        gc.collect()
        assert self.keys(sink) == []
        self.put(sink, "a/b", b"second try")
        assert self.get(sink, "a/b") == b"second try"

    def test_an_empty_object_is_an_object(self, sink: Sink) -> None:
        self.put(sink, "a/empty", b"")
        assert [(entry.key, entry.size) for entry in sink.list("a")] == [("a/empty", 0)]
        assert self.get(sink, "a/empty") == b""

    def test_a_large_object_written_in_chunks_is_whole(self, sink: Sink) -> None:
        chunk = hashlib.sha256(b"seed").digest() * 4097  # no multiple of any block size
        writer, written = sink.create("a/large"), hashlib.sha256()
        for _ in range(100):
            assert writer.write(chunk) == len(chunk)
            written.update(chunk)
        writer.commit()
        read = hashlib.sha256()
        with sink.open("a/large") as reader:
            assert reader.size == 100 * len(chunk)
            while piece := reader.read(1 << 20):
                assert len(piece) <= 1 << 20
                read.update(piece)
        assert read.digest() == written.digest()

    def test_a_buffer_may_be_used_again_as_soon_as_it_was_written(self, sink: Sink) -> None:
        buffer = bytearray(b"first---")
        writer = sink.create("a/b")
        assert writer.write(buffer) == 8
        buffer[:] = b"second--"
        assert writer.write(memoryview(buffer)[:6]) == 6
        buffer[:] = b"garbage!"
        assert writer.write(b"") == 0
        writer.commit()
        assert self.get(sink, "a/b") == b"first---second"

    # Never twice

    def test_a_key_that_exists_is_refused_and_kept(self, sink: Sink) -> None:
        self.put(sink, "a/b", b"first")
        with pytest.raises(AlreadyExists):
            self.put(sink, "a/b", b"second, and longer")
        assert self.get(sink, "a/b") == b"first"

    def test_of_two_writers_of_a_key_the_first_to_commit_wins(self, sink: Sink) -> None:
        early, late = sink.create("a/b"), sink.create("a/b")
        early.write(b"early")
        late.write(b"late")
        late.commit()
        with pytest.raises(AlreadyExists):
            early.commit()
        early.discard()
        assert self.get(sink, "a/b") == b"late"
        assert not self.leftovers(sink)

    def test_a_race_for_a_key_has_one_winner(self, sink: Sink) -> None:
        start = threading.Barrier(8, timeout=60)

        def compete(number: int) -> int | None:
            writer = None
            try:
                writer = sink.create("race/goal")
                writer.write(b"%d" % number * 1000)
            except AlreadyExists:
                pass  # a store may let only one begin
            start.wait()
            try:
                if writer is not None:
                    writer.commit()
                    return number
            except AlreadyExists:
                pass
            return None

        for _ in range(5):
            with ThreadPoolExecutor(8) as pool:
                winners = [number for number in pool.map(compete, range(8)) if number is not None]
            assert len(winners) == 1
            assert self.get(sink, "race/goal") == b"%d" % winners[0] * 1000
            sink.delete(["race/goal"])

    # Reading

    @pytest.mark.parametrize("offset", [0, 1, 5, 9, 10])
    def test_reading_can_begin_at_an_offset(self, sink: Sink, offset: int) -> None:
        self.put(sink, "a/b", b"0123456789")
        with sink.open("a/b", offset) as reader:
            assert (reader.size, reader.start) == (10, offset)
            assert reader.read(3) == b"0123456789"[offset : offset + 3]
            assert reader.read() == b"0123456789"[offset + 3 :]
            assert reader.read(1) == reader.read() == b""

    def test_a_reader_may_be_closed_twice(self, sink: Sink) -> None:
        self.put(sink, "a/b")
        reader = sink.open("a/b")
        reader.close()
        reader.close()

    def test_a_key_that_is_not_there_cannot_be_opened(self, sink: Sink) -> None:
        self.put(sink, "folder/object")
        for key in ("nothing", "folder/nothing", "folder", "folder/object/below", "no/such/folder"):
            with pytest.raises(KeyNotFound):
                sink.open(key)

    # Listing

    def test_a_prefix_is_a_folder(self, sink: Sink) -> None:
        keys = ["a/one", "a/deep/er/and/deeper/two", "ab/three", "four", "a.txt"]
        for key in keys:
            self.put(sink, key)
        assert self.keys(sink) == sorted(keys)
        assert self.keys(sink, "a") == self.keys(sink, "a/") == ["a/deep/er/and/deeper/two", "a/one"]
        assert self.keys(sink, "a/deep") == ["a/deep/er/and/deeper/two"]
        for prefix in ("nothing", "a/nothing", "a/one", "four"):
            assert self.keys(sink, prefix) == []

    def test_folders_can_be_named_without_listing_all_that_is_in_them(self, sink: Sink) -> None:
        """Where the sink is `Browsing`: others can only list everything."""
        if not isinstance(sink, Browsing):
            return
        for key in ("a/one", "a/b/two", "a/b/deep/er/three", "a/c/four", "ab/five", "six"):
            self.put(sink, key)
        assert sorted(sink.folders("")) == ["a", "ab"]
        assert sorted(sink.folders("a")) == sorted(sink.folders("a/")) == ["b", "c"]
        assert list(sink.folders("a/b")) == ["deep"]
        for prefix in ("nothing", "a/nothing", "six", "a/c"):
            assert list(sink.folders(prefix)) == []
        for name in self.awkward_names:
            self.put(sink, f"names/{name}/inside")
        assert sorted(sink.folders("names")) == sorted(self.awkward_names)

    def test_names_without_sizes_are_those_of_the_listing(self, sink: Sink) -> None:
        """Where the sink is `Naming`."""
        if not isinstance(sink, Naming):
            return
        for key in ("a/one", "a/b/two", "ab/three", "four", *(f"a/{name}" for name in self.awkward_names)):
            self.put(sink, key)
        for prefix in ("", "a", "a/b", "nothing", "four"):
            below = f"{prefix}/" if prefix else ""
            found = dict[str, int]()
            with sink.names(prefix) as listed:
                for some, sizes in listed:
                    places = range(len(some))[::-1]
                    found |= {below + some[at]: size for at, size in zip(places, sizes(places), strict=True)}
                    assert list(sizes([])) == []
            assert found == {entry.key: entry.size for entry in sink.list(prefix)}

    def test_awkward_names_are_kept_as_they_are(self, sink: Sink) -> None:
        keys = [f"account/{name}" for name in self.awkward_names] + [f"{name}/inside" for name in self.awkward_names]
        for key in keys:
            self.put(sink, key, key.encode())
        assert self.keys(sink) == sorted(keys)
        for key in keys:
            assert self.get(sink, key) == key.encode()
        sink.delete(keys)
        assert self.keys(sink) == []

    @pytest.mark.parametrize("key", OUTSIDE)
    def test_what_is_no_relative_path_is_refused(self, sink: Sink, key: str) -> None:
        with pytest.raises(SinkError):
            sink.create(key)
        with pytest.raises(SinkError):
            sink.open(key)

    # Removing

    def test_delete_takes_the_keys_and_their_empty_folders_and_nothing_else(self, sink: Sink) -> None:
        for key in ("a/b/one", "a/b/two", "a/c/three", "a/four"):
            self.put(sink, key)
        sink.delete(key for key in ("a/b/one", "a/b/two", "a/b/never-was", "no/such/folder"))
        assert self.keys(sink) == ["a/c/three", "a/four"]
        assert not self.leftovers(sink)
        sink.delete(["a/b/one"])
        sink.delete([])
        self.put(sink, "a/b/one", b"again")
        assert self.get(sink, "a/b/one") == b"again"

    def test_delete_does_not_disturb_writers_in_the_same_folder(self, sink: Sink) -> None:
        def work(number: int) -> None:
            for turn in range(40):
                key = f"shared/folder/{number}-{turn}"
                self.put(sink, key)
                sink.delete([key])

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(work, number) for number in range(4)]:
                done.result()
        assert self.keys(sink) == []

    def test_sweep_removes_what_killed_writers_left_and_nothing_else(self, sink: Sink) -> None:
        self.put(sink, "a/kept")
        self.put(sink, "b/kept")
        for key in ("a/left", "a/deep/left", "b/left"):
            sink.create(key).write(b"half")
        gc.collect()
        sink.sweep("a")
        sink.sweep("")
        sink.sweep("no/such/folder")
        assert self.keys(sink) == ["a/kept", "b/kept"]
        assert not self.leftovers(sink)

    # The rest

    def test_sync_may_be_called_at_any_time(self, sink: Sink) -> None:
        sink.sync()
        self.put(sink, "a/b")
        unfinished = sink.create("a/c")
        unfinished.write(b"half")
        sink.sync()
        sink.sync()
        unfinished.discard()
        sink.sync(["a/b", "a/absent", "no/such/folder/absent"])
        sink.delete(["a/b"])
        sink.sync()
        assert self.keys(sink) == []

    def test_many_threads_may_write_list_and_read(self, sink: Sink) -> None:
        def work(number: int) -> None:
            for turn in range(25):
                key = f"account/{turn % 3}/{number}-{turn}"
                self.put(sink, key, f"{key}\n".encode() * 100)
                assert self.get(sink, key) == f"{key}\n".encode() * 100
            list(sink.list("account"))
            sink.sync()

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(work, number) for number in range(8)]:
                done.result()
        assert len(self.keys(sink)) == 200

    def test_checks_tell_that_all_is_well_and_leave_nothing_behind(self, sink: Sink) -> None:
        self.put(sink, "a/b")
        checks = list(sink.checks())
        assert checks
        assert all(check.name and check.detail for check in checks)
        assert [check for check in checks if check.ok is False] == []
        assert self.keys(sink) == ["a/b"]
        assert not self.leftovers(sink)

    def test_the_name_is_one_line_and_stays_the_same(self, sink: Sink) -> None:
        name = sink.name
        self.put(sink, "a/b")
        assert name
        assert name.isprintable()
        assert sink.name == name
