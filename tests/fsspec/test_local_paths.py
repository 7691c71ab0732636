"""Where the local sink writes, and where it does not."""

from __future__ import annotations

import gc
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fsspec.asking import put
from wrikebackup_core import AlreadyExists, KeyUnfit, SinkError, UsageError
from wrikebackup_fsspec import keys
from wrikebackup_fsspec.keys import temporary_name
from wrikebackup_fsspec.local.sink import LocalSink

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions, links or names")


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    put(LocalSink("~/backups"), "a/b")
    assert (tmp_path / "backups" / "a" / "b").read_bytes() == b"data"


def test_a_relative_path_starts_in_the_working_directory_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sink = LocalSink("./backups")
    monkeypatch.chdir("/")
    put(sink, "a/b")
    assert (tmp_path / "backups" / "a" / "b").read_bytes() == b"data"
    assert sink.name == f"local:{tmp_path / 'backups'}"


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "nul\0byte"])
def test_a_path_that_names_no_folder_is_a_mistake_of_the_profile(path: str) -> None:
    with pytest.raises(UsageError, match="names no folder"):
        LocalSink(path)


def test_a_path_that_is_a_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(SinkError, match="file is not a folder"):
        LocalSink(str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_file_on_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    sink = LocalSink(str(tmp_path / "file" / "below"))
    with pytest.raises(SinkError, match=r"cannot write .*a.b: not a directory") as caught:
        sink.create("a/b")
    assert caught.value.hint == "a file stands where a folder is needed"
    put(LocalSink(str(tmp_path)), "account")
    with pytest.raises(SinkError, match="not a directory"):
        LocalSink(str(tmp_path)).create("account/below")


def test_reading_and_listing_make_no_folder(tmp_path: Path) -> None:
    sink = LocalSink(str(tmp_path / "new"))
    assert list(sink.list("")) == []
    sink.sync()
    sink.sweep("")
    sink.delete(["a/b"])
    assert not (tmp_path / "new").exists()


@posix
def test_only_the_owner_can_read_what_is_stored(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        put(LocalSink(str(tmp_path / "new" / "root")), "a/b")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "root" / "a" / "b").stat().st_mode) == 0o600
    for folder in ("new", "new/root", "new/root/a"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


@posix
def test_a_folder_that_is_a_link_elsewhere_is_neither_written_nor_emptied(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("precious")
    root = tmp_path / "root"
    root.mkdir()
    (root / "account").symlink_to(elsewhere)
    (root / "dangling").symlink_to(tmp_path / "nothing")
    sink = LocalSink(str(root))
    for key in ("account/precious2", "account/deep/er", "dangling/x"):
        with pytest.raises(SinkError, match="symbolic link"):
            sink.create(key)
    with pytest.raises(SinkError, match="symbolic link"):
        sink.delete(["account/precious"])
    (elsewhere / ".x.partial").write_text("a stranger's")
    sink.sweep("")
    assert list(sink.list("")) == []
    assert sorted(path.name for path in elsewhere.iterdir()) == [".x.partial", "precious"]
    assert not (tmp_path / "nothing").exists()


@posix
def test_a_link_with_the_name_of_a_new_key_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / "b").symlink_to(tmp_path / "outside")
    with pytest.raises(AlreadyExists):
        put(LocalSink(str(tmp_path / "root")), "a/b")
    assert not (tmp_path / "outside").exists()


@posix
def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "backups").symlink_to(tmp_path / "disk")
    put(LocalSink(str(tmp_path / "backups")), "a/b/c")
    assert (tmp_path / "disk" / "a" / "b" / "c").read_bytes() == b"data"


@posix
def test_what_others_keep_in_the_folder_is_no_object(tmp_path: Path) -> None:
    sink = LocalSink(str(tmp_path))
    put(sink, "account/one")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "lost+found" / "#123").write_text("x")
    os.mkfifo(tmp_path / "account" / "pipe")
    (tmp_path / "account" / "link").symlink_to(tmp_path / "account" / "one")
    Path(os.fsdecode(os.fsencode(tmp_path / "account") + b"/latin-\xe9")).write_text("x")
    assert [entry.key for entry in sink.list("")] == ["account/one"]
    with pytest.raises(SinkError):
        sink.open("account/pipe-that-is-not-there")
    sink.sweep("")
    assert (tmp_path / "lost+found" / "#123").exists()


def test_a_file_that_is_cut_while_it_is_read_is_an_error_and_not_a_short_object(tmp_path: Path) -> None:
    sink = LocalSink(str(tmp_path))
    put(sink, "a", b"x" * 10_000)
    for size in (-1, 4_000):
        with sink.open("a") as reader:
            assert len(reader.read(1_000)) == 1_000
            os.truncate(tmp_path / "a", 2_000)
            with pytest.raises(SinkError, match="ended after 2000 of 10000 bytes"):
                list(iter(lambda: reader.read(size), b""))  # noqa: B023 - used at once
        os.truncate(tmp_path / "a", 10_000)


def test_a_writer_is_used_up_by_commit_and_by_discard(tmp_path: Path) -> None:
    sink = LocalSink(str(tmp_path))
    done = sink.create("a")
    done.commit()
    done.discard()
    for act in (done.commit, lambda: done.write(b"more")):
        with pytest.raises(SinkError, match="a was committed or discarded before"):
            act()
    assert [entry.key for entry in sink.list("")] == ["a"]


def test_a_writer_that_is_dropped_closes_and_removes_its_file(tmp_path: Path) -> None:
    writer = LocalSink(str(tmp_path)).create("a/b")
    writer.write(b"half")
    assert len(list((tmp_path / "a").iterdir())) == 1
    del writer
    gc.collect()
    assert list((tmp_path / "a").iterdir()) == []


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: len(name.encode()) <= 255))
def test_temporary_names_are_recognised_and_never_too_long(name: str) -> None:
    temporary = temporary_name(name, "0123abcd12345678")
    assert len(temporary.encode()) <= 255
    assert keys.is_temporary(temporary)


@pytest.mark.parametrize("key", [".x.partial", "a/.x.partial/b", "a/.partial", "a/lone\ud800surrogate"])
def test_names_of_temporaries_and_what_is_no_unicode_are_no_keys(tmp_path: Path, key: str) -> None:
    with pytest.raises(SinkError, match="is no key"):
        LocalSink(str(tmp_path)).create(key)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file is called so")
def test_names_that_no_key_can_have_are_passed_over_and_shown(tmp_path: Path) -> None:
    """A file, and a folder with all that is in it."""
    sink = LocalSink(str(tmp_path))
    put(sink, "a/b")
    for name in (b"a/\xff.txt", b"a/gr\xf6\xdf/c", b"\xfe/d"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [entry.key for entry in sink.list("")] == ["a/b"]
    assert sorted(sink.passed_over) == [r"\xfe", r"a/\xff.txt", r"a/gr\xf6\xdf"]
    assert [entry.key for entry in sink.list("a")] == ["a/b"]
    assert len(sink.passed_over) == 2


def test_a_name_that_the_file_system_does_not_take_is_told_from_a_store_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyUnfit):
        put(LocalSink(str(tmp_path)), f"a/{'x' * 300}")
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.skipif(sys.platform != "win32", reason="the characters are allowed elsewhere")
@pytest.mark.parametrize("key", ["a\\b", "..\\up", "C:\\x", "a:stream"])
def test_windows_separators_and_streams_are_no_keys(tmp_path: Path, key: str) -> None:
    with pytest.raises(SinkError, match="is no key"):
        LocalSink(str(tmp_path)).create(key)
