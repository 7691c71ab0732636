"""Sets of numbers as bytes are sets of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.prune.flags import Flags

_NUMBERS = st.lists(st.integers(0, 90), max_size=12) | st.integers(0, 90).map(lambda start: range(start, start + 7))
_CHANGES = st.lists(st.tuples(st.sampled_from(["add", "discard", "update", "copy", "pack"]), _NUMBERS), max_size=8)


def numbers(flags: Flags) -> list[int]:
    return list(flags.of(range(200)))


def changed(changes: list[tuple[str, list[int] | range]]) -> tuple[Flags, set[int]]:
    flags, plain = Flags(), set[int]()
    for change, some in changes:
        match change:
            case "add":
                flags.add(some)
                plain |= set(some)
            case "discard":
                flags.discard(some)
                plain -= set(some)
            case "update":
                flags.update(Flags(some))
                plain |= set(some)
            case "copy":
                flags = flags.copy()
            case _:
                flags = Flags.unpack(flags.pack())
    return flags, plain


@given(_CHANGES)
def test_whatever_is_done_to_it_it_is_what_a_set_would_be(changes: list[tuple[str, list[int] | range]]) -> None:
    flags, plain = changed(changes)
    assert numbers(flags) == sorted(plain)
    assert len(flags) == len(plain)
    assert flags.end > max(plain, default=-1)
    assert [number + 5 for number in flags.of(range(200), 5)] == [number for number in sorted(plain) if number >= 5]


@given(_CHANGES, _CHANGES)
def test_among_others_it_is_numbered_as_these_follow_each_other(
    changes: list[tuple[str, list[int] | range]], more: list[tuple[str, list[int] | range]]
) -> None:
    (flags, plain), (others, every) = changed(changes), changed(more)
    others.update(flags)
    places = {number: at for at, number in enumerate(sorted(every | plain))}
    assert numbers(flags.among(others)) == [places[number] for number in sorted(plain)]


def test_what_is_in_it_no_more_takes_no_room_in_a_copy() -> None:
    flags = Flags(range(1_000_000, 2_000_000))
    flags.discard(range(1_000_000, 1_999_999))
    assert len(flags.copy().pack()) < 100
    assert numbers(flags.copy()) == []
    assert (len(flags.copy()), flags.copy().end) == (1, 2_000_000)


@pytest.mark.parametrize("packed", [b"", b"no bytes of ours", "text", 7, None])
def test_what_is_not_packed_is_refused(packed: object) -> None:
    with pytest.raises(ValueError, match="is not packed"):
        Flags.unpack(packed)  # type: ignore[arg-type]
