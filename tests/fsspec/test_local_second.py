"""Names and sizes of many files in a folder: the same whether a second process helps, cannot be started, or dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core import SinkError
from wrikebackup_fsspec.local import naming, second, second_main
from wrikebackup_fsspec.local.second import Second
from wrikebackup_fsspec.local.sink import LocalSink

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are read from /proc")

_FILES = 33_000
_AWKWARD = ["with\nline", "grö\u00dfe", "-", "\\", " "]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    (folder / "a" / "deeper").mkdir(parents=True)
    (folder / "a" / "deeper" / "one").write_bytes(b"12345")
    (folder / "a" / "link").symlink_to("1")
    (folder / "a" / os.fsdecode(b"not \xff Unicode")).touch()
    for name in [*_AWKWARD, *map(str, range(_FILES))]:
        (folder / "a" / name).write_bytes(b"x" * (len(name) * 7))
    return folder


def children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


@contextmanager
def sizes_in(root: Path) -> Iterator[Iterator[tuple[str, int]]]:
    """Each answer is looked at when the next question is asked."""

    def one_behind() -> Iterator[tuple[str, int]]:
        before: list[tuple[list[str], Iterator[int]]] = []
        for names, sizes in batches:
            before.append((list(names), iter(sizes(range(len(names))))))
            if before[1:]:
                yield from zip(*before.pop(0), strict=True)
        for pair in before:
            yield from zip(*pair, strict=True)

    with LocalSink(str(root)).names("a") as batches:
        yield one_behind()


def listed(root: Path) -> dict[str, int]:
    return {entry.key.removeprefix("a/"): entry.size for entry in LocalSink(str(root)).list("a")}


def test_another_process_lists_and_asks_for_sizes_and_ends_with_the_listing(root: Path) -> None:
    before, found = children(), dict[str, int]()
    with sizes_in(root) as sizes:
        assert len(children()) == len(before) + 1
        found.update(sizes)
    assert children() == before
    assert len(found) == _FILES + len(_AWKWARD) + 1
    assert found == listed(root)


def test_what_no_key_can_be_called_is_told_whatever_is_listed_meanwhile(root: Path) -> None:
    sink = LocalSink(str(root))
    with sink.names("a") as names:
        assert len(list(sink.list("a/deeper"))) == 1
        assert sum(len(some) for some, _ in names) == _FILES + len(_AWKWARD) + 1
        assert sink.passed_over == ["a/not \\xff Unicode"]


def test_a_listing_that_is_left_ends_the_process_too(root: Path) -> None:
    before = children()
    with sizes_in(root) as sizes:
        for _ in range(_FILES // 2):
            next(sizes)
    assert children() == before
    with pytest.raises(KeyboardInterrupt), sizes_in(root):
        raise KeyboardInterrupt
    assert children() == before


def test_a_small_folder_needs_no_other_process(tmp_path: Path) -> None:
    before = children()
    (tmp_path / "a").mkdir()
    for name in "xyz":
        (tmp_path / "a" / name).write_bytes(name.encode())
    with sizes_in(tmp_path) as sizes:
        assert children() == before
        assert dict(sizes) == dict.fromkeys("xyz", 1)


@pytest.mark.parametrize("executable", ["/nothing", "", None])
def test_where_no_process_can_be_started_one_asks_for_all(
    root: Path, monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    with sizes_in(root) as sizes:
        assert dict(sizes) == listed(root)


@pytest.mark.parametrize("pipe", [4096, 1 << 30])
def test_pipes_may_be_as_small_as_the_system_likes(root: Path, monkeypatch: pytest.MonkeyPatch, pipe: int) -> None:
    before = children()
    monkeypatch.setattr(second, "_PIPE", pipe)
    with sizes_in(root) as sizes:
        assert len(children()) == len(before) + 1
        assert dict(sizes) == listed(root)


def test_where_no_thread_can_be_started_one_asks_for_all_and_no_process_is_left(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    before = children()
    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
    with sizes_in(root) as sizes:
        assert children() == before
        assert dict(sizes) == listed(root)


@pytest.mark.parametrize("program", ["", "import os; os.write(1, b'?')", "import os; os.write(1, bytes(3))"])
def test_where_the_process_does_not_do_what_it_should_one_asks_for_all(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "program.py").write_text(program)
    monkeypatch.setattr(second_main, "__file__", str(tmp_path / "program.py"))
    with sizes_in(root) as sizes:
        assert dict(sizes) == listed(root)


def test_a_listing_of_which_the_process_is_killed_is_not_taken_for_whole(root: Path) -> None:
    before = set(children())
    with sizes_in(root) as sizes:
        next(sizes)
        (process,) = set(children()) - before
        os.kill(process, signal.SIGKILL)
        with pytest.raises(SinkError, match="to its end: the process that lists it is gone"):
            list(sizes)


def test_the_sizes_that_a_killed_process_was_asked_for_are_asked_for_again(root: Path) -> None:
    before = set(children())
    with LocalSink(str(root)).names("a") as batches:
        names, sizes = next(batches)
        asked = [sizes(range(len(names))) for _ in range(5)]
        (process,) = set(children()) - before
        os.kill(process, signal.SIGKILL)
        asked.append(sizes(range(len(names))))
        expected = [len(name) * 7 for name in names]
        assert [list(answer) for answer in asked] == [expected] * 6


def test_of_a_file_that_is_gone_it_knows_nothing(root: Path) -> None:
    with Second(str(root / "a")) as other:
        names = [*map(str, range(_FILES - 1)), "gone"]
        answers = [other.sizes(names[:-500]), other.sizes(names[-500:])]
        sizes = [size for answer in answers for size in answer.result()]
        assert sizes == [len(name) * 7 for name in names[:-1]] + [-1]


def test_a_folder_that_cannot_be_listed_is_told_and_not_taken_for_an_empty_one(root: Path) -> None:
    with Second(str(root / "nowhere")) as other, pytest.raises(OSError, match="cannot be listed"):
        list(other.names(lambda: False))
    with Second(str(root / "a" / "deeper")) as other:
        assert list(other.names(lambda: False)) == [(["one"], [])]


_SHELVES = st.lists(st.lists(st.binary(min_size=1, max_size=4).filter(lambda name: b"\0" not in name), min_size=1))


@given(_SHELVES)
def test_names_are_told_once_each_whatever_came_first(shelves: list[list[bytes]]) -> None:
    ranges, came = second_main._Ranges(), Counter[bytes]()
    for names in shelves:
        came.update(names)
        ranges.add(list(names))
        if len(names) % 2:
            came.subtract(name for text in ranges.taken() for name in text.split(b"\0"))
            assert not +came
            assert len(ranges) == 0
    came.subtract(name for text in ranges.taken() for name in text.split(b"\0"))
    assert not any(came.values())


@pytest.mark.parametrize("order", ["none", "that of names", "the other way round"])
def test_names_that_are_told_together_lie_near_each_other(order: str) -> None:
    every = [b"%06d" % at for at in range(120_000)]
    if order == "none":
        random.Random(1).shuffle(every)
    elif order == "the other way round":
        every.reverse()
    ranges = second_main._Ranges()
    for at in range(0, len(every), 10_000):
        ranges.add(every[at : at + 10_000])
    told = [sorted(text.split(b"\0")) for text in ranges.taken()]
    assert sum(map(len, told)) == len(every)
    assert max(map(len, told)) <= 20_000
    assert all(int(names[-1]) - int(names[0]) < len(names) for names in told)


def test_sizes_of_files_that_go_meanwhile_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    every = list(map(str, range(naming._LARGE)))
    for name in every:
        (tmp_path / "a" / name).write_bytes(b"x")
    with LocalSink(str(tmp_path)).names("a") as names:
        ((some, sizes),) = list(names)
        for name in every[::2]:
            (tmp_path / "a" / name).unlink()
        assert dict(zip(some, sizes(range(len(some))), strict=True)) == {name: int(name) % 2 for name in every}


def test_the_program_ends_by_itself_where_nobody_asks_any_more(root: Path) -> None:
    folder = os.fsencode(root / "a")
    question = array("q", [len(folder)]).tobytes() + folder
    for asked in (b"", question[:3], question[:-1], question, question + bytes(4)):
        done = subprocess.run(
            [sys.executable, "-I", "-S", second_main.__file__],
            input=asked,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.stdout == b""
