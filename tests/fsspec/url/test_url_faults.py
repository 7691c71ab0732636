"""File systems of fsspec that do not do what they are asked, and addresses that lead nowhere."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import fsspec
from tests.fsspec.asking import put
from wrikebackup_core import AlreadyExists, Context, SinkError, SinkFull, UsageError
from wrikebackup_fsspec.options import UrlOptions
from wrikebackup_fsspec.url.faults import failed
from wrikebackup_fsspec.url.opening import open_sink

SECRETS = {"test:password": "pw-71f3-do-not-show"}


class Faulty(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """In memory, and broken as a test says."""

    protocol = "faulty"
    fault: str = ""

    def mv(self, source: str, target: str, **options: Any) -> None:
        if self.fault == "mv loses":  # as some do whose server knows no such command
            self.rm_file(source)
            return
        self.cp_file(source, target)
        self.rm_file(source)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        if self.fault == "full" and mode == "wb":

            def refuse(data: bytes) -> int:
                raise OSError(28, "No space left on device")

            file.write = refuse
        if self.fault == "short" and mode == "wb":
            write = file.write
            file.write = lambda data: write(data[:-1])
        return file


@pytest.fixture(autouse=True)
def faulty() -> Iterator[type[Faulty]]:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    Faulty.fault = ""
    yield Faulty
    Faulty.fault = ""


def opened(url: str = "", **more: object) -> Any:
    options = UrlOptions.model_validate({"url": url or f"faulty://{secrets.token_hex(8)}", **more})
    return open_sink(options, Context(secret=SECRETS.__getitem__))


@pytest.mark.parametrize(
    ("fault", "error"), [("mv loses", "holds None bytes"), ("short", "holds 9 bytes of 10"), ("full", "no space left")]
)
def test_what_the_store_did_not_do_is_never_committed(faulty: type[Faulty], fault: str, error: str) -> None:
    sink = opened()
    sink.create("made/ready").discard()
    faulty.fault = fault
    with pytest.raises(SinkError, match=f"(?i){error}") as caught:
        put(sink, "a/b", b"0123456789")
    assert isinstance(caught.value, SinkFull) == (fault == "full")
    faulty.fault = ""
    assert list(sink.list("")) == []
    put(sink, "a/b", b"again")
    with pytest.raises(AlreadyExists):
        put(sink, "a/b", b"and again")


def test_an_error_while_it_is_written_publishes_nothing_and_spoils_nothing() -> None:
    """fsspec's own `with open(...)` publishes what was written so far, in place of what was there."""
    sink = opened()
    put(sink, "a/b", b"old")
    writer = sink.create("a/c")
    writer.write(b"half")
    writer.discard()
    assert [entry.key for entry in sink.list("")] == ["a/b"]


def test_doctor_finds_a_store_that_does_not_keep_what_it_is_given(faulty: type[Faulty]) -> None:
    sink = opened()
    assert {check.name: check.ok for check in sink.checks()} == {
        "reachable": True,
        "writable": True,
        "listed at once": True,
        "names kept": True,
        "whole or absent": True,
        "written once": None,
        "deleted": True,
        "durable": None,
    }
    faulty.fault = "short"
    assert [check.name for check in sink.checks() if check.ok is False] == ["writable"]


def test_a_file_system_that_ignores_ranges_when_it_is_asked_for_bytes_is_read_right(
    faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sshfs does: its `cat_file` gives the whole file."""

    def whole(self: Any, path: str, start: Any = None, end: Any = None, **options: Any) -> Any:
        with self.open(path, "rb") as file:
            return file.read()

    monkeypatch.setattr(faulty, "cat_file", whole)
    sink = opened()
    put(sink, "a/b", b"0123456789")
    with sink.open("a/b", 4) as reader:
        assert reader.read(3) == b"456"


def test_each_thread_has_a_connection_of_its_own(faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of fsspec's file systems have one, which two threads must not use at a time."""
    used: dict[int, set[int]] = {}
    look = faulty.info

    def info(self: Any, path: str, **options: Any) -> Any:
        used.setdefault(id(self), set()).add(threading.get_ident())
        return look(self, path, **options)

    monkeypatch.setattr(faulty, "info", info)
    sink = opened()
    together = threading.Barrier(4, timeout=60)

    def work(number: int) -> None:
        together.wait()
        put(sink, f"a/{number}")
        with sink.open(f"a/{number}") as reader:
            assert reader.read() == b"data"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(used) >= 4
    assert {len(threads) for threads in used.values()} == {1}


class Unescaping(Faulty):
    """As those do that put names into addresses as they are."""

    protocol = "unescaping"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(path)
        return unquote(stripped)


def test_a_store_that_makes_others_of_names_is_not_written_to() -> None:
    """It would say that it has what it was given, and list something else."""
    fsspec.register_implementation("unescaping", Unescaping, clobber=True)
    sink = opened(f"unescaping://{secrets.token_hex(8)}")
    with pytest.raises(SinkError, match=r"lists .* where '100%25 .*' was stored") as caught:
        sink.create("a/b")
    assert caught.value.hint
    assert {check.name: check.ok for check in sink.checks()}["names kept"] is False
    assert list(sink._files.below(sink.root)) == []


class Strict(Faulty):
    """Knows no options but its own."""

    protocol = "strict"

    def __init__(self, account: str = "") -> None:
        super().__init__()


def test_a_file_system_is_given_no_options_but_those_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """And remembers no old listing all the same."""
    fsspec.register_implementation("strict", Strict, clobber=True)
    sink = opened(f"strict://{secrets.token_hex(8)}", options={"account": "acme"})
    assert list(sink.list("")) == []
    assert sink._files._fs.dircache.use_listings_cache is False


class Reticent(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """Leaves out what a test says where it lists, or where it is asked for one file too."""

    protocol = "reticent"
    lists: ClassVar[dict[str, Any]] = {}
    tells: ClassVar[dict[str, Any]] = {}

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        found = super().ls(path, detail=detail, **options)
        return [_without(one, self.lists) for one in found] if detail else found

    def info(self, path: str, **options: Any) -> Any:
        return _without(super().info(path, **options), self.tells)


GONE = object()


def _without(told: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**told, **change}.items() if value is not GONE}


@pytest.fixture
def reticent(monkeypatch: pytest.MonkeyPatch) -> Any:
    fsspec.register_implementation("reticent", Reticent, clobber=True)
    sink = opened(f"reticent://{secrets.token_hex(8)}")
    put(sink, "a/b", b"0123456789")
    return sink


@pytest.mark.parametrize("value", [None, GONE], ids=["none", "left out"])
@pytest.mark.parametrize("name", ["size", "type"])
def test_what_a_listing_leaves_out_is_asked_for(
    reticent: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(Reticent, "lists", {name: value})
    assert [(entry.key, entry.size) for entry in reticent.list("")] == [("a/b", 10)]
    assert list(reticent.folders("")) == ["a"]


@pytest.mark.parametrize("value", [None, GONE], ids=["none", "left out"])
@pytest.mark.parametrize(("name", "words"), [("size", "how large it is"), ("type", "a file or a folder")])
def test_a_store_that_does_not_tell_what_it_holds_is_an_error_in_one_line(
    reticent: Any, monkeypatch: pytest.MonkeyPatch, name: str, words: str, value: object
) -> None:
    monkeypatch.setattr(Reticent, "lists", {name: value})
    monkeypatch.setattr(Reticent, "tells", {name: value})
    for ask in (lambda: list(reticent.list("")), lambda: reticent.open("a/b"), lambda: put(reticent, "a/c")):
        with pytest.raises(SinkError, match=words) as caught:
            ask()
        assert caught.value.hint
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kind", "words", "hint"),
    [
        ("nothing-like-it://a/b", UsageError, "no addresses", "available_protocols"),
        ("adl://a/b", UsageError, "another library", "install adlfs"),
        ("ftp://127.0.0.1:9/b", SinkError, "refused", "the address"),
    ],
)
def test_an_address_that_cannot_be_opened_is_told_with_a_hint(
    url: str, kind: type[Exception], words: str, hint: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        opened(url)
    assert hint in str(caught.value.hint)  # type: ignore[attr-defined]


def test_a_secret_is_handed_over_and_never_shown() -> None:
    assert "pw-71f3" not in opened(f"faulty://backup:pw-71f3-do-not-show@{secrets.token_hex(8)}/x").name
    with pytest.raises(SinkError) as caught:
        opened("ftp://127.0.0.1:9/folder", secrets={"password": "test:password"}, options={"username": "backup"})
    assert "pw-71f3" not in str(caught.value)
    with pytest.raises(UsageError, match="password"):
        opened("ftp://127.0.0.1:9/folder", secrets={"password": "test:password"}, options={"password": "x"})


def test_an_error_of_a_library_is_repeated_without_the_passwords_in_its_addresses() -> None:
    error = failed("read", "a/b", ValueError("no way through http://ada:pw-71f3@proxy.example.com:3128/ to a/b"))
    assert str(error) == "cannot read a/b: no way through http://proxy.example.com:3128/ to a/b"


def test_a_relative_folder_of_file_addresses_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sink = opened("file://backups")
    put(sink, "a/b", b"data")
    assert (tmp_path / "backups" / "a" / "b").read_bytes() == b"data"
