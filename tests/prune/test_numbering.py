"""Names as numbers."""

from __future__ import annotations

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.prune.numbering import Numbering

_NAMES = st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=6), max_size=6)


def as_bytes(names: list[str]) -> list[bytes]:
    return [name.encode() for name in names]


@given(_NAMES, st.booleans())
def test_each_name_has_one_number_and_keeps_it(shelves: list[list[str]], ascending: bool) -> None:
    every = [b"x", b"e", b"y"]
    numbering = Numbering([[b"x"], [b"e", b"y"]])
    numbering.note = lambda names: every.extend(names.split(b"\0"))
    for shelf in [*shelves, *shelves]:
        names = as_bytes(sorted(set(shelf)) if ascending else shelf)
        found = list(numbering.numbers(names))
        assert [every[number] for number in found] == names
        assert [numbering.number(name) for name in names] == found
        assert len(every) == len(set(every)) == len(numbering)
    assert numbering == set(every)
    assert numbering | {b"z"} == {*every, b"z"}
    assert numbering.number(b"another") is None
    assert "x" not in numbering


@given(_NAMES, _NAMES)
def test_what_is_missing_is_found_in_any_order(shelves: list[list[str]], asked: list[list[str]]) -> None:
    numbering, met = Numbering(), set[bytes]()
    for shelf, names in zip_longest(shelves, asked, fillvalue=[]):
        numbering.numbers(as_bytes(shelf))
        met |= set(as_bytes(shelf))
        assert numbering.missing(as_bytes(names)) == [at for at, name in enumerate(as_bytes(names)) if name not in met]


@pytest.mark.parametrize("step", [1, 100])
def test_many_names_are_found_whether_they_lie_near_each_other_or_not(step: int) -> None:
    many = [b"%06d" % at for at in range(20_000)]
    numbering = Numbering([many[::2]])
    asked = many[5_000 : 5_000 + 100 * step : step]
    places = [at for at, name in enumerate(asked) if int(name) % 2]
    assert numbering.missing(asked) == places
    found = numbering.numbers(asked)
    assert [found[at] for at in places] == list(range(10_000, 10_000 + len(places)))
    assert numbering.missing(asked) == []
