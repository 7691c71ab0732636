"""SHA256SUMS in pieces: nothing is lost between them, and what two have in common is cut alike."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core.engine.prune.pieces import Cutting, finer, key_of

# Hashes begin with two zeros, with one, and with none far more often than they do.
_LINES = st.lists(
    st.sampled_from([f"{start}{n:x}  ../attachments/{n}" for start in ("00", "01", "1") for n in range(4)])
)
_FILES = st.lists(st.tuples(_LINES, st.booleans()), min_size=1, max_size=5)


@settings(deadline=None, max_examples=300)
@given(_FILES, st.integers(1, 200))
def test_pieces_are_whole_lines_and_together_the_file(files: list[tuple[list[str], bool]], size: int) -> None:
    cutting = Cutting()
    for lines, ended in files * 2:
        data = ("\n".join(lines) + "\n" * ended).encode()
        found = list(cutting.large([data[at : at + size] for at in range(0, len(data), size)]))
        assert b"\n".join(piece for _, piece in found) == data
        for key, piece in found:
            assert key == key_of(piece)
            assert b"\n".join(finer(piece)) == piece


def test_a_line_more_changes_the_piece_that_it_is_in_and_no_other() -> None:
    lines = [f"{'00' if n % 10 == 0 else '1'}{n:x}  ../attachments/{n}" for n in range(100)]
    cutting = Cutting()

    def keys(some: list[str]) -> list[bytes]:
        return [key for key, _ in cutting.large(["\n".join(some).encode()])]

    before = keys(lines)
    after = keys([*lines[:35], "1ff  ../attachments/another", *lines[35:]])
    assert len(before) == len(after) == 10
    assert [one == other for one, other in zip(before, after, strict=True)] == [True] * 3 + [False] + [True] * 6
    assert keys(lines) == before
