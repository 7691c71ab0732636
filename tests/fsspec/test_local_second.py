"""Sizes of many files in a folder: the same whether a second process asks for half of them, cannot be started, or dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wrikebackup_fsspec.local.second import Second
from wrikebackup_fsspec.local.sink import LocalSink

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are read from /proc")

_FILES = 13_000
_AWKWARD = ["with\nline", "grö\u00dfe", "-", "\\", " "]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    (folder / "a" / "deeper").mkdir(parents=True)
    (folder / "a" / "deeper" / "one").write_bytes(b"12345")
    for name in [*_AWKWARD, *map(str, range(_FILES))]:
        (folder / "a" / name).write_bytes(b"x" * (len(name) * 7))
    return folder


def children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def sizes_in(root: Path) -> Iterator[tuple[str, int]]:
    for names, sizes in LocalSink(str(root)).names("a"):
        yield from zip(names, sizes(range(len(names))), strict=True)


def listed(root: Path) -> dict[str, int]:
    return {entry.key.removeprefix("a/"): entry.size for entry in LocalSink(str(root)).list("a")}


def test_half_of_the_sizes_are_asked_for_by_another_process_that_ends_with_the_listing(root: Path) -> None:
    before, during, found = children(), list[int](), dict[str, int]()
    for name, size in sizes_in(root):
        found[name] = size
        if len(found) == _FILES:
            during = children()
    assert len(found) == _FILES + len(_AWKWARD) + 1
    assert found == listed(root)
    assert len(during) == len(before) + 1
    assert children() == before


def test_a_listing_that_is_left_ends_the_process_too(root: Path) -> None:
    before, found = children(), sizes_in(root)
    for _ in range(_FILES):
        next(found)
    assert len(children()) == len(before) + 1
    found.close()  # type: ignore[attr-defined]
    assert children() == before


def test_where_no_process_can_be_started_one_asks_for_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(root / "nothing"))
    assert dict(sizes_in(root)) == listed(root)


def test_the_sizes_that_a_killed_process_was_asked_for_are_asked_for_again(root: Path) -> None:
    before, found = set(children()), dict[str, int]()
    for name, size in sizes_in(root):
        found[name] = size
        if len(found) == _FILES - 100:
            (process,) = set(children()) - before
            os.kill(process, signal.SIGKILL)
    assert found == listed(root)


def test_of_a_file_that_is_gone_it_knows_nothing(root: Path) -> None:
    with Second() as second:
        names = [*map(str, range(_FILES - 1)), "gone"]
        assert second.ask(str(root / "a"), names)
        sizes = second.answer(len(names))
        assert sizes == [len(name) * 7 for name in names[:-1]] + [-1]
        assert second.ask(str(root / "nowhere"), names)
        assert set(second.answer(len(names))) == {-1}
        assert not second.ask(str(root / "a"), ["1"])
