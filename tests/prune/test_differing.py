"""What two files of lines have in common is found, and nothing else is said to be in both."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core import FormatError
from wrikebackup_core.engine.prune.differing import Lines, differing

_LINES = st.lists(
    st.sampled_from([b"%064d  %c" % (sha, name) for sha in range(2) for name in b"abcdef"]) | st.binary(max_size=70)
)


def line(name: str) -> bytes:
    return f"{hashlib.sha256(name.encode()).hexdigest()}  ../attachments/{name}".encode()


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def compared(old: Sequence[bytes], new: Sequence[bytes], size: int = 1000, *, ended: bool = True) -> list[Lines]:
    one, other = (b"".join(line + b"\n" for line in lines) for lines in (old, new))
    return list(differing(cut(one, size), cut(other if ended else other[:-1], size)))


def lines_of(found: Sequence[Lines], *, new: bool) -> list[bytes]:
    return [line for lines in found if lines.new is new for line in lines.text.removesuffix(b"\n").split(b"\n")]


@settings(deadline=None, max_examples=300)
@given(
    _LINES.map(lambda lines: [line.replace(b"\n", b"") for line in lines]), _LINES, st.integers(1, 300), st.booleans()
)
def test_the_older_file_without_what_only_it_has_and_with_what_it_has_not_is_the_newer_one(
    old: list[bytes], new: list[bytes], size: int, ended: bool
) -> None:
    new = [line.replace(b"\n", b"") for line in new]
    found = compared(old, new, size, ended=ended)
    expected = new if ended or not new or new[-1] else new[:-1]  # an empty line without an end is none
    ours = Counter(old)
    gone = Counter(lines_of(found, new=False))
    assert gone <= ours
    assert ours - gone + Counter(lines_of(found, new=True)) == Counter(expected)


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(0, 3000), max_size=30), st.sets(st.integers(0, 3000), max_size=30), st.integers(100, 90_000))
def test_of_sorted_files_only_what_differs_is_told(gone: set[int], come: set[int], size: int) -> None:
    old = [line(f"IEAAAEDYIY{at:06X}-file {at}") for at in range(3000) if at not in come]
    new = [line(f"IEAAAEDYIY{at:06X}-file {at}") for at in range(3000) if at not in gone]
    found = compared(old, new, size)
    for lines, expected in ((lines_of(found, new=True), come - gone), (lines_of(found, new=False), gone - come)):
        assert sorted(lines) == sorted(line(f"IEAAAEDYIY{at:06X}-file {at}") for at in expected if at < 3000)


def test_a_line_with_another_hash_is_another() -> None:
    old = [line(f"{at:04}") for at in range(100)]
    new = [b"0" * 64 + one[64:] if at == 50 else one for at, one in enumerate(old)]
    found = compared(old, new)
    assert (lines_of(found, new=False), lines_of(found, new=True)) == ([old[50]], [new[50]])


def test_the_last_line_of_a_file_that_breaks_off_is_told() -> None:
    assert compared([], [b"a", b"b"])[-1].text.endswith(b"b\n")
    assert compared([], [b"a", b"b"], ended=False)[-1].text.endswith(b"b")


def test_a_file_without_lines_does_not_fill_the_memory() -> None:
    with pytest.raises(FormatError, match="not made of hashes and paths"):
        list(differing([], (b"x" * (1 << 20) for _ in range(100))))
