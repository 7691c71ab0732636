"""Names as numbers, and numbers as runs."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.prune.numbering import Numbering, Walk, distinct, flag, length, merged, runs_of

_RUNS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda run: (run[0], sum(run))))


def numbers(runs: array[int]) -> list[int]:
    return [number for start, stop in zip(runs[::2], runs[1::2], strict=True) for number in range(start, stop)]


def as_runs(pairs: list[tuple[int, int]]) -> array[int]:
    return array("I", [end for pair in pairs for end in pair])


@given(_RUNS)
def test_merged_runs_are_the_same_numbers_in_as_few_runs_as_can_be(pairs: list[tuple[int, int]]) -> None:
    runs = as_runs(pairs)
    found = merged(runs)
    assert numbers(found) == numbers(runs)
    assert all(stop != start for stop, start in zip(found[1::2], found[2::2], strict=False))


@given(_RUNS)
def test_flags_stand_at_the_numbers(pairs: list[tuple[int, int]]) -> None:
    runs, flags = as_runs(pairs), bytearray(3)
    flag(flags, runs)
    assert [at for at, set_ in enumerate(flags) if set_] == sorted(set(numbers(runs)))


@given(_RUNS)
def test_runs_are_counted_and_what_is_there_twice_is_noticed(pairs: list[tuple[int, int]]) -> None:
    every = numbers(as_runs(pairs))
    assert length(as_runs(pairs)) == len(every)
    assert distinct(as_runs(pairs)) == (len(set(every)) == len(every))


@given(st.lists(st.integers(0, 20)))
def test_numbers_as_runs_are_the_same_numbers(every: list[int]) -> None:
    assert numbers(runs_of(every)) == every
    assert runs_of(every) == merged(runs_of(every))
    assert numbers(runs_of(range(3, 3 + len(every)))) == list(range(3, 3 + len(every)))


@given(st.lists(st.integers(0, 30), unique=True, min_size=1), st.data())
def test_a_walk_gives_what_is_between_two_numbers_one_behind_the_other(every: list[int], data: st.DataObject) -> None:
    walk, at = Walk(runs_of(every)), 0
    while at < len(every):
        start = data.draw(st.integers(at, len(every) - 1))
        at = data.draw(st.integers(start + 1, len(every)))
        found = walk.between(every[start], every[at - 1])
        assert found is not None
        assert numbers(found) == every[start:at]
    assert walk.between(99, 99) is None
    assert walk.between(every[-1], 99) is None


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1), min_size=1))
def test_each_name_has_one_number_and_keeps_it(shelves: list[list[str]]) -> None:
    numbering = Numbering([b"x"])
    for names in [*shelves, *shelves]:
        every = list(numbering.since(0))
        found = list(numbering.numbers([name.encode() for name in names]))
        every += numbering.since(len(every))
        assert [every[number].decode() for number in found] == names
        assert [numbering.number(name.encode()) for name in names] == found
        assert len(every) == len(set(every)) == len(numbering)
    assert numbering.number(b"another") is None
    assert numbering.stored == 1
    assert numbering.end() == set(every)
