"""SHA256SUMS in pieces: nothing is lost between them, and what two have in common is cut alike."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core.engine.prune.pieces import comparable, cut


def flat(pieces: Iterable[list[bytes]]) -> list[bytes]:
    return list(chain.from_iterable(pieces))


# Hashes begin with what a piece begins with far less often than here.
_LINES = st.lists(
    st.sampled_from([f"{start}{n:x}  ../attachments/{n}" for start in ("00", "03", "04", "1") for n in range(4)])
)


@settings(deadline=None, max_examples=300)
@given(_LINES, st.booleans(), st.integers(1, 200))
def test_pieces_are_whole_lines_and_together_the_file(lines: list[str], ended: bool, size: int) -> None:
    data = ("\n".join(lines) + "\n" * ended).encode()
    found = flat(cut([data[at : at + size] for at in range(0, len(data), size)]))
    assert b"\n".join(found) == data
    assert found == flat(cut([data]))


def test_a_line_more_changes_the_piece_that_it_is_in_and_no_other() -> None:
    lines = [f"{'00' if n % 10 == 0 else '1'}{n:x}  ../attachments/{n}" for n in range(100)]
    before = flat(cut(["\n".join(lines).encode()]))
    after = flat(cut(["\n".join([*lines[:35], "1ff  ../attachments/another", *lines[35:]]).encode()]))
    assert len(before) == len(after) == 10
    assert [one == other for one, other in zip(before, after, strict=True)] == [True] * 3 + [False] + [True] * 6


def test_the_two_ways_in_which_unicode_writes_a_name_are_one() -> None:
    one, other = comparable(["Gr\u00f6\u00dfe.pdf", "plain"]), comparable(["plain", "Gro\u0308\u00dfe.pdf"])
    assert one == list(reversed(other))


def test_each_name_of_a_store_is_one_even_where_it_holds_a_zero_byte() -> None:
    assert comparable(["a\0b", "c", "\0"]) == [b"a\0b", b"c", b"\0"]
    assert comparable([]) == []
    assert comparable([""]) == [b""]
