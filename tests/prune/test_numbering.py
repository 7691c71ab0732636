"""Names as numbers, and numbers as runs."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.prune.numbering import Numbering, flag, merged

_RUNS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda run: (run[0], sum(run))))
_PIECES = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1), min_size=1)


def numbers(runs: array[int]) -> list[int]:
    return [number for start, stop in zip(runs[::2], runs[1::2], strict=True) for number in range(start, stop)]


@given(_RUNS)
def test_merged_runs_are_the_same_numbers_in_as_few_runs_as_can_be(pairs: list[tuple[int, int]]) -> None:
    runs = array("I", [end for pair in pairs for end in pair])
    found = merged(runs)
    assert numbers(found) == numbers(runs)
    assert all(stop != start for stop, start in zip(found[1::2], found[2::2], strict=False))


@given(_RUNS)
def test_flags_stand_at_the_numbers(pairs: list[tuple[int, int]]) -> None:
    runs, flags = array("I", [end for pair in pairs for end in pair]), bytearray(3)
    flag(flags, runs)
    assert [at for at, set_ in enumerate(flags) if set_] == sorted(set(numbers(runs)))


@given(_PIECES)
def test_each_name_has_one_number_and_keeps_it(pieces: list[list[str]]) -> None:
    numbering = Numbering()
    for names in [*pieces, *pieces]:
        piece = "\n".join(f"{'1' * 64}  ../attachments/{name}" for name in names).encode()
        every = list(numbering.since(0))
        found = numbers(numbering.runs([piece]))
        every += numbering.since(len(every))
        assert [every[number].decode() for number in found] == names
        assert len(every) == len(set(every)) == len(numbering)
    assert numbering.end() == set(every)
